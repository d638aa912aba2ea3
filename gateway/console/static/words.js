// words.js puts numbers and times into words.

export function count(n, one, many) {
  return `${n} ${n === 1 ? one : many ?? one + 's'}`
}

// seconds as "4 min 10 s".
export function span(seconds) {
  const s = Math.max(0, Math.round(seconds))
  if (s < 60) return `${s} s`
  if (s < 3600) return s % 60 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${s / 60} min`
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`
}

// age is how long ago a moment was.
export const age = (time) => span((Date.now() - new Date(time)) / 1000)

export const ago = (time) => (time ? `${age(time)} ago` : '')

// short leaves out what is nothing in a span of the API: 1h0m0s is 1h.
export const short = (text) => text.replace(/(\d+[hm])0m0s/g, '$1').replace(/(\d+m)0s/g, '$1')

export function clock(time) {
  return time ? new Date(time).toLocaleTimeString([], { hour12: false }) : ''
}

export function moment(time) {
  return time ? new Date(time).toLocaleString([], { hour12: false }) : ''
}

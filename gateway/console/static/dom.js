// dom.js makes elements. Text is always set as text: what comes from the API never becomes
// markup.

// h makes an element: h('p', {class: 'faint'}, 'text', child).
export function h(name, attributes, ...children) {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value)
    else if (value === true) element.setAttribute(key, '')
    else element.setAttribute(key, value)
  }
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue
    element.append(child)
  }
  return element
}

// show replaces what is in an element, and keeps the focus on what has the same id or label.
export function show(element, ...children) {
  const before = document.activeElement
  const key = before && element.contains(before) ? before.id || before.getAttribute('data-key') : ''
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false))
  if (!key) return
  const again = element.querySelector(`#${CSS.escape(key)}, [data-key="${CSS.escape(key)}"]`)
  if (again) again.focus({ preventScroll: true })
}

// table makes a table with a caption for screen readers.
export function table(caption, heads, rows) {
  return h('div', { class: 'scroll' }, h('table', { 'aria-label': caption },
    h('thead', {}, h('tr', {}, heads.map((head) => h('th', { scope: 'col', class: head.number && 'number' }, head.text ?? head)))),
    h('tbody', {}, rows)))
}

export function badge(text, mood) {
  return h('span', { class: `badge ${mood}` }, text)
}

// say tells what has happened, to eyes and screen readers.
let silence
export function say(text) {
  const said = document.getElementById('said')
  said.textContent = text
  clearTimeout(silence)
  silence = setTimeout(() => { said.textContent = '' }, 8000)
}

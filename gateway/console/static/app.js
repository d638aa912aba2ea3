// app.js is the frame: which view the address names, who is signed in, and how the gateway
// does. A view is a function that draws into main and returns what ends it.
import { get, token } from './api.js'
import { h, show } from './dom.js'
import { tenants } from './tenants.js'
import { tenant } from './tenant.js'
import { pools } from './pools.js'
import { cutovers } from './cutovers.js'
import { cutover } from './cutover.js'
import { audit } from './audit.js'

const routes = [
  [/^#\/$/, tenants],
  [/^#\/tenants\/([^/]+)$/, tenant],
  [/^#\/pools$/, pools],
  [/^#\/cutovers$/, cutovers],
  [/^#\/cutovers\/([^/]+)$/, cutover],
  [/^#\/audit$/, audit],
]

const main = document.getElementById('main')
let end = () => {}

// open draws the view that the address names.
async function open() {
  end()
  end = () => {}
  const address = location.hash || '#/'
  for (const link of document.querySelectorAll('.top nav a')) {
    const section = link.getAttribute('href')
    const here = section === '#/' ? address === '#/' || address.startsWith('#/tenants/') : address.startsWith(section)
    here ? link.setAttribute('aria-current', 'page') : link.removeAttribute('aria-current')
  }
  for (const [pattern, view] of routes) {
    const found = pattern.exec(address)
    if (found) {
      end = start(view, ...found.slice(1).map(decodeURIComponent))
      return
    }
  }
  show(main, h('h1', {}, 'No such page'), h('p', {}, h('a', { href: '#/' }, 'Back to the tenants')))
}

// start runs a view and loads it again while it is open. A view gives: load, which asks the
// API; draw, which makes nodes of what load gave; and maybe begin, for streams.
function start(view, ...names) {
  const made = view(...names)
  let stopped = false
  let timer
  let data
  let drawn = { text: '', at: 0 }
  const redraw = () => {
    drawn = { text: JSON.stringify(data), at: Date.now() }
    show(main, made.draw(data, refresh, redraw))
    document.title = `${made.title} · Sluice`
  }
  const load = async (changed) => {
    clearTimeout(timer)
    try {
      if (changed || !document.getElementById('dialog').open) data = await made.load()
      if (stopped) return
      // "3 min ago" grows old, too
      if (changed || JSON.stringify(data) !== drawn.text || Date.now() - drawn.at > 15000) redraw()
    } catch (error) {
      if (stopped) return
      if (error.status === 401) return signIn(error)
      fail(error)
    }
    timer = setTimeout(load, made.every ?? 3000)
  }
  const refresh = () => load(true)
  // What was seen last stays: it is better than nothing while a gateway restarts.
  const fail = (error) => {
    const away = h('p', { class: 'notice bad', id: 'away', role: 'alert' }, error.message)
    if (!drawn.at) show(main, h('h1', {}, made.title), away)
    else if (!document.getElementById('away')) main.prepend(away)
    drawn.text = ''
  }
  const stop = made.begin?.(refresh)
  load()
  return () => {
    stopped = true
    clearTimeout(timer)
    stop?.()
  }
}

// signIn asks for a token. It stays in this tab.
function signIn(why) {
  end()
  end = () => {}
  const given = token.get() !== ''
  token.drop()
  const input = h('input', { id: 'token', type: 'password', autocomplete: 'off', required: true, spellcheck: 'false' })
  show(main, h('form', {
    class: 'card login',
    onsubmit: (event) => {
      event.preventDefault()
      token.set(input.value.trim())
      open()
      health()
    },
  }, h('h1', {}, 'Sign in'),
  h('p', { class: 'faint' }, 'With a token of spec.admin.tokens. It is kept until this tab is closed.'),
  h('label', {}, 'Token', input),
  given && h('p', { class: 'error', role: 'alert' }, why.message),
  h('div', { class: 'actions' }, h('button', { class: 'main' }, 'Sign in'))))
  input.focus()
  document.title = 'Sign in · Sluice'
}

// health shows in the head how the gateway does.
async function health() {
  const place = document.getElementById('health')
  const leave = document.getElementById('leave')
  leave.hidden = token.get() === ''
  try {
    const status = await get('/status')
    const wrong = []
    if (!status.ready) wrong.push(status.notReady)
    if (!status.store.healthy) wrong.push(`the ${status.store.kind} store is away`)
    if (status.backends.down) wrong.push(`${status.backends.down} servers down`)
    if (status.problems.length) wrong.push(`${status.problems.length} configuration problems`)
    const replicas = status.replicas.replicas.length
    place.className = `health ${wrong.length ? 'warn' : 'good'}`
    place.textContent = wrong.length ? wrong.join(', ') : `well, ${replicas === 1 ? 'one gateway' : `${replicas} gateways`}, ${status.version}`
  } catch (error) {
    place.className = 'health bad'
    place.textContent = error.status === 401 ? '' : error.message
  }
}

document.getElementById('leave').addEventListener('click', () => {
  token.drop()
  signIn(new Error(''))
  health()
})
addEventListener('hashchange', () => {
  open()
  main.focus()
})
open()
health()
setInterval(health, 5000)

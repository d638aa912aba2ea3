// cutovers.js shows cutovers: those that run, and one as it goes.
import { get, getTagged, write, events } from './api.js'
import { h, table, badge, show } from './dom.js'
import { ago, clock, span } from './words.js'
import { decide } from './dialog.js'
import { impact } from './impact.js'

export function cutovers() {
  return {
    title: 'Cutovers',
    every: 3000,
    load: () => get('/cutovers'),
    draw: ({ cutovers }) => [
      h('h1', {}, 'Cutovers'),
      h('section', { class: 'card' }, cutovers.length === 0
        ? h('p', { class: 'empty' }, 'None is running. Start one from a tenant.')
        : table('Running cutovers', ['Tenant', 'Move', 'Phase', 'Left', 'Since'], cutovers.map(row))),
    ],
  }
}

function row(c) {
  return h('tr', {},
    h('th', { scope: 'row' }, h('a', { href: `#/cutovers/${encodeURIComponent(c.id)}`, 'data-key': c.id }, c.tenant)),
    h('td', {}, `${c.strategy}, ${c.from} to ${c.to}`),
    h('td', {}, phase(c)),
    h('td', {}, c.remainder?.sentence),
    h('td', { class: 'faint' }, ago(c.started)))
}

export function phase(c) {
  if (c.blocked) return badge(`${c.phase}, stands still`, 'bad')
  if (c.paused) return badge(`${c.phase}, paused`, 'warn')
  if (c.phase === 'completed') return badge('completed', 'good')
  if (c.phase === 'aborted' || c.phase === 'failed') return badge(c.phase, 'bad')
  return badge(c.phase, 'warn')
}

// cutover is one, live: the stream tells what changes between two loads.
export function cutover(id) {
  let live = null
  let left = null
  let place = null
  const redraw = (refresh) => { if (live && place) show(place, body(live, left, refresh)) }
  return {
    title: 'Cutover',
    every: 15000,
    begin: (refresh) => events(`/cutovers/${encodeURIComponent(id)}/events`, (event) => {
      if (event.type === 'remainder') left = event.data
      if (event.type === 'cutover') live = event.data
      if (event.type !== 'timeline') redraw(refresh)
    }, () => {}),
    load: () => get(`/cutovers/${encodeURIComponent(id)}`),
    draw: (c, refresh) => {
      live = c
      left = c.remainder ?? left
      place = h('div', { class: 'view' }, body(c, left, refresh))
      return place
    },
  }
}

function body(c, left, refresh) {
  return [
    h('div', { class: 'head' },
      h('h1', {}, h('a', { href: `#/tenants/${encodeURIComponent(c.tenant)}` }, c.tenant), `: ${c.from} to ${c.to}`), phase(c),
      h('div', { class: 'actions' }, (c.can ?? []).map((verb) => button(c, verb, refresh)))),
    panel(c, left),
    h('section', { class: 'card' }, h('h2', {}, 'What has happened'),
      h('ol', { class: 'timeline', 'aria-live': 'polite' }, [...c.timeline].reverse().map((e) => h('li', {}, h('time', { datetime: e.at }, clock(e.at)), h('span', {}, `${e.actor}: ${e.text}`))))),
  ]
}

// panel is where a cutover stands and what is left.
export function panel(c, left) {
  const at = c.phases.indexOf(c.phase)
  return h('section', { class: 'card' },
    h('ol', { class: 'steps', 'aria-label': 'Phases' }, c.phases.map((name, i) => h('li', {
      class: i === at ? 'now' : at < 0 || i < at ? (at < 0 ? '' : 'done') : '', 'aria-current': i === at && 'step',
    }, name))),
    c.strategy === 'shift' && h('p', {}, `${c.percent} % of the sessions go to ${c.to}`, h('progress', { max: 100, value: c.percent, 'aria-label': `Share of ${c.to}` })),
    !c.ended && left && h('p', { class: 'left', role: 'status' }, left.sentence, left.eta && h('span', { class: 'faint' }, ` – nothing in about ${left.eta}`)),
    left && !left.known && !c.ended && h('p', { class: 'notice bad' }, 'Not all is known: ', (left.unknown ?? []).join('; ')),
    c.blocked && h('p', { class: 'notice bad' }, c.blocked),
    !c.ended && c.waits && h('p', { class: 'faint' }, `Waits for ${c.waits}`, c.until && `, until ${clock(c.until)} (${span((new Date(c.until) - Date.now()) / 1000)})`),
    c.noReturn && h('p', { class: 'notice' }, 'The point of no return is behind: it only goes forward.'),
    h('dl', { class: 'facts' },
      h('dt', {}, 'Strategy'), h('dd', {}, c.strategy, c.mode && `, ${c.mode}`),
      h('dt', {}, 'Started'), h('dd', {}, `${ago(c.started)} by ${c.actor}: ${c.reason}`),
      h('dt', {}, 'Id'), h('dd', { class: 'mono' }, c.id)))
}

const verbs = {
  promote: ['Promote', 'Go on without waiting: sessions that are left move, a shift takes its next share, a watch ends.'],
  pause: ['Pause', 'It stays where it is until somebody resumes it.'],
  resume: ['Resume', 'It goes on.'],
  confirm: ['Confirm', 'The external step is done, or what had failed is repaired.'],
  abort: ['Abort', 'What was done is undone: the tenant is served as before.'],
}

export function button(c, verb, refresh) {
  const [label, text] = verbs[verb] ?? [verb, '']
  return h('button', {
    type: 'button', class: verb === 'abort' ? 'danger' : verb === 'promote' ? 'main' : undefined, 'data-key': `${c.id}/${verb}`,
    onclick: async () => { if (await ask(c, verb, label, text)) refresh() },
  }, label)
}

function ask(c, verb, label, text) {
  const send = async (values, query, key) => {
    const { etag } = await getTagged(`/tenants/${encodeURIComponent(c.tenant)}`)
    return (await write('POST', `/cutovers/${encodeURIComponent(c.id)}/${verb}${query}`, { reason: values.reason }, etag, key)).body
  }
  return decide({
    title: `${label}: ${c.tenant}, ${c.from} to ${c.to}`, text, verb: label, danger: verb === 'abort', impact,
    dryRun: (values) => send(values, '?dryRun=true'),
    run: (values, key) => send(values, '', key),
    done: (answer) => answer.laggards?.length ? `${label}: said; waiting for ${answer.laggards.join(', ')}` : `${label}: done`,
  })
}

// cutover.js is one cutover as it goes: the stream of its events tells what is new.
import { events, get, text } from './api.js'
import { h, badge, part, say } from './dom.js'
import { ago, clock } from './words.js'
import { decide, filled } from './dialog.js'
import { gateways, left, sides } from './left.js'

// cutover is drawn once; afterwards each part changes when what it shows has changed.
export function cutover(id) {
  const path = `/cutovers/${encodeURIComponent(id)}`
  let live = null
  let rest = null
  let page = null
  let heard = { phase: '', at: 0 }
  const told = h('p', { class: 'unseen', role: 'status' })
  // tell says to a screen reader what phase it is, and now and then what is left: numbers that
  // change each second would drown all else.
  const tell = (c) => {
    if (c.phase === heard.phase && Date.now() - heard.at < 20000) return
    heard = { phase: c.phase, at: Date.now() }
    told.textContent = [c.phase, c.blocked || c.waits, !c.ended && rest?.sentence].filter(Boolean).join(': ')
  }
  const update = () => {
    if (!live || !page) return
    page.update(live, rest)
    tell(live)
  }
  const view = {
    title: 'Cutover',
    every: 15000,
    begin: (refresh) => events(`${path}/events`, (event) => {
      if (event.type === 'remainder') rest = event.data
      if (event.type === 'cutover') live = event.data
      if (event.type !== 'timeline') update()
      if (!live?.ended) return false
      refresh()
      return true
    }),
    load: () => get(path),
    draw: (c, refresh) => {
      live = c
      rest = c.remainder ?? rest
      view.title = `${c.tenant}: ${c.from} to ${c.to}`
      page ??= pageOf(refresh)
      update()
      return [told, page.element]
    },
  }
  return view
}

function pageOf(refresh) {
  const head = part('div', { class: 'head' }, (c) => [
    h('h1', {}, h('a', { href: `#/tenants/${encodeURIComponent(c.tenant)}`, 'data-key': 'tenant' }, c.tenant), `: ${c.from} to ${c.to}`), phase(c),
    h('div', { class: 'actions' }, c.can.map((verb) => button(c, verb, refresh)))])
  const stands = part('section', { class: 'card' }, (c, rest) => standing(c, rest))
  const where = part('div', {}, (c, rest) => !c.ended && rest && gateways(c, rest, refresh))
  const report = part('div', {}, (c) => c.ended && reportOf(c))
  const past = part('ol', { class: 'timeline' }, (timeline) => [...timeline].reverse().map((e) => h('li', {},
    h('time', { datetime: e.at }, clock(e.at)), h('span', {}, h('span', { class: 'faint' }, `${e.actor}: `), e.text))))
  return {
    element: h('div', { class: 'view' }, head.element, stands.element, where.element, report.element,
      h('section', { class: 'card' }, h('h2', {}, 'What has happened'), past.element)),
    update: (c, rest) => {
      const { timeline, remainder, ...rank } = c
      head.update(rank)
      stands.update(rank, rest)
      where.update(rank, rest)
      report.update(rank)
      past.update(timeline)
    },
  }
}

export function phase(c) {
  if (c.phase === 'completed') return badge('completed', 'good')
  if (c.phase === 'aborted' || c.phase === 'failed') return badge(c.phase, 'bad')
  if (c.blocked) return badge(`${c.phase}, stands still`, 'bad')
  if (c.paused) return badge(`${c.phase}, paused`, 'warn')
  return badge(c.phase, 'warn')
}

// standing is where a cutover stands and what is left.
export function standing(c, rest) {
  const at = c.phases.indexOf(c.phase)
  const state = (i) => (i === at ? 'now' : i < at ? 'done' : '')
  return [
    h('ol', { class: 'steps', 'aria-label': 'Phases' }, c.phases.map((name, i) => h('li', { class: state(i), 'aria-current': i === at && 'step' }, name))),
    !c.ended && rest && left(c, rest),
    !c.ended && c.strategy === 'shift' && h('p', {}, `${c.percent} % of the sessions go to ${c.to}.`, c.shares?.length > 0 && h('span', { class: 'faint' }, ` Stages: ${c.shares.map((s) => `${s.percent} %`).join(', ')}`)),
    !c.ended && rest && sides(c, rest),
    c.blocked && h('p', { class: 'notice bad' }, c.blocked),
    !c.ended && c.waits && h('p', {}, `Waits for ${c.waits}`, c.until && `, until ${clock(c.until)} at the latest`, '.'),
    !c.shared && !c.ended && h('p', { class: 'notice bad' }, 'The store is away: each gateway goes on by itself, and decisions stay on the gateway that is asked.'),
    c.noReturn && !c.ended && h('p', { class: 'notice' }, 'The point of no return is behind: it only goes forward.'),
    h('dl', { class: 'facts' },
      h('dt', {}, 'Strategy'), h('dd', {}, [c.strategy, c.mode, ...(c.classes ?? []), ...(c.paths ?? [])].filter(Boolean).join(', ')),
      h('dt', {}, 'Begun'), h('dd', {}, `${clock(c.started)} (${ago(c.started)}) by ${c.actor}`),
      h('dt', {}, 'Reason'), h('dd', {}, c.reason),
      c.ended && [h('dt', {}, 'Ended'), h('dd', {}, `${clock(c.ended)} (${ago(c.ended)})`)],
      h('dt', {}, 'Id'), h('dd', { class: 'mono' }, c.id)),
  ]
}

// reportOf shows the report when somebody asks for it, and saves it, signed or for people.
function reportOf(c) {
  const path = `/cutovers/${encodeURIComponent(c.id)}/report`
  const place = h('pre', { class: 'report', tabindex: '0', 'aria-label': 'Report', hidden: true })
  const act = (label, kind, use) => h('button', {
    type: 'button', 'data-key': label,
    onclick: () => text(path, kind).then(use, (error) => say(error.message)),
  }, label)
  return h('section', { class: 'card' },
    h('div', { class: 'head' }, h('h2', {}, 'Report'), h('div', { class: 'actions' },
      act('Show', 'text/markdown', (report) => { place.textContent = report; place.hidden = false; place.focus() }),
      act('Save for people', 'text/markdown', (report) => save(`${c.id}.md`, report, 'text/markdown')),
      act('Save signed', 'application/json', (report) => save(`${c.id}.json`, report, 'application/json')))),
    place)
}

function save(name, content, type) {
  const link = h('a', { href: URL.createObjectURL(new Blob([content], { type })), download: name })
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60000)
}

const verbs = {
  promote: ['Promote', 'Go on without waiting: sessions that are left move, a shift takes its next share, a watch ends.'],
  pause: ['Pause', 'It stays where it is until somebody resumes it.'],
  resume: ['Resume', 'It goes on.'],
  confirm: ['Confirm', 'The external step is done, or what had failed is repaired.'],
  abort: ['Abort', 'What was done is undone: the tenant is served as before.'],
}

// button is a command to a cutover.
export function button(c, verb, refresh) {
  return h('button', {
    type: 'button', class: verb === 'abort' ? 'danger' : verb === 'promote' ? 'main' : undefined, 'data-key': `${c.id}/${verb}`,
    onclick: async () => { if (await ask(c, verb)) refresh() },
  }, verbs[verb][0])
}

function ask(c, verb) {
  const [label, explained] = verbs[verb]
  const share = { name: 'percent', label: 'Share', hint: 'Percent of the sessions, up or down; empty: the next stage.', pattern: '[0-9]+([.][0-9]+)?' }
  return decide({
    title: `${label}: ${c.tenant}, ${c.from} to ${c.to}`, text: explained, verb: label, danger: verb === 'abort',
    fields: verb === 'promote' && c.phase === 'shifting' ? [share] : [],
    state: `/tenants/${encodeURIComponent(c.tenant)}`,
    request: ({ percent, ...values }) => ['POST', `/cutovers/${encodeURIComponent(c.id)}/${verb}`, percent ? { ...filled(values), percent: Number(percent) } : filled(values)],
  })
}

// tenant.js is one tenant: where it is, how its servers do, and what may be done with it.
import { get, getTagged, write } from './api.js'
import { h, badge } from './dom.js'
import { ago } from './words.js'
import { decide } from './dialog.js'
import { impact } from './impact.js'
import { servers, wellness } from './health.js'
import { buttons } from './pools.js'
import { panel, phase, button } from './cutovers.js'
import { list } from './audit.js'

export function tenant(name) {
  const path = `/tenants/${encodeURIComponent(name)}`
  return {
    title: name,
    every: 3000,
    load: async () => {
      const [declared, status, moves, log] = await Promise.all([get(path), get(`${path}/status`), get(`${path}/cutovers`), get(`/audit?tenant=${encodeURIComponent(name)}&limit=10`)])
      return { declared, status, moves: moves.cutovers, records: log.records }
    },
    draw: ({ declared, status, moves, records }, refresh) => {
      const running = moves.find((c) => !c.ended)
      const pools = Object.entries(status.releases)
      return [
        h('div', { class: 'head' }, h('h1', {}, name), wellness(pools.map(([, r]) => r.pool)),
          declared.drifted && badge(`drifted: ${declared.declared} is declared`, 'warn'), declared.hold && badge('held', 'warn'), declared.maintenance && badge('maintenance page', 'warn'),
          h('div', { class: 'actions' }, actions(declared, running, path, refresh))),
        h('p', { class: 'faint' }, declared.hosts.join(', ')),
        status.problems.map((p) => h('p', { class: 'notice bad' }, [p.field, p.message, p.hint].filter(Boolean).join(': '))),
        running && [
          h('div', { class: 'head' }, h('h2', {}, h('a', { href: `#/cutovers/${encodeURIComponent(running.id)}` }, `Cutover ${running.from} to ${running.to}`)), phase(running),
            h('div', { class: 'actions' }, running.can.map((verb) => button(running, verb, refresh)))),
          panel(running, running.remainder),
        ],
        h('div', { class: 'grid' }, pools.map(([release, r]) => side(release, r, status, refresh))),
        moves.filter((c) => c.ended).map((c) => h('section', { class: 'card' }, h('h2', {}, 'The last cutover'),
          h('p', {}, h('a', { href: `#/cutovers/${encodeURIComponent(c.id)}` }, `${c.strategy}, ${c.from} to ${c.to}`), ' ', phase(c), h('span', { class: 'faint' }, ` ${ago(c.ended)}, by ${c.actor}: ${c.reason}`)))),
        h('section', { class: 'card' }, h('h2', {}, 'Who changed what'), records.length ? list(records) : h('p', { class: 'empty' }, 'Nothing was changed yet.')),
      ]
    },
  }
}

// side is one release with its servers and what goes on there.
function side(release, r, status, refresh) {
  const now = status.remainder?.releases?.[release]
  return h('section', { class: 'card' },
    h('div', { class: 'head' }, h('h2', { class: `release-${release}` }, release), status.active === release && badge('active', 'good'), h('span', { class: 'faint' }, r.pool.name)),
    now && h('p', {}, `${now.sessions} sessions, ${now.sockets} sockets, ${now.inFlight} in flight`),
    servers(r.pool, (backend) => buttons(r.pool, backend, refresh)))
}

function actions(declared, running, path, refresh) {
  const act = (label, ask, main) => h('button', { type: 'button', class: main && 'main', 'data-key': label, onclick: async () => { if (await ask()) refresh() } }, label)
  const others = Object.keys(declared.releases).filter((r) => r !== declared.active)
  return [
    !running && others.length > 0 && act('Start cutover', () => start(declared, others, path), true),
    declared.hold ? !running && act('End hold', () => plain(path, 'hold', 'DELETE', 'End hold', 'What waits goes on.'))
      : !running && act('Hold', () => plain(path, 'hold', 'PUT', 'Hold', 'Requests wait at the edge, for a minute at most when nobody says otherwise.',
        [{ name: 'expires', label: 'For', value: '1m', hint: 'Such as 30s or 5m; 10m at most.' }])),
    declared.maintenance ? act('Page down', () => plain(path, 'maintenance', 'DELETE', 'Take the page down', 'Requests are served again.'))
      : act('Maintenance page', () => plain(path, 'maintenance', 'PUT', 'Put the page up', 'People see the maintenance page, programs get errors that they understand.',
        [{ name: 'text', label: 'What people read', kind: 'area' }, { name: 'expires', label: 'For', hint: 'Such as 30m or 4h; empty: until somebody takes it down.' }])),
  ]
}

// plain is a write about the tenant: what is empty is left out.
function plain(path, what, method, verb, text, fields = []) {
  const send = async (values, query, key) => {
    const { etag } = await getTagged(path)
    const body = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ''))
    return (await write(method, `${path}/${what}${query}`, body, etag, key)).body
  }
  return decide({
    title: verb, text, verb, fields, impact, danger: method === 'PUT',
    dryRun: (values) => send(values, '?dryRun=true'), run: (values, key) => send(values, '', key),
    done: (answer) => answer.laggards?.length ? `Said; ${answer.laggards.join(', ')} has not followed yet` : 'Done on every gateway',
  })
}

const strategies = [
  { value: '', text: 'as declared (drain when nothing is)' },
  { value: 'drain', text: 'drain: new sessions at once, known ones when they are idle' },
  { value: 'shift', text: 'shift: a growing share' },
  { value: 'switch', text: 'switch: hold, drain, flip' },
  { value: 'failover', text: 'failover: everything at once, away from what has failed' },
]

function start(declared, others, path) {
  const send = async (values, query, key) => {
    const { etag } = await getTagged(path)
    const body = { to: values.to, reason: values.reason }
    if (values.strategy) body.strategy = values.strategy
    if (values.deadline) body.deadline = values.deadline
    if (values.skipPreflight) body.skipPreflight = true
    if (values.overrideCalendar) body.overrideCalendar = true
    return (await write('POST', `${path}/cutovers${query}`, body, etag, key)).body
  }
  return decide({
    title: `Move ${declared.name} away from ${declared.active}`, verb: 'Start', impact,
    fields: [
      { name: 'to', label: 'To', kind: 'select', options: others.map((o) => ({ value: o, text: `${o} (${declared.releases[o].pool}, ${declared.releases[o].database})` })) },
      { name: 'strategy', label: 'Strategy', kind: 'select', options: strategies },
      { name: 'deadline', label: 'Deadline', hint: 'Of a drain, such as 2h; empty: as declared.' },
      { name: 'skipPreflight', label: 'Start without the checks', kind: 'check' },
      { name: 'overrideCalendar', label: 'Although the calendar says no', kind: 'check' },
    ],
    dryRun: (values) => send(values, '?dryRun=true'), run: (values, key) => send(values, '', key),
    done: () => 'The cutover has begun',
  })
}


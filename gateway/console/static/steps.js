// steps.js is what may be done with a tenant: move it, hold it, put a page up.
import { h } from './dom.js'
import { decide, filled } from './dialog.js'

export function actions(declared, running, refresh) {
  const path = `/tenants/${encodeURIComponent(declared.name)}`
  const act = (label, ask, main) => h('button', { type: 'button', class: main && 'main', 'data-key': label, onclick: async () => { if (await ask()) refresh() } }, label)
  const others = Object.keys(declared.releases).filter((r) => r !== declared.active)
  return [
    !running && others.length > 0 && act('Start cutover', () => start(declared, others, path), true),
    !running && (declared.hold ? act('End hold', () => plain(path, 'hold', 'DELETE', 'End hold', 'What waits goes on.'))
      : act('Hold', () => plain(path, 'hold', 'PUT', 'Hold', 'Requests wait at the edge, then go on; for a minute when nobody says otherwise.',
        [{ name: 'expires', label: 'For', value: '1m', hint: 'Such as 30s or 5m; 10m at most.' }]))),
    declared.maintenance ? act('Page down', () => plain(path, 'maintenance', 'DELETE', 'Take the page down', 'Requests are served again.'))
      : act('Maintenance page', () => plain(path, 'maintenance', 'PUT', 'Put the page up', 'People see the maintenance page, programs get errors that they understand.',
        [{ name: 'text', label: 'What people read', kind: 'area' }, { name: 'expires', label: 'For', hint: 'Such as 30m or 4h; empty: until somebody takes it down.' }])),
  ]
}

function plain(path, what, method, verb, text, fields) {
  return decide({ title: verb, text, verb, fields, danger: method === 'PUT', state: path, request: (values) => [method, `${path}/${what}`, filled(values)] })
}

const strategies = [
  { value: '', text: 'as declared (drain when nothing is)' },
  { value: 'drain', text: 'drain: new sessions at once, known ones when they are idle' },
  { value: 'shift', text: 'shift: a growing share' },
  { value: 'switch', text: 'switch: hold, drain, flip' },
  { value: 'failover', text: 'failover: everything at once, away from what has failed' },
]

// start begins a cutover and goes to its page.
async function start(declared, others, path) {
  const answer = await decide({
    title: `Move ${declared.name} away from ${declared.active}`, verb: 'Start',
    fields: [
      { name: 'to', label: 'To', kind: 'select', options: others.map((o) => ({ value: o, text: `${o} (pool ${declared.releases[o].pool}, database ${declared.releases[o].database})` })) },
      { name: 'strategy', label: 'Strategy', kind: 'select', options: strategies },
      { name: 'deadline', label: 'Deadline', hint: 'Sessions that are left then are moved; such as 2h. Empty: as declared.', when: (values) => ['', 'drain'].includes(values.strategy) },
      { name: 'shares', label: 'Stages', hint: 'Percent of the sessions, one after the other, such as 10, 50, 100. Empty: as declared.', pattern: '[0-9., %]*', when: (values) => values.strategy === 'shift' },
      { name: 'each', label: 'Each for', hint: 'Such as 10m. Empty: until somebody promotes it.', when: (values) => values.strategy === 'shift' },
      { name: 'skipPreflight', label: 'Start without the checks', kind: 'check' },
      { name: 'overrideCalendar', label: 'Start although the calendar says no', kind: 'check' },
    ],
    state: path,
    request: ({ shares, each, ...values }) => {
      const body = filled(values)
      if (shares) body.shares = shares.split(/[,\s%]+/).filter(Boolean).map((percent) => filled({ percent: Number(percent), for: each }))
      return ['POST', `${path}/cutovers`, body]
    },
  })
  if (answer?.cutover) location.hash = `#/cutovers/${encodeURIComponent(answer.cutover.id)}`
  return answer
}

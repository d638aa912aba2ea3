// impact.js shows what a change would do, before it is done.
import { h } from './dom.js'
import { count, short } from './words.js'

export function impact(answer) {
  const i = answer.impact
  const tenants = i?.tenants ?? []
  const concerned = i && [
    count(i.sessions, 'session'),
    count(i.sockets, 'live connection'),
    count(i.inFlight, 'request in flight', 'requests in flight'),
    tenants.length > 1 && `${tenants.length} tenants: ${tenants.slice(0, 6).join(', ')}${tenants.length > 6 ? ' …' : ''}`,
  ].filter(Boolean).join(', ')
  return [
    h('h3', {}, 'What this changes'),
    answer.changes.length > 0 && h('dl', { class: 'facts' }, answer.changes.map((c) => [
      h('dt', {}, c.field), h('dd', {}, short(c.from) || '–', ' → ', h('strong', {}, short(c.to) || '–'))])),
    answer.changes.length === 0 && h('p', {}, 'Nothing: it is so already.'),
    concerned && h('p', {}, `Concerned now: ${concerned}.`),
    i && !i.known && h('p', { class: 'notice bad' }, 'A gateway is silent: the real numbers may be higher.'),
    (answer.warnings ?? []).map((w) => h('p', { class: 'notice' }, w)),
  ]
}

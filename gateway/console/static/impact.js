// impact.js shows what a change would do, before it is done.
import { h } from './dom.js'
import { count } from './words.js'

export function impact(answer) {
  const i = answer.impact ?? {}
  const numbers = [
    i.sessions !== undefined && count(i.sessions, 'session'),
    i.sockets !== undefined && count(i.sockets, 'live connection'),
    i.inFlight !== undefined && count(i.inFlight, 'request in flight', 'requests in flight'),
    i.tenants?.length > 1 && `${i.tenants.length} tenants: ${i.tenants.slice(0, 6).join(', ')}${i.tenants.length > 6 ? ' …' : ''}`,
  ].filter(Boolean)
  return [
    h('h3', {}, 'What this changes'),
    h('ul', {}, (answer.changes ?? []).map((c) => h('li', {}, typeof c === 'string' ? c : [c.field, ': ', h('code', {}, String(c.from ?? '–')), ' → ', h('code', {}, String(c.to ?? '–'))]))),
    numbers.length > 0 && h('p', {}, `Concerned now: ${numbers.join(', ')}.`),
    i.known === false && h('p', { class: 'notice bad' }, `A gateway is silent${i.silent?.length ? ` (${i.silent.join(', ')})` : ''}: the numbers are too low.`),
    (answer.warnings ?? []).map((w) => h('p', { class: 'notice' }, w)),
  ]
}

// left.js shows what is left on the side that is left, over all gateways.
import { h, badge, table, unseen } from './dom.js'
import { count, short } from './words.js'
import { decide } from './dialog.js'

// left is one sentence, and what is not known.
export function left(c, rest) {
  return [
    h('p', { class: 'left' }, rest.sentence, rest.eta && h('span', { class: 'faint' }, `, gone in about ${short(rest.eta)}`)),
    rest.held > 0 && h('p', { class: 'notice' }, `${count(rest.held, 'request waits', 'requests wait')} at the edge${rest.heldOldest ? `, the first for ${rest.heldOldest}` : ''}.`),
    rest.unknown?.length > 0 && h('p', { class: rest.known ? 'faint' : 'notice bad' }, `There may be more: ${short(rest.unknown.join('; '))}.`),
  ]
}

// sides says how the sessions are spread over both.
export function sides(c, rest) {
  const of = (release) => rest.releases[release] ?? { sessions: 0, sockets: 0, inFlight: 0 }
  const from = of(c.from)
  const to = of(c.to)
  const words = (release, n) => h('span', {}, h('strong', { class: `release-${release}` }, release), ` ${count(n.sessions, 'session')}, ${count(n.sockets, 'socket')}, ${n.inFlight} in flight`)
  const total = from.sessions + to.sessions
  return h('div', { class: 'sides' },
    h('progress', { max: Math.max(1, total), value: to.sessions, 'aria-label': `Sessions on ${c.to}` }),
    h('p', {}, words(c.from, from), words(c.to, to)))
}

// gateways is each gateway's part, the longest requests, and when the sessions were last seen.
export function gateways(c, rest, refresh) {
  const at = rest.releases[c.from]
  const seen = (at?.seen ?? []).filter((s) => s.sessions > 0).map((s) => `${s.sessions} within ${short(s.within)}`).join(', ')
  const longest = (at?.longest ?? []).map((l) => `${l.class} for ${short(l.for)}`).join(', ')
  return h('section', { class: 'card' }, h('h2', {}, 'By gateway'),
    table('By gateway', ['Gateway', { text: 'Held', number: true }, { text: `Requests on ${c.from}`, number: true }, { text: `Sockets on ${c.from}`, number: true }, { text: `Requests on ${c.to}`, number: true }, { text: `Sockets on ${c.to}`, number: true }, { text: unseen('Actions') }],
      (rest.replicas ?? []).map((r) => gateway(c, r, refresh))),
    (seen || longest) && h('dl', { class: 'facts' },
      seen && [h('dt', {}, `Seen on ${c.from}`), h('dd', {}, seen)],
      longest && [h('dt', {}, 'Running longest'), h('dd', {}, longest)]))
}

function gateway(c, r, refresh) {
  const number = (n) => h('td', { class: 'number' }, String(n ?? 0))
  return h('tr', {},
    h('th', { scope: 'row' }, r.host, ' ', h('span', { class: 'faint mono' }, r.id.slice(0, 8)), r.silent && [' ', badge('silent', 'bad')]),
    number(r.held), [c.from, c.to].map((release) => [number(r.releases?.[release]?.inFlight), number(r.releases?.[release]?.sockets)]),
    h('td', {}, r.silent && h('button', {
      type: 'button', class: 'danger', 'data-key': `evict/${r.id}`,
      onclick: async () => { if (await evict(c.tenant, r)) refresh() },
    }, 'Evict')))
}

function evict(tenant, r) {
  const path = `/tenants/${encodeURIComponent(tenant)}`
  return decide({
    title: `Evict ${r.host}`, verb: 'Evict', danger: true,
    text: 'Say that this gateway is gone: nobody waits for it any more, and it does not serve the tenant until it has caught up. Make sure first that it does not run.',
    state: path,
    request: (values) => ['POST', `${path}/replicas/${encodeURIComponent(r.id)}/evict`, values],
  })
}

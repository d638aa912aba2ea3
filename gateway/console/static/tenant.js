// tenant.js is one tenant: where it is, how its servers do, and what may be done with it.
import { get } from './api.js'
import { h, badge, table } from './dom.js'
import { ago, count, moment } from './words.js'
import { servers, wellness } from './health.js'
import { buttons } from './pools.js'
import { button, phase, standing } from './cutover.js'
import { actions } from './steps.js'
import { list } from './audit.js'

export function tenant(name) {
  const path = `/tenants/${encodeURIComponent(name)}`
  return {
    title: name,
    every: 2000,
    load: async () => {
      const [declared, status, effective, moves, log] = await Promise.all([
        get(path), get(`${path}/status`), get(`${path}/effective`), get(`${path}/cutovers`), get(`/audit?tenant=${encodeURIComponent(name)}&limit=10`)])
      return { declared, status, effective, moves: moves.cutovers, records: log.records }
    },
    draw: ({ declared, status, effective, moves, records }, refresh) => {
      const running = moves.find((c) => !c.ended)
      const last = moves.find((c) => c.ended)
      const releases = Object.entries(status.releases)
      return [
        h('div', { class: 'head' }, h('h1', {}, name), wellness(releases.map(([, r]) => r.pool)), states(effective),
          h('div', { class: 'actions' }, actions(declared, running, refresh))),
        h('p', { class: 'faint' }, declared.hosts.join(', ')),
        status.problems.map((p) => h('p', { class: 'notice bad' }, [p.field, p.message, p.hint].filter(Boolean).join(': '))),
        effective.drifted && h('p', { class: 'notice' }, `A completed cutover has made ${effective.active} active, ${effective.declared} is declared. Commit active: ${effective.active}; until then this gateway remembers it.`),
        running && move(running, refresh),
        h('div', { class: 'grid' }, releases.map(([release, r]) => side(release, r, status, declared, refresh))),
        inForce(effective.runtime ?? []),
        last && h('section', { class: 'card' }, h('div', { class: 'head' }, h('h2', {}, 'The last cutover'), phase(last)),
          h('p', {}, link(last, `${last.strategy}, ${last.from} to ${last.to}`), h('span', { class: 'faint' }, ` ${ago(last.ended)}, by ${last.actor}: ${last.reason}`))),
        h('section', { class: 'card' }, h('h2', {}, 'Who changed what'), records.length ? list(records) : h('p', { class: 'empty' }, 'Nothing was changed yet.')),
      ]
    },
  }
}

const link = (c, text) => h('a', { href: `#/cutovers/${encodeURIComponent(c.id)}`, 'data-key': c.id }, text)

function states(effective) {
  return [
    h('span', {}, 'active: ', h('strong', { class: `release-${effective.active}` }, effective.active)),
    effective.drifted && badge('drifted', 'warn'), effective.held && badge('held', 'warn'), effective.maintenance && badge('maintenance page', 'warn'),
  ]
}

function move(c, refresh) {
  return h('section', { class: 'card' },
    h('div', { class: 'head' }, h('h2', {}, link(c, `Cutover: ${c.from} to ${c.to}`)), phase(c),
      h('div', { class: 'actions' }, c.can.map((verb) => button(c, verb, refresh)))),
    standing(c, c.remainder))
}

// side is one release with its servers and what goes on there.
function side(release, r, status, declared, refresh) {
  const now = status.remainder?.releases?.[release]
  return h('section', { class: 'card' },
    h('div', { class: 'head' }, h('h2', { class: `release-${release}` }, release), status.active === release && badge('active', 'good')),
    h('p', { class: 'faint' }, `pool ${r.pool.name}, database ${declared.releases[release]?.database ?? '–'}`, r.shared && ', shared with other tenants'),
    now && h('p', {}, `${count(now.sessions, 'session')}, ${count(now.sockets, 'socket')}, ${now.inFlight} in flight on all gateways`),
    servers(r.pool, (backend) => buttons(r.pool, backend, refresh)))
}

// inForce is what was decided at runtime, on top of what is declared.
function inForce(runtime) {
  if (runtime.length === 0) return null
  return h('section', { class: 'card' }, h('h2', {}, 'Decided at runtime'), table('Decided at runtime', ['What', 'Who', 'Why', 'Until'], runtime.map((o) => h('tr', {},
    h('th', { scope: 'row' }, o.kind, h('div', { class: 'faint' }, o.value)),
    h('td', {}, o.actor),
    h('td', {}, o.reason),
    h('td', {}, o.expires ? moment(o.expires) : '–')))))
}

// tenants.js is the first view: every tenant, how it does, what moves.
import { get } from './api.js'
import { h, table, badge } from './dom.js'
import { wellness } from './health.js'

let wanted = '' // the filter outlives a redraw

export function tenants() {
  return {
    title: 'Tenants',
    every: 3000,
    load: async () => {
      const [list, pools, running] = await Promise.all([get('/tenants'), get('/status/pools'), get('/cutovers')])
      return {
        tenants: list.tenants,
        pools: Object.fromEntries(pools.pools.map((p) => [p.name, p])),
        running: Object.fromEntries(running.cutovers.map((c) => [c.tenant, c])),
      }
    },
    draw,
  }
}

function draw({ tenants, pools, running }, _, redraw) {
  const part = wanted.trim().toLowerCase()
  const shown = tenants.filter((t) => [t.name, ...t.hosts].some((text) => text.includes(part)))
  const filter = h('input', {
    id: 'filter', class: 'filter', type: 'search', value: wanted, placeholder: 'name or host', 'aria-label': 'Filter tenants',
    oninput: (event) => { wanted = event.target.value; redraw() },
  })
  return [
    h('div', { class: 'head' }, h('h1', {}, 'Tenants'), h('span', { class: 'faint' }, shown.length === tenants.length ? tenants.length : `${shown.length} of ${tenants.length}`), h('div', { class: 'actions' }, filter)),
    h('section', { class: 'card' }, shown.length === 0
      ? h('p', { class: 'empty' }, tenants.length ? 'No tenant has this in its name or hosts.' : 'No tenant is configured yet.')
      : table('Tenants', ['Tenant', 'Health', 'Active', 'Moves', 'Hosts'], shown.slice(0, 500).map((t) => row(t, pools, running[t.name]))),
    shown.length > 500 && h('p', { class: 'faint' }, 'The first 500; filter to see others.')),
  ]
}

function row(t, pools, cutover) {
  return h('tr', {},
    h('th', { scope: 'row' }, h('a', { href: `#/tenants/${encodeURIComponent(t.name)}`, 'data-key': t.name }, t.name)),
    h('td', {}, wellness(Object.values(t.releases).filter((r, i, all) => all.findIndex((o) => o.pool === r.pool) === i).map((r) => pools[r.pool]))),
    h('td', {}, h('span', { class: `release-${t.active}` }, t.active), t.drifted && [' ', badge('drifted', 'warn')]),
    h('td', {}, moves(t, cutover)),
    h('td', { class: 'faint' }, t.hosts.slice(0, 3).join(', '), t.hosts.length > 3 && ` and ${t.hosts.length - 3} more`))
}

function moves(t, cutover) {
  if (cutover) return h('a', { href: `#/cutovers/${encodeURIComponent(cutover.id)}` }, badge(`${cutover.strategy} to ${cutover.to}: ${cutover.phase}`, cutover.blocked ? 'bad' : 'warn'))
  if (t.maintenance) return badge('maintenance page', 'warn')
  if (t.hold) return badge('held', 'warn')
  return null
}

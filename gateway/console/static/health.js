// health.js shows servers as the gateway sees them.
import { h, table, badge, unseen } from './dom.js'
import { age } from './words.js'

const moods = { up: 'good', saturated: 'warn', unknown: 'faint', down: 'bad' }

// wellness is one word on a pool, or on several.
export function wellness(pools) {
  const backends = pools.flatMap((pool) => pool?.backends ?? [])
  const up = backends.filter((b) => b.state === 'up' || b.state === 'unknown').length
  if (backends.length === 0) return badge('no servers', 'bad')
  if (up === 0) return badge(backends.some((b) => b.state === 'saturated') ? 'saturated' : 'down', 'bad')
  if (up < backends.length) return badge(`${up} of ${backends.length} up`, 'warn')
  return badge('up', 'good')
}

// servers lists a pool's backends; act, where given, makes the buttons of a row.
export function servers(pool, act) {
  const heads = ['Server', 'State', { text: 'In flight', number: true }, { text: 'Waiting', number: true }, { text: 'Sockets', number: true }]
  if (act) heads.push({ text: unseen('Actions') })
  return table(`Servers of ${pool.name}`, heads, pool.backends.map((b) => h('tr', {},
    h('th', { scope: 'row', class: 'keep' }, b.name),
    h('td', {}, badge(b.state, moods[b.state] ?? 'faint'), ' ', b.operator && badge(b.operator, 'warn'),
      (b.reason || b.since) && h('div', { class: b.reason ? 'faint' : 'faint keep' }, [b.reason, b.since && `for ${age(b.since)}`].filter(Boolean).join(', '))),
    h('td', { class: 'number' }, b.workers ? `${b.inFlight} of ${b.workers}` : String(b.inFlight)),
    h('td', { class: 'number' }, String(b.waiting)),
    h('td', { class: 'number' }, String(b.sockets)),
    act && h('td', {}, h('div', { class: 'actions' }, act(b))))))
}


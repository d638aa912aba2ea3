// pools.js shows every pool with its servers, and lets somebody take one out.
import { get } from './api.js'
import { h } from './dom.js'
import { decide, filled } from './dialog.js'
import { servers, wellness } from './health.js'

export function pools() {
  return {
    title: 'Pools',
    every: 3000,
    load: () => get('/status/pools'),
    draw: ({ pools }, refresh) => [
      h('h1', {}, 'Pools'),
      pools.length === 0 && h('p', { class: 'empty' }, 'No pool is configured yet.'),
      pools.map((pool) => h('section', { class: 'card' },
        h('div', { class: 'head' }, h('h2', {}, pool.name), wellness([pool]),
          h('span', { class: 'faint' }, pool.tenants?.length ? `serves ${pool.tenants.slice(0, 5).join(', ')}${pool.tenants.length > 5 ? ` and ${pool.tenants.length - 5} more` : ''}` : 'serves nobody')),
        servers(pool, (backend) => buttons(pool, backend, refresh)))),
    ],
  }
}

const texts = {
  drain: ['Drain', 'Its sessions stay, new ones go elsewhere.'],
  maintenance: ['Take out', 'Nothing goes there any more. Where sessions live on the server, its users sign in again elsewhere.'],
  ready: ['Take back', 'It serves as declared again.'],
}

// buttons are what may be said of a server in its state.
export function buttons(pool, backend, refresh) {
  const states = backend.operator ? ['ready'] : ['drain', 'maintenance']
  return states.map((state) => h('button', {
    type: 'button', 'data-key': `${pool.name}/${backend.name}/${state}`,
    onclick: async () => { if (await ask(pool, backend, state)) refresh() },
  }, texts[state][0]))
}

function ask(pool, backend, state) {
  const path = `/pools/${encodeURIComponent(pool.name)}`
  return decide({
    title: `${texts[state][0]} ${pool.name}/${backend.name}`, text: texts[state][1], verb: texts[state][0], danger: state === 'maintenance',
    fields: state === 'ready' ? [] : [{ name: 'expires', label: 'For', hint: 'Such as 30m or 2h; empty: until somebody takes it back.' }],
    state: path,
    request: (values) => ['PUT', `${path}/backends/${encodeURIComponent(backend.name)}/state`, { state, ...filled(values) }],
  })
}

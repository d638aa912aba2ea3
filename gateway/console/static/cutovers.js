// cutovers.js lists the cutovers that run. One of them, live, is in cutover.js.
import { get } from './api.js'
import { h, table } from './dom.js'
import { ago } from './words.js'
import { phase } from './cutover.js'

export function cutovers() {
  return {
    title: 'Cutovers',
    every: 3000,
    load: () => get('/cutovers'),
    draw: ({ cutovers }) => [
      h('h1', {}, 'Cutovers'),
      h('section', { class: 'card' }, cutovers.length === 0
        ? h('p', { class: 'empty' }, 'None is running. Start one from a ', h('a', { href: '#/' }, 'tenant'), '; its page also shows the last one.')
        : table('Running cutovers', ['Tenant', 'Move', 'Phase', 'Left', 'Begun'], cutovers.map(row))),
    ],
  }
}

function row(c) {
  return h('tr', {},
    h('th', { scope: 'row' }, h('a', { href: `#/cutovers/${encodeURIComponent(c.id)}`, 'data-key': c.id }, c.tenant)),
    h('td', {}, `${c.strategy}, ${c.from} to ${c.to}`),
    h('td', {}, phase(c)),
    h('td', {}, c.remainder?.sentence),
    h('td', { class: 'faint' }, ago(c.started)))
}

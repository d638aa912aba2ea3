// audit.js lists who changed what, and why.
import { get } from './api.js'
import { h, table } from './dom.js'
import { moment } from './words.js'

let of = '' // a tenant's name outlives a redraw

export function audit() {
  return {
    title: 'Audit',
    every: 5000,
    load: () => get(`/audit?limit=200${of ? `&tenant=${encodeURIComponent(of)}` : ''}`),
    draw: ({ records }, refresh) => [
      h('div', { class: 'head' }, h('h1', {}, 'Audit'), h('div', { class: 'actions' }, h('input', {
        id: 'audit-of', class: 'filter', type: 'search', value: of, placeholder: 'tenant', 'aria-label': 'Only this tenant',
        onchange: (event) => { of = event.target.value.trim(); refresh() },
      }))),
      h('section', { class: 'card' }, records.length === 0 ? h('p', { class: 'empty' }, 'Nothing was changed yet.') : list(records)),
    ],
  }
}

export function list(records) {
  return table('Audit log', ['When', 'Who', 'What', 'Why'], records.map((r) => h('tr', {},
    h('td', {}, h('time', { datetime: r.at }, moment(r.at))),
    h('td', {}, r.actor),
    h('td', {}, h('div', {}, r.operation), h('div', { class: 'faint' }, r.target)),
    h('td', {}, r.reason))))
}

// dom.js makes elements. Text is always set as text: what comes from the API never becomes
// markup.

// h makes an element: h('p', {class: 'faint'}, 'text', child).
export function h(name, attributes, ...children) {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value)
    else if (value === true) element.setAttribute(key, '')
    else element.setAttribute(key, value)
  }
  element.append(...some(children))
  return element
}

const some = (children) => children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false)

// show replaces what is in an element. The focus stays on what has the same id or key, with
// the cursor where it was; when that is gone, whoever uses the keyboard goes on in main.
export function show(element, ...children) {
  const next = some(children)
  if (next.length === element.childNodes.length && next.every((node, i) => node === element.childNodes[i])) return
  const before = document.activeElement
  const inside = before && before !== element && element.contains(before)
  const key = inside ? before.id || before.getAttribute('data-key') : ''
  const cursor = inside ? [before.selectionStart, before.selectionEnd] : []
  element.replaceChildren(...next)
  if (!inside) return
  const again = key && element.querySelector(`#${CSS.escape(key)}, [data-key="${CSS.escape(key)}"]`)
  const heir = again || document.getElementById('main')
  heir.focus({ preventScroll: true })
  if (again && typeof cursor[0] === 'number') again.setSelectionRange(...cursor)
}

// part is an element whose content is made again only when what it shows has changed, so that
// one may select text in it, and a screen reader is not interrupted each second.
export function part(name, attributes, draw) {
  const element = h(name, attributes)
  let drawn
  return {
    element,
    update: (...data) => {
      const text = JSON.stringify(data)
      if (text === drawn) return
      drawn = text
      show(element, draw(...data))
    },
  }
}

// table makes a table with a name for screen readers. On a narrow screen each row is a card,
// whose cells say what they are.
export function table(caption, heads, rows) {
  for (const row of rows) [...row.cells].forEach((cell, i) => { if (i > 0 && typeof heads[i].text !== 'object') cell.dataset.head = heads[i].text ?? heads[i] })
  return h('div', { class: 'scroll' }, h('table', { 'aria-label': caption },
    h('thead', {}, h('tr', {}, heads.map((head) => h('th', { scope: 'col', class: head.number && 'number' }, head.text ?? head)))),
    h('tbody', {}, rows)))
}

// unseen is for screen readers alone.
export const unseen = (text) => h('span', { class: 'unseen' }, text)

export function badge(text, mood) {
  return h('span', { class: `badge ${mood}` }, text)
}

// say tells what has happened, to eyes and screen readers.
let silence
export function say(text) {
  const said = document.getElementById('said')
  said.textContent = text
  clearTimeout(silence)
  silence = setTimeout(() => { said.textContent = '' }, 8000)
}

// dialog.js asks a person for a decision: fields, the reason, then what it would change, and
// only then the button that does it.
import { h, show, say } from './dom.js'
import { getTagged, newKey, write } from './api.js'
import { impact } from './impact.js'

const dialog = () => document.getElementById('dialog')
const reason = { name: 'reason', label: 'Reason', hint: 'Kept in the audit log.', required: true, placeholder: 'CHG-1234: move to 18.0' }

// decide opens the dialog. What it takes:
//   title, text   what this is about
//   fields        [{name, label, hint, kind: 'text'|'select'|'check'|'area', options, value, placeholder, when: (values) => shown}]
//   verb          what the button says; danger makes it red
//   state         path of what is changed: its ETag when the impact is shown is what the write is held against
//   request       (values) => [method, path, body]
// It resolves when the dialog is closed: to the answer of the write, or to null.
export function decide(options) {
  return new Promise((resolve) => {
    const opener = document.activeElement?.getAttribute('data-key')
    const fields = [...(options.fields ?? []), reason]
    let key = newKey()
    let tag = '' // of what the impact was shown of; empty: not shown
    let result = null
    const effect = h('div', { class: 'impact', 'aria-live': 'polite', hidden: true })
    const failure = h('p', { class: 'error', role: 'alert' })
    const look = h('button', { type: 'submit' }, 'Show impact') // the first: what Enter in a field does
    const act = h('button', { type: 'submit', class: options.danger ? 'danger' : 'main', disabled: true }, options.verb)
    const form = h('form', { method: 'dialog', onsubmit: submit, oninput: change },
      h('h2', { id: 'dialog-title' }, options.title),
      options.text && h('p', { class: 'faint' }, options.text),
      fields.map(field), effect, failure,
      h('div', { class: 'actions' }, h('button', { type: 'button', class: 'quiet', onclick: () => dialog().close() }, 'Cancel'), look, act))

    const values = () => Object.fromEntries(fields.map((f) => {
      const input = form.elements[f.name]
      return [f.name, f.kind === 'check' ? input.checked : input.closest('label').hidden ? '' : input.value.trim()]
    }))
    // forget what was shown: it was the impact of other values, or of another state.
    function forget() {
      tag = ''
      act.disabled = true
      effect.hidden = true
    }
    function change() {
      forget()
      failure.textContent = ''
      key = newKey() // another decision
      for (const f of fields) if (f.when) form.elements[f.name].closest('label').hidden = !f.when(values())
    }
    async function preview(note) {
      if (!form.reportValidity()) return
      failure.textContent = ''
      look.disabled = true
      try {
        const seen = (await getTagged(options.state)).etag
        const [method, path, body] = options.request(values())
        const answer = (await write(method, `${path}?dryRun=true`, body, seen)).body
        tag = seen
        show(effect, note && h('p', { class: 'notice' }, note), impact(answer))
        effect.hidden = false
        act.disabled = false
        act.focus()
      } catch (error) {
        forget()
        failure.textContent = error.message
      }
      look.disabled = false
    }
    async function submit(event) {
      event.preventDefault()
      if (!tag || event.submitter !== act) return preview()
      act.disabled = true
      try {
        const [method, path, body] = options.request(values())
        result = (await write(method, path, body, tag, key)).body
        dialog().close()
        say(told(options.verb, result))
      } catch (error) {
        if (error.status === 412) return preview('It was changed meanwhile. This is what would change now:')
        forget()
        failure.textContent = error.message
        look.focus()
      }
    }
    dialog().onclose = () => {
      resolve(result)
      if (document.activeElement === document.body) (opener ? document.querySelector(`[data-key="${CSS.escape(opener)}"]`) : null)?.focus()
    }
    show(dialog(), form)
    change()
    dialog().showModal()
    form.querySelector('input, select, textarea').focus()
  })
}

// told is what a person hears of a write.
function told(verb, answer) {
  if (answer.shared === false) return `${verb}: done here. The store is away, so other gateways do not know of it yet.`
  if (answer.laggards?.length) return `${verb}: said. Not followed yet: ${answer.laggards.join(', ')}.`
  return `${verb}: done on every gateway.`
}

// filled leaves out what was left empty.
export function filled(values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== '' && value !== false))
}

function field(f) {
  const hint = f.hint && `hint-${f.name}`
  const common = { name: f.name, id: `field-${f.name}`, required: f.required, placeholder: f.placeholder, 'aria-describedby': hint }
  if (f.kind === 'check') {
    return h('label', { class: 'check' }, h('input', { ...common, type: 'checkbox', checked: f.value }), f.label)
  }
  let input
  if (f.kind === 'select') {
    input = h('select', common, f.options.map((o) => h('option', { value: o.value, selected: o.value === f.value }, o.text)))
  } else if (f.kind === 'area') {
    input = h('textarea', { ...common, rows: 3 }, f.value ?? '')
  } else {
    input = h('input', { ...common, type: 'text', value: f.value, autocomplete: 'off', pattern: f.pattern, minlength: f.name === 'reason' ? 3 : undefined })
  }
  return h('label', {}, f.label, input, hint && h('small', { id: hint }, f.hint))
}

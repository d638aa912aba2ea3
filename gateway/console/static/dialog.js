// dialog.js asks a person for a decision: fields, the reason, then what it would change, and
// only then the button that does it.
import { h, show, say } from './dom.js'
import { newKey } from './api.js'

const dialog = () => document.getElementById('dialog')

// decide opens the dialog. What it takes:
//   title, text   what this is about
//   fields        [{name, label, hint, kind: 'text'|'select'|'check'|'area', options, value, placeholder}]
//   verb          what the button says; danger makes it red
//   dryRun, run   (values, key) => a promise; dryRun resolves to what impact draws
//   impact        (answer) => nodes
//   done          (answer) => sentence to say
// It resolves when the dialog is closed, to whether it was done.
export function decide(options) {
  return new Promise((resolve) => {
    const key = newKey()
    let shown = false
    let finished = false
    const fields = [...(options.fields ?? []), { name: 'reason', label: 'Reason', hint: 'Kept in the audit log.', kind: 'text', required: true, placeholder: 'CHG-1234: move to 18.0' }]
    const impact = h('div', { class: 'impact', 'aria-live': 'polite', hidden: true })
    const failure = h('p', { class: 'error', role: 'alert' })
    const look = h('button', { type: 'submit' }, 'Show impact') // the first: what Enter in a field does
    const act = h('button', { type: 'submit', class: options.danger ? 'danger' : 'main', disabled: true }, options.verb)
    const form = h('form', { method: 'dialog', onsubmit: submit, oninput: () => forget() },
      h('h2', { id: 'dialog-title' }, options.title),
      options.text && h('p', { class: 'faint' }, options.text),
      fields.map(field), impact, failure,
      h('div', { class: 'actions' }, h('button', { type: 'button', class: 'quiet', onclick: () => dialog().close() }, 'Cancel'), look, act))

    function values() {
      const data = {}
      for (const f of fields) {
        const input = form.elements[f.name]
        data[f.name] = f.kind === 'check' ? input.checked : input.value.trim()
      }
      return data
    }
    // forget what was shown: it was the impact of other values.
    function forget() {
      shown = false
      act.disabled = true
      impact.hidden = true
      failure.textContent = ''
    }
    async function preview() {
      if (!form.reportValidity()) return
      failure.textContent = ''
      look.disabled = true
      try {
        const answer = await options.dryRun(values())
        show(impact, options.impact(answer))
        impact.hidden = false
        shown = true
        act.disabled = false
        act.focus()
      } catch (error) {
        failure.textContent = error.message
      }
      look.disabled = false
    }
    async function submit(event) {
      event.preventDefault()
      if (!shown || event.submitter !== act) return preview()
      act.disabled = true
      try {
        const answer = await options.run(values(), key)
        finished = true
        dialog().close()
        say(options.done(answer))
      } catch (error) {
        failure.textContent = error.message
        shown = false
      }
    }
    dialog().onclose = () => resolve(finished)
    show(dialog(), form)
    dialog().showModal()
    form.querySelector('input, select, textarea')?.focus()
  })
}

function field(f) {
  const common = { name: f.name, id: `field-${f.name}`, required: f.required, placeholder: f.placeholder, 'aria-describedby': f.hint && `hint-${f.name}` }
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
  return h('label', {}, f.label, input, f.hint && h('small', { id: `hint-${f.name}` }, f.hint))
}

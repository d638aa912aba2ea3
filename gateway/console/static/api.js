// api.js speaks to the admin API. Every error it throws carries the sentence that the API
// gave, so that the page can show it as it is.

const prefix = '/api/v1'
const tokenKey = 'sluice.token'

// Refused is an answer of the API that is no success.
export class Refused extends Error {
  constructor(status, detail, body) {
    super(detail)
    this.status = status
    this.body = body
  }
}

export const token = {
  get: () => sessionStorage.getItem(tokenKey) ?? '',
  set: (value) => sessionStorage.setItem(tokenKey, value),
  drop: () => sessionStorage.removeItem(tokenKey),
}

function headers(more) {
  const all = { Accept: 'application/json', ...more }
  if (token.get()) all.Authorization = `Bearer ${token.get()}`
  return all
}

async function send(method, path, { body, match, key } = {}) {
  const more = {}
  if (body !== undefined) more['Content-Type'] = 'application/json'
  if (match) more['If-Match'] = match
  if (key) more['Idempotency-Key'] = key
  let answer
  try {
    answer = await fetch(prefix + path, { method, headers: headers(more), body: body === undefined ? undefined : JSON.stringify(body), cache: 'no-store' })
  } catch {
    throw new Refused(0, 'The gateway does not answer. It may be restarting; this page tries again.')
  }
  const text = await answer.text()
  const content = answer.headers.get('Content-Type')?.includes('json') && text ? JSON.parse(text) : text
  if (!answer.ok) throw new Refused(answer.status, sentence(answer, content), content)
  return { status: answer.status, etag: answer.headers.get('ETag'), body: content }
}

// sentence is the detail of Problem Details (RFC 9457), with the particulars behind it.
function sentence(answer, content) {
  if (!content || typeof content !== 'object') return `${answer.status} ${answer.statusText}`
  const particulars = (content.errors ?? []).map((e) => e.location ? `${e.location}: ${e.message}` : e.message)
  return [content.detail ?? content.title, ...particulars].filter(Boolean).join('; ')
}

export const get = async (path) => (await send('GET', path)).body
export const getTagged = (path) => send('GET', path)

// write sends a change. A key makes sending it again harmless: the page makes one for each
// decision of a person, not for each try.
export const write = (method, path, body, match, key) => send(method, path, { body, match, key })

export const newKey = () => crypto.randomUUID()

// text reads a document as it is.
export async function text(path, kind) {
  const answer = await fetch(prefix + path, { headers: headers({ Accept: kind }), cache: 'no-store' })
  if (answer.ok) return answer.text()
  throw new Refused(answer.status, sentence(answer, await answer.json().catch(() => null)))
}

// events calls heard for each event of a stream, until heard says that there are no more or
// stop is called. When the connection breaks it goes on where it was.
export function events(path, heard) {
  const control = new AbortController()
  let last = ''
  const follow = async () => {
    const more = { Accept: 'text/event-stream' }
    if (last) more['Last-Event-ID'] = last
    const answer = await fetch(prefix + path, { headers: headers(more), signal: control.signal, cache: 'no-store' })
    if (!answer.ok) return answer.status < 500 // it has gone, or the token has
    for await (const event of read(answer.body)) {
      if (event.id) last = event.id
      if (heard(event)) return true
    }
    return false
  }
  const run = async () => {
    while (!control.signal.aborted && !await follow().catch(() => false)) {
      await new Promise((resume) => setTimeout(resume, 1500))
    }
    control.abort() // what is left of the stream
  }
  run()
  return () => control.abort()
}

// read splits a stream into events (HTML standard, 9.2.6).
async function* read(stream) {
  const decoder = new TextDecoder()
  let buffer = ''
  for await (const chunk of chunks(stream)) {
    buffer += decoder.decode(chunk, { stream: true }).replaceAll('\r', '')
    for (let end = buffer.indexOf('\n\n'); end >= 0; end = buffer.indexOf('\n\n')) {
      const event = parse(buffer.slice(0, end))
      buffer = buffer.slice(end + 2)
      if (event) yield event
    }
  }
}

async function* chunks(stream) {
  const reader = stream.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    yield value
  }
}

function parse(block) {
  const event = { id: '', type: 'message', data: '' }
  for (const line of block.split('\n')) {
    if (line === '' || line.startsWith(':')) continue
    const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line)
    if (field === 'id') event.id = value
    if (field === 'event') event.type = value
    if (field === 'data') event.data += (event.data ? '\n' : '') + value
  }
  if (event.data === '') return null
  try {
    event.data = JSON.parse(event.data)
  } catch {
    return null
  }
  return event
}

// A request as a curl command that a POSIX shell reads back byte for byte.
import {fromBase64, utf8OrNull} from '../lib/bytes'
import type {Event} from '../api/gen'

/** Quotes one word for sh, bash and zsh: nothing inside single quotes has a meaning, not even ! and newlines. */
export function shellQuote(s: string): string {
  if (/^[\w@%+=:,./-]+$/.test(s) && !s.startsWith('=')) return s
  return "'" + s.replaceAll("'", "'\\''") + "'"
}

/** A printf command that writes these bytes; octal is all that POSIX promises. */
export function printfBytes(b: Uint8Array): string {
  let out = ''
  for (const x of b) {
    const c = String.fromCharCode(x)
    out += /[A-Za-z0-9 .,:;=&/_{}[\]"<>()|@#$^*+?~!-]/.test(c) ? c : '\\' + x.toString(8).padStart(3, '0')
  }
  // A first "-" could be read as an option.
  if (out.startsWith('-')) out = '\\055' + out.slice(1)
  return "printf '" + out + "'"
}

// curl sets these itself, or they would contradict what it sends.
const made = new Set(['content-length', 'connection', 'transfer-encoding', 'accept-encoding', 'te', 'upgrade'])

/** The request of an event as a command. Masked values are left out, and a comment says so. */
export function curlCommand(e: Event): string {
  const r = e.request
  const notes: string[] = []
  const url = `${r.scheme}://${r.host}${r.path}${r.query === '' ? '' : '?' + r.query}`
  let head = 'curl --globoff --path-as-is'
  const body = r.body ? fromBase64(r.body) : null
  if (r.method === 'HEAD') head += ' --head'
  else if (r.method !== (body ? 'POST' : 'GET')) head += ' -X ' + shellQuote(r.method)
  const parts = [head + ' ' + shellQuote(url)]
  let hasType = false
  for (const h of r.headers ?? []) {
    const name = h.name.toLowerCase()
    if (made.has(name) || (name === 'host' && h.value === r.host)) continue
    if (h.value.includes('[secret]')) {
      notes.push(`# ${h.name} is left out: its value was masked`)
      continue
    }
    if (name === 'content-type') hasType = true
    parts.push('-H ' + shellQuote(h.value === '' ? h.name + ';' : h.name + ': ' + h.value))
  }
  let before = ''
  if (body) {
    if (!hasType) parts.push("-H 'Content-Type:'")
    const text = utf8OrNull(body)
    if (text === null || text.includes('\0')) {
      before = printfBytes(body) + ' | '
      parts.push('--data-binary @-')
    } else {
      parts.push('--data-raw ' + shellQuote(text))
    }
    if (r.body_bytes > body.length) notes.push(`# only the first ${body.length} of ${r.body_bytes} body bytes were kept`)
  }
  return notes.map((n) => n + '\n').join('') + before + parts.join(' \\\n  ')
}

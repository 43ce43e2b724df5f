// Decoding a request for display: percent-decoding that keeps the position of each
// character in the raw text, query strings, cookies, and bodies by content type.
import {findAll, fromBase64, mergeSpans, utf8OrNull, type Span} from '../lib/bytes'
import type {Event, EventSummary, Match} from '../api/gen'

/** Decoded text with, for each of its UTF-16 units and its end, the position in the raw text. */
export interface Decoded {
  text: string
  from: number[]
}

/**
 * Decodes %XX, and + where asked. Broken escapes stay as they were sent. A byte that is not
 * UTF-8 becomes the character of its number, as the gateway writes it in the values of matches.
 */
export function percentDecode(raw: string, plusIsSpace = false): Decoded {
  let text = ''
  const from: number[] = []
  const add = (s: string, at: number) => {
    for (let k = 0; k < s.length; k++) from.push(at)
    text += s
  }
  for (let i = 0; i < raw.length;) {
    if (raw[i] === '%' && /^[0-9a-f]{2}$/i.test(raw.slice(i + 1, i + 3))) {
      const first = parseInt(raw.slice(i + 1, i + 3), 16)
      const length =
        first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0
      const escape = raw.slice(i, i + 3 * length)
      let c: string | null = null
      if (length > 0 && escape.length === 3 * length && /^(%[0-9a-f]{2})+$/i.test(escape)) {
        c = utf8OrNull(
          Uint8Array.from(
            escape
              .slice(1)
              .split('%')
              .map((h) => parseInt(h, 16)),
          ),
        )
      }
      if (c === null) {
        add(String.fromCharCode(first), i)
        i += 3
      } else {
        add(c, i)
        i += 3 * length
      }
    } else if (plusIsSpace && raw[i] === '+') {
      add(' ', i++)
    } else {
      add(raw[i]!, i++)
    }
  }
  from.push(raw.length)
  return {text, from}
}

/** Path and query of an event's request, decoded for reading. */
export const requestText = (e: EventSummary) => percentDecode(e.path + (e.query === '' ? '' : '?' + e.query), true).text

/** A span of the decoded text as a span of the raw text. */
export const rawSpan = (d: Decoded, s: Span): Span => ({start: d.from[s.start]!, end: d.from[s.end]!})

export interface Parameter {
  name: string
  value: string
  /** Value as it was sent. */
  raw: string
}

/** Parameters of a query string or form body, in the order sent, duplicates kept. */
export function parseQuery(query: string): Parameter[] {
  if (query === '') return []
  return query.split('&').map((part) => {
    const eq = part.indexOf('=')
    const raw = eq < 0 ? '' : part.slice(eq + 1)
    return {name: percentDecode(eq < 0 ? part : part.slice(0, eq), true).text, value: percentDecode(raw, true).text, raw}
  })
}

/** Cookies of a Cookie header. */
export function parseCookies(header: string): Parameter[] {
  return header
    .split(';')
    .map((p) => p.trim())
    .filter((p) => p !== '')
    .map((part) => {
      const eq = part.indexOf('=')
      const raw = eq < 0 ? '' : part.slice(eq + 1)
      return {name: eq < 0 ? part : part.slice(0, eq), value: percentDecode(raw).text, raw}
    })
}

export type Body =
  | {kind: 'none'}
  | {kind: 'json'; pretty: string; raw: string}
  | {kind: 'form'; parameters: Parameter[]; raw: string}
  | {kind: 'text'; raw: string}
  | {kind: 'binary'; bytes: Uint8Array<ArrayBuffer>}

/** Reads a body excerpt (base64) by what it is, and by what it says it is. */
export function decodeBody(base64: string | undefined, contentType: string): Body {
  if (!base64) return {kind: 'none'}
  const bytes = fromBase64(base64)
  // The excerpt may end in the middle of a character; that alone makes no binary.
  const raw = utf8OrNull(bytes, true)
  if (raw === null || raw.includes('\0')) return {kind: 'binary', bytes}
  const type = contentType.toLowerCase()
  if (type.includes('json') || /^\s*[[{]/.test(raw)) {
    try {
      return {kind: 'json', pretty: JSON.stringify(JSON.parse(raw), null, 2), raw}
    } catch {
      // Broken or cut off: shown as it is.
    }
  }
  if (type.startsWith('application/x-www-form-urlencoded')) return {kind: 'form', parameters: parseQuery(raw), raw}
  return {kind: 'text', raw}
}

export const headerOf = (e: Event, name: string) => e.request.headers?.find((h) => h.name.toLowerCase() === name.toLowerCase())?.value ?? ''

/** A part of the request that a rule's variable can point at. */
export type Part = 'path' | 'query' | 'arg' | 'cookie' | 'header' | 'body'

const set = (names: string) => new Set(names.split(' '))
const requestLine = 'REQUEST_URI REQUEST_URI_RAW REQUEST_LINE'

/** Collections of the rule language that hold a part, alone or among others. */
const holders: Record<Part, Set<string>> = {
  path: set(requestLine + ' REQUEST_FILENAME REQUEST_BASENAME ARGS_PATH'),
  query: set(requestLine + ' QUERY_STRING ARGS ARGS_GET ARGS_NAMES ARGS_GET_NAMES FULL_REQUEST'),
  arg: set(requestLine + ' QUERY_STRING ARGS_NAMES ARGS_GET_NAMES ARGS_POST_NAMES FULL_REQUEST ARGS_COMBINED_SIZE REQUEST_BODY'),
  cookie: set('REQUEST_COOKIES_NAMES'),
  header: set('REQUEST_HEADERS_NAMES'),
  body: set('ARGS ARGS_POST ARGS_NAMES ARGS_POST_NAMES REQUEST_BODY FULL_REQUEST XML JSON FILES FILES_NAMES'),
}

/** Collections that hold a part under its name: ARGS:q is the parameter q. */
const keyed: Partial<Record<Part, Set<string>>> = {
  arg: set('ARGS ARGS_GET ARGS_POST'),
  cookie: set('REQUEST_COOKIES'),
  header: set('REQUEST_HEADERS'),
}

/** Whether the variable of a match may point at this part of the request; name is the key where the part has one. */
export function pointsAt(m: Match, part: Part, name = ''): boolean {
  const colon = m.variable.indexOf(':')
  const collection = (colon < 0 ? m.variable : m.variable.slice(0, colon)).toUpperCase()
  const key = (colon < 0 ? '' : m.variable.slice(colon + 1)).toLowerCase()
  const wanted = name.toLowerCase()
  if (holders[part].has(collection)) return true
  if (keyed[part]?.has(collection)) return key === '' || key === wanted || key === 'json.' + wanted
  if (part === 'header') return collection.startsWith('REQUEST_COOKIES') && wanted === 'cookie'
  return part === 'body' && collection.startsWith('MULTIPART_')
}

/** Where the bytes that rules matched stand in a text of the request. */
export function locate(text: string, matches: Match[], part: Part, name = ''): Span[] {
  const spans: Span[] = []
  for (const m of matches) {
    if (m.matched.length === 0 || !pointsAt(m, part, name)) continue
    // One or two letters found anywhere would colour the whole request; such a
    // match is marked only where its value is the whole text.
    if (m.matched.length < 3 && m.value !== text) continue
    spans.push(...findAll(text, m.matched))
  }
  return mergeSpans(spans)
}

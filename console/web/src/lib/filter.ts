// The filter language of the event operations (see the top of api/openapi.yaml) as
// the console edits it: the string stays the truth, clicks only add and remove terms.

/** One term of a filter, with its place in the string. */
export interface Term {
  text: string
  start: number
  end: number
  not: boolean
  /** Empty for a bare word. */
  field: string
  /** Without quotes. */
  value: string
}

/** Fields of which an event can have several values at once, so that two included terms make sense. */
const multiValued = new Set(['attack', 'rule'])

/** Splits a filter into its terms. It never fails: what is half typed is a term too. */
export function parseFilter(filter: string): Term[] {
  const terms: Term[] = []
  let i = 0
  let notFrom = -1 // start of a NOT that waits for its term
  while (i < filter.length) {
    if (/\s/.test(filter[i]!)) {
      i++
      continue
    }
    const start = i
    let quoted = false
    while (i < filter.length && (quoted || !/\s/.test(filter[i]!))) {
      if (quoted && filter[i] === '\\' && i + 1 < filter.length) i++
      else if (filter[i] === '"') quoted = !quoted
      i++
    }
    const text = filter.slice(start, i)
    if (text === 'NOT' && notFrom < 0) {
      notFrom = start
      continue
    }
    const minus = text.startsWith('-') && text.length > 1
    const body = minus ? text.slice(1) : text
    const m = /^([a-z_]+):/.exec(body)
    const from = notFrom >= 0 ? notFrom : start
    terms.push({
      text: filter.slice(from, i),
      start: from,
      end: i,
      not: minus !== notFrom >= 0,
      field: m ? m[1]! : '',
      value: unquote(m ? body.slice(m[0].length) : body),
    })
    notFrom = -1
  }
  return terms
}

function unquote(s: string): string {
  if (!s.startsWith('"')) return s
  return s.slice(1, s.length > 1 && s.endsWith('"') ? -1 : undefined).replace(/\\(.)/g, '$1')
}

/** Quotes a value where it would otherwise be read as something else. */
export function quoteValue(value: string): string {
  if (value !== '' && !/[\s"\\]|^[-]/.test(value)) return value
  return '"' + value.replace(/(["\\])/g, '\\$1') + '"'
}

// A value that begins with < or > is read as a comparison, quoted or not. "Ends
// with" is the nearest thing that can be said of such a text.
const writable = (value: string) => (/^[<>]/.test(value) ? '*' + value : value)

export const formatTerm = (field: string, value: string, not: boolean) => (not ? '-' : '') + field + ':' + quoteValue(writable(value))

/** Removes one term and the blank beside it. */
export function removeTerm(filter: string, term: Term): string {
  return (filter.slice(0, term.start).trimEnd() + ' ' + filter.slice(term.end).trimStart()).trim()
}

/** Whether the filter includes or excludes exactly this value. */
export function stateOf(filter: string, field: string, value: string): 'include' | 'exclude' | 'none' {
  const t = parseFilter(filter).find((t) => t.field === field && t.value === writable(value))
  return t ? (t.not ? 'exclude' : 'include') : 'none'
}

/**
 * Adds field:value (or -field:value). Doing it again takes it out. All terms of a
 * filter must hold, so including a second value of a field that an event has only
 * once replaces the first; otherwise the list would always be empty.
 */
export function toggleTerm(filter: string, field: string, value: string, not: boolean): string {
  const before = stateOf(filter, field, value)
  let result = filter.trim()
  const drop = (unwanted: (t: Term) => boolean) => {
    for (;;) {
      const t = parseFilter(result).find(unwanted)
      if (!t) return
      result = removeTerm(result, t)
    }
  }
  drop((t) => t.field === field && t.value === writable(value))
  if (before === (not ? 'exclude' : 'include')) return result
  if (!not && !multiValued.has(field)) drop((t) => t.field === field && !t.not)
  return (result + ' ' + formatTerm(field, value, not)).trim()
}

/** Turns a chip's term from included to excluded and back, in place. */
export function invertTerm(filter: string, term: Term): string {
  const bare = term.text.replace(/^NOT\s+/, '').replace(/^-(?=.)/, '')
  return filter.slice(0, term.start) + (term.not ? '' : '-') + bare + filter.slice(term.end)
}

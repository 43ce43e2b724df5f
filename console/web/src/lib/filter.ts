// The filter language of the event operations (see the top of api/openapi.yaml) as
// the console edits it: the string is what is kept, clicks only add and remove terms.

/** One term of a filter, with its place in the string. */
export interface Term {
  text: string
  start: number
  end: number
  not: boolean
  /** Empty for a bare word and for a group. */
  field: string
  /** Without quotes. */
  value: string
  /** The value has a * that stands for any text. */
  wild: boolean
  /** Several terms in parentheses, or the whole filter if it has OR between its terms. */
  group: boolean
}

/** Fields of which an event can have several values at once, so that two included terms make sense. */
const multiValued = new Set(['attack', 'rule'])

/** Splits a filter into its terms. It never fails: what is half typed is a term too. */
export function parseFilter(filter: string): Term[] {
  const terms: Term[] = []
  let i = 0
  let notFrom = -1 // start of a NOT that waits for its term
  let alternatives = false
  while (i < filter.length) {
    if (/\s/.test(filter[i]!)) {
      i++
      continue
    }
    const start = i
    const group = /^(NOT(?=\())?-?\(/.exec(filter.slice(i))
    i = group ? endOfGroup(filter, i + group[0].length) : endOfWord(filter, i, 0)
    const text = filter.slice(start, i)
    if (text === 'NOT' && notFrom < 0) {
      notFrom = start
      continue
    }
    if (text === 'OR') alternatives = true
    const minus = (text.startsWith('-') && text.length > 1) || text.startsWith('NOT(')
    const body = group ? text : minus ? text.slice(1) : text
    const m = group ? null : /^([a-z_]+):/.exec(body)
    const from = notFrom >= 0 ? notFrom : start
    const value = m ? body.slice(m[0].length) : body
    terms.push({
      text: filter.slice(from, i),
      start: from,
      end: i,
      not: minus !== notFrom >= 0,
      field: m ? m[1]! : '',
      value: group ? text : unquote(value),
      wild: !group && /\*/.test(value.replace(/\\./g, '')),
      group: Boolean(group),
    })
    notFrom = -1
  }
  if (!alternatives) return terms
  // With OR the terms depend on each other: they are shown, excluded and removed as one.
  const text = filter.trim()
  const start = filter.indexOf(text)
  return [{text, start, end: start + text.length, not: false, field: '', value: text, wild: false, group: true}]
}

/** The end of a word; within a group (depth > 0) a parenthesis that it has not opened ends it. */
function endOfWord(filter: string, i: number, depth: number): number {
  let quoted = false
  let opened = 0
  for (; i < filter.length && (quoted || !/\s/.test(filter[i]!)); i++) {
    const c = filter[i]!
    if (c === '\\' && i + 1 < filter.length && (quoted || filter[i + 1] === '*')) i++
    else if (c === '"') quoted = !quoted
    else if (!quoted && c === '(') opened++
    else if (!quoted && c === ')') {
      if (depth > 0 && opened === 0) return i
      opened--
    }
  }
  return Math.min(i, filter.length)
}

/** The place behind the parenthesis that closes a group whose inside begins at i. */
function endOfGroup(filter: string, i: number): number {
  while (i < filter.length) {
    if (filter[i] === ')') return i + 1
    if (/\s/.test(filter[i]!)) i++
    else {
      const group = /^(NOT(?=\())?-?\(/.exec(filter.slice(i))
      i = group ? endOfGroup(filter, i + group[0].length) : endOfWord(filter, i, 1)
    }
  }
  return filter.length
}

function unquote(s: string): string {
  if (!s.startsWith('"')) return s.replace(/\\\*/g, '*')
  return s.slice(1, s.length > 1 && s.endsWith('"') ? -1 : undefined).replace(/\\(.)/g, '$1')
}

/** Quotes a value where it would otherwise be read as something else. */
export function quoteValue(value: string): string {
  if (value !== '' && !/[\s"\\()]|^[-<>]/.test(value)) return value.replace(/\*/g, '\\*')
  return '"' + value.replace(/(["\\*])/g, '\\$1') + '"'
}

export const formatTerm = (field: string, value: string, not: boolean) => (not ? '-' : '') + field + ':' + quoteValue(value)

/** Removes one term and the blank beside it. */
export function removeTerm(filter: string, term: Term): string {
  return (filter.slice(0, term.start).trimEnd() + ' ' + filter.slice(term.end).trimStart()).trim()
}

/** Whether the filter includes or excludes exactly this value. */
export function stateOf(filter: string, field: string, value: string): 'include' | 'exclude' | 'none' {
  const t = parseFilter(filter).find((t) => t.field === field && t.value === value && !t.wild)
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
  const whole = parseFilter(result)
  if (whole.length === 1 && whole[0]!.group && !/^(NOT\s*|-)?\(/.test(result)) result = `(${result})` // with OR between its terms
  const drop = (unwanted: (t: Term) => boolean) => {
    for (;;) {
      const t = parseFilter(result).find(unwanted)
      if (!t) return
      result = removeTerm(result, t)
    }
  }
  drop((t) => t.field === field && t.value === value && !t.wild)
  if (before === (not ? 'exclude' : 'include')) return result
  if (!not && !multiValued.has(field)) drop((t) => t.field === field && !t.not)
  return (result + ' ' + formatTerm(field, value, not)).trim()
}

/** Turns a chip's term from included to excluded and back, in place. */
export function invertTerm(filter: string, term: Term): string {
  let bare = term.text.replace(/^NOT(\s+|(?=\())/, '').replace(/^-(?=.)/, '')
  if (term.group && !bare.startsWith('(')) bare = `(${bare})`
  return filter.slice(0, term.start) + (term.not ? '' : '-') + bare + filter.slice(term.end)
}

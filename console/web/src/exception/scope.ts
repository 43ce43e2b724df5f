// What the exception drawer and list know about scopes: which to propose for a match,
// the narrowest first, and how to say one in words.
import type {Event, Exception, Match} from '../api/gen'
import {lines} from '../lib/problems'
import {attackTitle, isFamilyTag, slugOfTag} from '../lib/attacks'

/** What an exception takes away, and where it holds. */
export type Scope = Pick<Exception, 'rule_id' | 'rule_id_last' | 'tag' | 'target' | 'path_prefix' | 'methods' | 'sources'>

export interface Proposal {
  /** Tells proposals apart; 'own' is what the user typed. */
  key: string
  title: string
  description: string
  scope: Scope
}

/** Whether a path means the same to everybody, so that an exception can be bound to it. */
export const isPlainPath = (path: string) => path.startsWith('/') && !/[%\\;? ]|\/\.|\/\//.test(path)

const computed = /^(TX|RULE|HIGHEST_SEVERITY|MATCHED_VARS?(_NAMES?)?)(:|$)/

/** What can be taken from a rule so that it no longer sees this match; '' for the whole rule. */
export function targetOf(m: Match): string {
  // Values that rules computed cannot be taken away, and a count stays when what it counts is.
  if (computed.test(m.variable) || (m.offset < 0 && m.matched === '' && /^\d+$/.test(m.value))) return ''
  const colon = m.variable.indexOf(':')
  if (colon < 0) return m.variable
  const name = m.variable.slice(0, colon)
  const member = m.variable.slice(colon + 1)
  if (member === '') return name
  if (name === 'XML') return m.variable
  // A member that begins like an expression, or has what separates members, is written as one.
  if (/^\/|[|']/.test(member))
    return `${name}:/^${member.replace(/[/\\^$.*+?()[\]{}|']/g, (c) => (c === "'" ? '\\x27' : c === '|' ? '\\x7c' : '\\' + c))}$/`
  return m.variable
}

/** The attack tag of a match, '' if it has none. */
export const attackTag = (m: Match) => (m.tags ?? []).find(isFamilyTag) ?? ''

/** Says what a target is: "the parameter q". */
export function targetWords(target: string): string {
  const [name = '', ...rest] = target.split(':')
  const member = rest.join(':')
  const kinds: [RegExp, string, string][] = [
    [/^ARGS(_GET|_POST)?$/, 'parameter', 'all parameters'],
    [/^ARGS(_GET|_POST)?_NAMES$/, 'name of the parameter', 'the names of parameters'],
    [/^REQUEST_COOKIES$/, 'cookie', 'all cookies'],
    [/^REQUEST_HEADERS$/, 'header', 'all headers'],
    [/^FILES(_NAMES)?$/, 'file', 'all files'],
  ]
  const kind = kinds.find(([re]) => re.test(name))
  if (!kind) return target
  if (member === '') return kind[2]
  return /^\/.*\/$/.test(member) ? `each ${kind[1]} like ${member}` : `the ${kind[1]} ${member}`
}

/** The scopes to offer for a match, the narrowest first. */
export function proposals(e: Event, m: Match): Proposal[] {
  const target = targetOf(m)
  const path = isPlainPath(e.request.path) ? e.request.path : ''
  const methods = [e.request.method]
  const what = target === '' ? '' : targetWords(target)
  const tag = attackTag(m)
  const here = path === '' ? '' : ` on ${path}`
  const list: Proposal[] = []
  if (target !== '') {
    list.push({
      key: 'narrow',
      title: `This rule, ${what}${here}, ${e.request.method}`,
      description: 'Everything else stays as strict as it is',
      scope: {rule_id: m.rule_id, target, path_prefix: path, methods},
    })
    if (path !== '')
      list.push({
        key: 'target',
        title: `This rule, ${what} on every path`,
        description: 'For something that every page sends',
        scope: {rule_id: m.rule_id, target},
      })
    if (tag !== '')
      list.push({
        key: 'attack',
        title: `All rules against ${attackTitle(slugOfTag(tag))}, ${what}${here}`,
        description: 'For a field that takes such text, a search in code for example',
        scope: {tag, target, path_prefix: path, methods},
      })
  }
  if (path !== '')
    list.push({
      key: 'path',
      title: `This rule on ${path}, ${e.request.method}`,
      description: 'The rule looks at nothing there',
      scope: {rule_id: m.rule_id, path_prefix: path, methods},
    })
  list.push({
    key: 'rule',
    title: 'This rule in the whole service',
    description: 'Only for a rule that does not fit the application at all',
    scope: {rule_id: m.rule_id},
  })
  return list
}

/** "Rule 942100", "Rules 942100 to 942199" or "Tag attack-sqli". */
export function rulesWords(x: Scope): string {
  if (x.tag) return `Tag ${x.tag}`
  return x.rule_id_last && x.rule_id_last > (x.rule_id ?? 0) ? `Rules ${x.rule_id} to ${x.rule_id_last}` : `Rule ${x.rule_id ?? '?'}`
}

export type State = 'active' | 'expired' | 'off'

export function stateOf(x: Exception, now: number): State {
  if (x.expires && Date.parse(x.expires) <= now) return 'expired'
  return x.enabled ? 'active' : 'off'
}

const day = 24 * 3600e3

/** "in 30 days", "in 5 hours", "3 days ago" or "never". */
export function expiryWords(expires: string | undefined, now: number): string {
  if (!expires) return 'never'
  const left = Date.parse(expires) - now
  const far = Math.abs(left)
  const [n, unit] = far >= 1.5 * day ? [far / day, 'day'] : far >= 1.5 * 3600e3 ? [far / 3600e3, 'hour'] : [far / 60e3, 'minute']
  const count = Math.max(1, Math.round(n))
  const text = `${count} ${unit}${count === 1 ? '' : 's'}`
  return left > 0 ? `in ${text}` : `${text} ago`
}

/** The end of the day so many days from now, as the server wants it. */
export function inDays(days: number, now: number): string {
  return new Date(now + days * day).toISOString()
}

/** The fields of a scope as they are typed. */
export interface TypedScope {
  rules: string
  target: string
  path: string
  methods: string
  sources: string
}

/** A scope as the user would type it. */
export const typedScope = (s: Scope): TypedScope => ({
  rules: s.tag ? s.tag : s.rule_id ? String(s.rule_id) + (s.rule_id_last ? `-${s.rule_id_last}` : '') : '',
  target: s.target ?? '',
  path: s.path_prefix ?? '',
  methods: (s.methods ?? []).join(', '),
  sources: (s.sources ?? []).join('\n'),
})

/** What was typed as a scope; the server checks it. */
export function scopeOf(t: TypedScope): Scope {
  const range = /^(\d+)(?:\s*-\s*(\d+))?$/.exec(t.rules.trim())
  return {
    ...(range ? {rule_id: Number(range[1]), ...(range[2] ? {rule_id_last: Number(range[2])} : {})} : {tag: t.rules.trim()}),
    target: t.target.trim(),
    path_prefix: t.path.trim(),
    methods: t.methods
      .toUpperCase()
      .split(/[\s,]+/)
      .filter(Boolean),
    sources: lines(t.sources),
  }
}

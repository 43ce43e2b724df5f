import {describe, expect, it} from 'vitest'
import type {Event, Exception, Match} from '../api/gen'
import {expiryWords, isPlainPath, proposals, rulesWords, stateOf, targetOf, targetWords} from './scope'

const match = (m: Partial<Match>): Match => ({
  rule_id: 942100,
  phase: 2,
  message: '',
  severity: '',
  score: 5,
  variable: 'ARGS:q',
  value: 'x',
  offset: 0,
  matched: 'x',
  tags: ['language-multi', 'attack-sqli'],
  ...m,
})
const at = (path: string) => ({request: {method: 'GET', path}}) as Event

describe('proposals', () => {
  it('begin with the narrowest', () => {
    const list = proposals(at('/search'), match({}))
    expect(list.map((p) => p.key)).toEqual(['narrow', 'target', 'attack', 'path', 'rule'])
    expect(list[0]!.scope).toEqual({rule_id: 942100, target: 'ARGS:q', path_prefix: '/search', methods: ['GET']})
    expect(list[0]!.title).toBe('This rule, the parameter q on /search, GET')
    expect(list[2]!.title).toBe('All rules against SQL injection, the parameter q on /search')
    expect(list[4]!.scope).toEqual({rule_id: 942100})
  })
  it('are not bound to a path that may mean another one', () => {
    const list = proposals(at('/a%2e/b'), match({}))
    expect(list.map((p) => p.key)).toEqual(['narrow', 'attack', 'rule'])
    expect(list[0]!.scope.path_prefix).toBe('')
    expect(['/a', '/a/b-c_~', '/'].every(isPlainPath)).toBe(true)
    expect(['', 'a', '/%41', '/a;b', '/a\\b', '/a/../b', '/.git', '//a', '/a b'].some(isPlainPath)).toBe(false)
  })
  it('take the whole rule away where a variable cannot be', () => {
    expect(proposals(at('/'), match({variable: 'TX:score'})).map((p) => p.key)).toEqual(['path', 'rule'])
    expect(targetOf(match({variable: 'REQUEST_HEADERS:host', value: '0', offset: -1, matched: ''}))).toBe('')
    expect(targetOf(match({variable: 'MATCHED_VARS_NAMES:ARGS:q'}))).toBe('')
  })
})

it('targets name one member', () => {
  expect(
    ['ARGS:q', 'REQUEST_URI', 'ARGS:a:b', 'XML:/*', 'ARGS:', 'ARGS:/a/', "ARGS:a|b'c", 'ARGS:/a.b'].map((variable) =>
      targetOf(match({variable})),
    ),
  ).toEqual(['ARGS:q', 'REQUEST_URI', 'ARGS:a:b', 'XML:/*', 'ARGS', 'ARGS:/^\\/a\\/$/', 'ARGS:/^a\\x7cb\\x27c$/', 'ARGS:/^\\/a\\.b$/'])
  expect(
    ['ARGS:q', 'ARGS', 'REQUEST_COOKIES:s', 'REQUEST_COOKIES:/^s/', 'REQUEST_HEADERS:User-Agent', 'REQUEST_BASENAME', 'ARGS_NAMES:x'].map(
      targetWords,
    ),
  ).toEqual([
    'the parameter q',
    'all parameters',
    'the cookie s',
    'each cookie like /^s/',
    'the header User-Agent',
    'REQUEST_BASENAME',
    'the name of the parameter x',
  ])
})

it('words', () => {
  expect([{rule_id: 1}, {rule_id: 1, rule_id_last: 9}, {tag: 'attack-xss'}].map(rulesWords)).toEqual([
    'Rule 1',
    'Rules 1 to 9',
    'Tag attack-xss',
  ])
  const now = Date.parse('2026-11-22T12:00:00Z')
  expect(
    [undefined, '2026-12-22T12:00:00Z', '2026-11-22T17:00:00Z', '2026-11-22T12:00:20Z', '2026-11-21T18:00:00Z', '2026-11-19T12:00:00Z'].map(
      (e) => expiryWords(e, now),
    ),
  ).toEqual(['never', 'in 30 days', 'in 5 hours', 'in 1 minute', '18 hours ago', '3 days ago'])
  const x = {service_id: 'v', comment: 'c', enabled: true} as Exception
  expect([x, {...x, enabled: false}, {...x, expires: '2026-11-22T11:00:00Z'}].map((e) => stateOf(e, now))).toEqual([
    'active',
    'off',
    'expired',
  ])
})

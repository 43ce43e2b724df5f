import {describe, expect, it} from 'vitest'
import {formatTerm, invertTerm, parseFilter, removeTerm, stateOf, toggleTerm} from './filter'

const brief = (q: string) => parseFilter(q).map((t) => [t.not, t.field, t.value])

describe('parseFilter', () => {
  it('reads fields, words, quotes and negation', () => {
    expect(brief('attack:sqli -client:10.0.0.5 "union select" NOT site:"my shop" score:>=10')).toEqual([
      [false, 'attack', 'sqli'],
      [true, 'client', '10.0.0.5'],
      [false, '', 'union select'],
      [true, 'site', 'my shop'],
      [false, 'score', '>=10'],
    ])
  })
  it('keeps colons of the value, escapes in quotes, and what is half typed', () => {
    expect(brief('client:2001:db8::1')).toEqual([[false, 'client', '2001:db8::1']])
    expect(brief(String.raw`user_agent:"a \"b\" \\c"`)).toEqual([[false, 'user_agent', String.raw`a "b" \c`]])
    expect(brief('site:"my sh')).toEqual([[false, 'site', 'my sh']])
    expect(brief('  ')).toEqual([])
    expect(brief('-')).toEqual([[false, '', '-']])
  })
  it('undoes a minus under NOT', () => {
    expect(brief('NOT -attack:xss')).toEqual([[false, 'attack', 'xss']])
  })
})

describe('toggleTerm', () => {
  it('includes, and takes out again', () => {
    const q = toggleTerm('action:block', 'client', '::1', false)
    expect(q).toBe('action:block client:::1')
    expect(toggleTerm(q, 'client', '::1', false)).toBe('action:block')
  })
  it('replaces a second value of a field that has only one, but keeps several rules and exclusions', () => {
    expect(toggleTerm('client:a "x y"', 'client', 'b', false)).toBe('"x y" client:b')
    expect(toggleTerm('rule:1', 'rule', '2', false)).toBe('rule:1 rule:2')
    expect(toggleTerm('-client:a', 'client', 'b', true)).toBe('-client:a -client:b')
    expect(toggleTerm('-client:a', 'client', 'b', false)).toBe('-client:a client:b')
  })
  it('turns an inclusion into an exclusion and back', () => {
    expect(toggleTerm('client:a', 'client', 'a', true)).toBe('-client:a')
    expect(toggleTerm('x NOT client:a y', 'client', 'a', false)).toBe('x y client:a')
  })
  it.each(['a b', 'with "quotes"', 'back\\slash', '-minus', '', 'tab\there', '*', 'NOT', 'ünï'])('survives the value %j', (value) => {
    const q = toggleTerm('action:block', 'path', value, false)
    expect(stateOf(q, 'path', value)).toBe('include')
    expect(parseFilter(q)).toHaveLength(2)
    expect(toggleTerm(q, 'path', value, false)).toBe('action:block')
  })
  it('quotes a value that looks like a comparison or has parentheses', () => {
    expect(formatTerm('user_agent', '<script>', false)).toBe('user_agent:"<script>"')
    expect(stateOf('user_agent:"<script>"', 'user_agent', '<script>')).toBe('include')
    expect(formatTerm('path', '/a(b)', true)).toBe('-path:"/a(b)"')
  })
  it('tells a star from any text', () => {
    expect(formatTerm('path', '/a*b', false)).toBe(String.raw`path:/a\*b`)
    expect(formatTerm('path', '/a *', false)).toBe(String.raw`path:"/a \*"`)
    expect(stateOf('path:/a*b', 'path', '/a*b')).toBe('none')
    expect(stateOf(String.raw`path:/a\*b`, 'path', '/a*b')).toBe('include')
    expect(toggleTerm('path:/a*b', 'path', '/x', false)).toBe('path:/x')
  })
})

describe('groups', () => {
  it('are one term', () => {
    const q = '(attack:sqli OR path:/a(b) OR "x ) y") -(a (b OR c)) NOT (d) NOT(e) status:200'
    expect(parseFilter(q).map((t) => [t.text, t.not, t.group])).toEqual([
      ['(attack:sqli OR path:/a(b) OR "x ) y")', false, true],
      ['-(a (b OR c))', true, true],
      ['NOT (d)', true, true],
      ['NOT(e)', true, true],
      ['status:200', false, false],
    ])
    expect(parseFilter('(half OR').map((t) => t.text)).toEqual(['(half OR'])
    expect(parseFilter('alert(1) a)').map((t) => t.text)).toEqual(['alert(1)', 'a)'])
  })
  it('are what OR makes of a filter, which further terms go beside', () => {
    const q = 'attack:sqli OR attack:xss status:200'
    expect(parseFilter(q)).toHaveLength(1)
    expect(toggleTerm(q, 'client', '::1', false)).toBe(`(${q}) client:::1`)
    expect(toggleTerm(`(${q})`, 'client', '::1', true)).toBe(`(${q}) -client:::1`)
    expect(toggleTerm('"OR" a', 'client', 'b', false)).toBe('"OR" a client:b')
    expect(removeTerm(q, parseFilter(q)[0]!)).toBe('')
  })
  it('turn into exclusions and back', () => {
    expect(invertTerm('a OR b', parseFilter('a OR b')[0]!)).toBe('-(a OR b)')
    const q = '-(a OR b) c'
    expect(invertTerm(q, parseFilter(q)[0]!)).toBe('(a OR b) c')
    expect(invertTerm('NOT (a) c', parseFilter('NOT (a) c')[0]!)).toBe('(a) c')
    expect(invertTerm('NOT(a) c', parseFilter('NOT(a) c')[0]!)).toBe('(a) c')
    expect(invertTerm('(a) c', parseFilter('(a) c')[0]!)).toBe('-(a) c')
  })
})

describe('chips', () => {
  it('remove and invert one term and leave the rest as written', () => {
    const q = 'attack:sqli  NOT site:"my shop"   -x'
    const terms = parseFilter(q)
    expect(removeTerm(q, terms[1]!)).toBe('attack:sqli -x')
    expect(invertTerm(q, terms[1]!)).toBe('attack:sqli  site:"my shop"   -x')
    expect(invertTerm(q, terms[0]!)).toBe('-attack:sqli  NOT site:"my shop"   -x')
    expect(invertTerm('-x', parseFilter('-x')[0]!)).toBe('x')
  })
})

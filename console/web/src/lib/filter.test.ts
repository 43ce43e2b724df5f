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
  it('writes a value that looks like a comparison as its end', () => {
    expect(formatTerm('user_agent', '<script>', false)).toBe('user_agent:*<script>')
    expect(stateOf('user_agent:*<script>', 'user_agent', '<script>')).toBe('include')
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

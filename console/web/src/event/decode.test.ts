import {describe, expect, it} from 'vitest'
import type {Match} from '../api/gen'
import {decodeBody, locate, parseCookies, parseQuery, percentDecode, rawSpan} from './decode'

const b64 = (s: string) => Buffer.from(s).toString('base64')
const match = (variable: string, matched: string, value = matched): Match => ({
  rule_id: 1,
  phase: 2,
  message: '',
  severity: 'critical',
  score: 5,
  variable,
  value,
  offset: 0,
  matched,
})

describe('percentDecode', () => {
  it('decodes UTF-8 and plus, and remembers where it came from', () => {
    const d = percentDecode('q=%C3%A4+%27x', true)
    expect(d.text).toBe("q=ä 'x")
    expect(rawSpan(d, {start: 2, end: 3})).toEqual({start: 2, end: 8}) // ä
    expect(rawSpan(d, {start: 4, end: 6})).toEqual({start: 9, end: 13}) // 'x, to the end
  })
  it('leaves alone what is no escape', () => {
    for (const s of ['100%', '%zz', '%', '%4', '+']) expect(percentDecode(s).text).toBe(s)
  })
  it('reads bytes that are no UTF-8 one by one', () => {
    expect(['%ff', '%C3', '%C3%28', '%c0%af', '%ed%a0%80'].map((s) => percentDecode(s).text)).toEqual([
      '\xff',
      '\xc3',
      '\xc3(',
      '\xc0\xaf',
      '\xed\xa0\x80',
    ])
  })
  it('decodes four-byte characters', () => {
    const d = percentDecode('%F0%9F%98%80!')
    expect(d.text).toBe('😀!')
    expect(d.from).toEqual([0, 0, 12, 13])
  })
})

it('parseQuery keeps order, duplicates and empty values', () => {
  expect(parseQuery('a=1&a=%3Cx%3E&b&=y&c=1=2').map((p) => [p.name, p.value])).toEqual([
    ['a', '1'],
    ['a', '<x>'],
    ['b', ''],
    ['', 'y'],
    ['c', '1=2'],
  ])
  expect(parseQuery('')).toEqual([])
})

it('parseCookies', () => {
  expect(parseCookies('a=1; cart=%7B%7D;flag; =x').map((p) => [p.name, p.value])).toEqual([
    ['a', '1'],
    ['cart', '{}'],
    ['flag', ''],
    ['', 'x'],
  ])
})

describe('decodeBody', () => {
  it('formats JSON, also when nobody says that it is', () => {
    expect(decodeBody(b64('{"a":[1]}'), 'text/plain')).toMatchObject({kind: 'json', pretty: '{\n  "a": [\n    1\n  ]\n}'})
  })
  it('shows broken JSON as text', () => {
    expect(decodeBody(b64('{"a":'), 'application/json')).toEqual({kind: 'text', raw: '{"a":'})
  })
  it('reads forms', () => {
    expect(decodeBody(b64('u=a%27&p=x+y'), 'application/x-www-form-urlencoded; charset=utf-8')).toMatchObject({
      kind: 'form',
      parameters: [
        {name: 'u', value: "a'"},
        {name: 'p', value: 'x y'},
      ],
    })
  })
  it('tells binary from text whose last character was cut', () => {
    expect(decodeBody(Buffer.from('grüß').subarray(0, 3).toString('base64'), 'text/plain')).toMatchObject({kind: 'text', raw: 'gr'})
    expect(decodeBody(Buffer.from([0x47, 0xff, 0xfe, 1]).toString('base64'), '')).toMatchObject({kind: 'binary'})
    expect(decodeBody(b64('a\0b'), 'text/plain')).toMatchObject({kind: 'binary'})
    expect(decodeBody(undefined, 'x')).toEqual({kind: 'none'})
  })
})

describe('locate', () => {
  it('marks the parameter that the rule names and no other', () => {
    const m = [match('ARGS:q', '<script>')]
    expect(locate('x<SCRIPT>', m, 'arg', 'q')).toEqual([{start: 1, end: 9}])
    expect(locate('x<script>', m, 'arg', 'other')).toEqual([])
    expect(locate('x<script>', m, 'header', 'User-Agent')).toEqual([])
  })
  it('finds parameters of JSON bodies, cookies and headers', () => {
    expect(locate('a<b>c', [match('ARGS_POST:json.text', '<b>')], 'arg', 'text')).toHaveLength(1)
    expect(locate('sqlmap/1', [match('REQUEST_HEADERS:User-Agent', 'sqlmap')], 'header', 'user-agent')).toHaveLength(1)
    expect(locate('evil', [match('REQUEST_COOKIES:id', 'evil')], 'cookie', 'id')).toHaveLength(1)
    expect(locate('/../x', [match('REQUEST_FILENAME', '/../')], 'path')).toHaveLength(1)
  })
  it('does not colour everything because of one letter', () => {
    expect(locate('aaaa', [match('ARGS:q', 'a', 'something a')], 'arg', 'q')).toEqual([])
    expect(locate("'", [match('ARGS:q', "'")], 'arg', 'q')).toHaveLength(1)
  })
})

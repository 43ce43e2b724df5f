import {describe, expect, it} from 'vitest'
import {findAll, fromBase64, hexDump, mergeSpans, pieces, spanOfMatch, toBytes, unitsOfBytes, visible} from './bytes'

describe('spanOfMatch', () => {
  const at = (value: string, matched: string) => toBytes(value.slice(0, value.indexOf(matched))).length
  it.each([
    ['plain', "1' OR 1=1", 'OR'],
    ['two-byte letters before it', 'grüße <script>', '<script>'],
    ['three- and four-byte characters before it', '€😀' + '日本 UNION', 'UNION'],
    ['at the end', 'a😀', '😀'],
  ])('%s', (_, value, matched) => {
    const s = spanOfMatch(value, at(value, matched), matched)!
    expect(value.slice(s.start, s.end)).toBe(matched)
  })
  it('takes the occurrence that the offset names, not the first', () => {
    expect(spanOfMatch('äx äx äx', toBytes('äx äx ä').length, 'x')).toEqual({start: 7, end: 8})
  })
  it('takes the nearest when bytes that are no UTF-8 made the position wrong', () => {
    // The engine saw the bytes ff ff 27 4f 52; each ff became U+FFFD, three bytes.
    expect(spanOfMatch("\ufffd\ufffd'OR", 2, "'OR")).toEqual({start: 2, end: 5})
  })
  it('marks nothing when the rule points at no bytes', () => {
    expect(spanOfMatch('value', -1, '')).toBeNull()
    expect(spanOfMatch('value', -1, 'value')).toBeNull()
    expect(spanOfMatch('value', 0, 'gone')).toBeNull()
    expect(spanOfMatch('value', 99, '')).toBeNull()
  })
})

describe('unitsOfBytes', () => {
  it('counts a cut character as whole and stops at the end', () => {
    expect(unitsOfBytes('€a', 1)).toBe(1)
    expect(unitsOfBytes('😀a', 4)).toBe(2)
    expect(unitsOfBytes('ab', 99)).toBe(2)
  })
})

describe('findAll and mergeSpans', () => {
  it('finds every place, in another case only if the exact one is absent', () => {
    expect(findAll('a<b<c', '<')).toEqual([
      {start: 1, end: 2},
      {start: 3, end: 4},
    ])
    expect(findAll('UNION Select', 'union select')).toEqual([{start: 0, end: 12}])
    expect(findAll('İx', 'X')).toEqual([]) // lower case is longer here
    expect(findAll('abc', '')).toEqual([])
  })
  it('joins what overlaps or touches', () => {
    expect(
      mergeSpans([
        {start: 4, end: 6},
        {start: 0, end: 2},
        {start: 2, end: 3},
        {start: 5, end: 9},
      ]),
    ).toEqual([
      {start: 0, end: 3},
      {start: 4, end: 9},
    ])
  })
})

describe('pieces', () => {
  it('cuts at matches and shows what cannot be printed', () => {
    expect(pieces('a\0b', [{start: 1, end: 3}])).toEqual([
      {text: 'a', hit: false, control: false},
      {text: '\\x00', hit: true, control: true},
      {text: 'b', hit: true, control: false},
    ])
  })
  it('loses nothing', () => {
    const text = 'x😀\u202eevil\u001f\u0085\u007f\u200b ö\t\n'
    expect(
      pieces(text, [])
        .map((p) => p.text)
        .join(''),
    ).toBe('x😀\\u202eevil\\x1f\\x85\\x7f\\u200b ö\\t\\n')
  })
  it('keeps line breaks in a body', () => {
    expect(
      pieces('a\r\nb\rc', [], true)
        .map((p) => p.text)
        .join(''),
    ).toBe('a\nb\\rc')
  })
  it('never cuts a character in two', () => {
    expect(pieces('a😀b', [{start: 2, end: 3}]).map((p) => p.text)).toEqual(['a', '😀', 'b'])
  })
})

it('visible leaves ordinary letters alone', () => {
  for (const c of 'aÄ日 \u00a0~') expect(visible(c.codePointAt(0)!)).toBeNull()
})

it('hexDump and fromBase64', () => {
  expect(hexDump(fromBase64('AAECYWJj/w=='))).toBe('000000  ' + '00 01 02 61 62 63 ff'.padEnd(48) + '  ···abc·')
})

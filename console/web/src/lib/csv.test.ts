import {describe, expect, it} from 'vitest'
import {csvCell, csvTable} from './csv'

describe('csv', () => {
  it('quotes what needs it and disarms formulas', () => {
    expect(['a', 'a,b', 'a"b', 'a\nb', ' x', '=1+1', '@x', '-1', -1, null, [1, 2]].map(csvCell)).toEqual([
      'a',
      '"a,b"',
      '"a""b"',
      '"a\nb"',
      '" x"',
      "'=1+1",
      "'@x",
      "'-1",
      '-1',
      '',
      '1 2',
    ])
    expect(csvTable(['a', 'b'], [[1, 'x']])).toBe('a,b\r\n1,x\r\n')
  })
})

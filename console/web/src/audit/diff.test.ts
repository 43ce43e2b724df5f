import {expect, it} from 'vitest'
import {diffJSON} from './diff'

it('diffJSON shows what changed', () => {
  expect(diffJSON('{"a":1,"b":2}', '{"a":1,"b":3}').map((l) => l.sign + l.text)).toEqual([
    ' {',
    '   "a": 1,',
    '-  "b": 2',
    '+  "b": 3',
    ' }',
  ])
  expect(diffJSON(undefined, '{}').map((l) => l.sign)).toEqual(['+'])
  expect(diffJSON('[secret]', '').map((l) => l.sign + l.text)).toEqual(['-[secret]'])
})

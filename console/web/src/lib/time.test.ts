import {describe, expect, it} from 'vitest'
import {ago, parseLast, rangeFromParams, rangeTitle, rangeToParams, resolve} from './time'

describe('ranges in the URL', () => {
  const read = (s: string) => rangeFromParams(new URLSearchParams(s))
  it('reads relative and absolute ones', () => {
    expect(read('range=7d')).toEqual({last: '7d'})
    expect(read('from=2026-11-22T10:00:00Z&to=2026-11-22T11:00:00Z&range=7d')).toEqual({
      from: Date.UTC(2026, 10, 22, 10),
      to: Date.UTC(2026, 10, 22, 11),
    })
  })
  it.each([
    '',
    'range=',
    'range=0h',
    'range=-1h',
    'range=1y',
    'range=999999d',
    'from=x&to=y',
    'from=2026-11-22T11:00:00Z&to=2026-11-22T10:00:00Z',
    'from=2026-11-22T11:00:00Z',
  ])('falls back for %j', (s) => {
    expect(read(s)).toEqual({last: '1h'})
  })
  it('writes what it reads and leaves the rest alone', () => {
    for (const r of [{last: '6h'}, {from: 1e12, to: 1e12 + 5}]) {
      const p = rangeToParams(new URLSearchParams('q=a&range=1h&from=z'), r)
      expect(rangeFromParams(p)).toEqual(r)
      expect(p.get('q')).toBe('a')
    }
  })
})

it('resolve follows the clock only for relative ranges', () => {
  expect(resolve({last: '15m'}, 1e12)).toEqual({from: 1e12 - 900e3, to: 1e12})
  expect(resolve({from: 1, to: 2}, 1e12)).toEqual({from: 1, to: 2})
})

it('parseLast', () => {
  expect([parseLast('90m'), parseLast('24h'), parseLast('7d'), parseLast('7'), parseLast('1.5h')]).toEqual([
    5400e3,
    86400e3,
    604800e3,
    null,
    null,
  ])
})

it('says things in words', () => {
  expect(rangeTitle({last: '24h'})).toBe('Last 24 hours')
  expect(rangeTitle({last: '3h'})).toBe('Last 3h')
  const noon = new Date(2026, 10, 22, 12).getTime()
  expect(rangeTitle({from: noon, to: noon + 3600e3})).toBe('Nov 22, 12:00 – 13:00')
  expect(rangeTitle({from: noon, to: noon + 86400e3})).toBe('Nov 22, 12:00 – Nov 23, 12:00')
  expect(rangeTitle({from: noon, to: noon + 90e3})).toBe('Nov 22, 12:00:00 – 12:01:30')
  expect([ago(0, 3e3), ago(0, 30e3), ago(0, 200e3), ago(0, 7300e3), ago(0, 200000e3), ago(10, 0)]).toEqual([
    'just now',
    '30 s ago',
    '3 min ago',
    '2 h ago',
    '2 d ago',
    'just now',
  ])
})

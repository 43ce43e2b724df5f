import {expect, it} from 'vitest'
import {bytes, compact, duration, plural, share} from './format'

it('numbers', () => {
  expect([0, 987, 9999, 10000, 12345, 123456, 1e6, 4.53e6, 2e9].map(compact)).toEqual([
    '0',
    '987',
    '9,999',
    '10k',
    '12.3k',
    '123k',
    '1M',
    '4.5M',
    '2G',
  ])
  expect([0, 1023, 1024, 1536, 148e6].map(bytes)).toEqual(['0 B', '1023 B', '1 KiB', '1.5 KiB', '141 MiB'])
  expect([0, 850, 12_400, 3_140_000, 2_400_000_000, 100_000].map(duration)).toEqual([
    '0 ns',
    '850 ns',
    '12.4 µs',
    '3.14 ms',
    '2.40 s',
    '100 µs',
  ])
  expect([plural(1, 'rule'), plural(0, 'rule'), plural(2, 'proxy', 'proxies')]).toEqual(['1 rule', '0 rules', '2 proxies'])
  expect([share(0, 0), share(1, 100000), share(1, 3), share(5, 100), share(1, 1)]).toEqual(['0%', '<0.1%', '33%', '5%', '100%'])
})

import {describe, expect, it} from 'vitest'
import type {Gateway, Match, Overview} from '../api/gen'
import {attacksOf} from './attacks'
import {attention} from '../overview/attention'
import {diffJSON} from '../audit/diff'
import {csvCell, csvTable} from './csv'
import {bytes, compact, duration, plural, share} from './format'
import {isHostPort, isUpstream, lines, problemsByField} from './problems'

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

it('problems find their field', () => {
  expect(
    problemsByField(
      [
        'name: a service needs a name of 1 to 200 bytes',
        'ports[1]: address "x": want host:port',
        'service "a": ports[0]: y',
        'mode "z": must be active',
        'something else',
        'thresholds: must not be negative',
        'service "web": port 127.0.0.1:80 is already used by service "second"',
      ],
      ['name', 'ports', 'mode', 'inbound_threshold'],
    ),
  ).toEqual({
    fields: {
      name: 'a service needs a name of 1 to 200 bytes',
      ports: 'line 2: address "x": want host:port; line 1: y; port 127.0.0.1:80 is already used by service "second"',
      mode: '"z": must be active',
      inbound_threshold: 'must not be negative',
    },
    rest: ['something else'],
  })
})

it('checks addresses as the server does', () => {
  expect(['0.0.0.0:80', ':0', '[::]:443', 'host:65535'].every(isHostPort)).toBe(true)
  expect(['80', 'a:b', 'a:99999', '::1:80', ''].some(isHostPort)).toBe(false)
  expect(['http://a', 'https://a:1/x'].every(isUpstream)).toBe(true)
  expect(['a:1', 'ftp://a', 'http://u@a', 'http://a?x', 'http://a#x', '//a'].some(isUpstream)).toBe(false)
  expect(lines(' a \n\n b')).toEqual(['a', 'b'])
})

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

it('attention names what is wrong, worst first', () => {
  const o = {
    errors: 2,
    gateways: [
      {
        name: 'gw',
        events_dropped: 1,
        spool_events: 0,
        spool_bytes: 0,
        listeners: [],
        upstreams: [{service: 's', url: 'http://a', healthy: false, last_error: 'refused', requests: 0, failures: 1}],
      } as unknown as Gateway,
    ],
    sites: [
      {
        site_id: '1',
        site: 'Home',
        server_group_id: 'g',
        server_group: 'my shop',
        mode: 'simulation',
        requests: 9,
        blocked: 0,
        alerted: 3,
        services: [],
      },
    ],
  } as unknown as Overview
  const list = attention(o, (q) => '/events?q=' + q)
  expect(list.map((a) => a.level)).toEqual(['bad', 'bad', 'warn', 'warn'])
  expect(list[2]).toMatchObject({
    text: 'my shop (Home) is in simulation: 3 suspicious requests passed in this time',
    to: '/events?q=server_group:"my shop" action:alert',
  })
  expect(attention({...o, errors: 0, gateways: [], sites: []}, String)).toEqual([])
})

it('attacksOf files an event as the server does', () => {
  const m = (score: number, ...tags: string[]) => ({score, tags}) as Match
  expect(attacksOf([m(5, 'attack-xss', 'OWASP_CRS'), m(5, 'attack-sqli'), m(5, 'attack-xss'), m(0, 'attack-reputation-scanner')])).toEqual([
    'xss',
    'sqli',
    'scanner',
  ])
  expect(attacksOf([m(5, 'attack-xss'), m(5, 'attack-injection-php')])).toEqual(['php', 'xss'])
  expect(attacksOf([m(5, 'attack-unheard-of')])).toEqual(['other'])
  expect(attacksOf([])).toEqual([])
})

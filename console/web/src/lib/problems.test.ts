import {expect, it} from 'vitest'
import {isHostPort, isUpstream, lines, problemsByField} from './problems'

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

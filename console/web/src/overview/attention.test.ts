import {expect, it} from 'vitest'
import type {Gateway, Overview} from '../api/gen'
import {attention} from './attention'

it('attention names what is wrong, worst first', () => {
  const o = {
    errors: 2,
    gateways: [
      {
        name: 'gw',
        policy: {version: 8, state: 'refused', error: 'service "web": port :80: in use'},
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
  expect(list.map((a) => a.level)).toEqual(['bad', 'bad', 'bad', 'warn', 'warn'])
  expect(list[1]!.text).toBe('Gateway gw refused version 8 of the policy: service "web": port :80: in use')
  expect(list[3]).toMatchObject({
    text: 'my shop (Home) is in simulation: 3 suspicious requests passed in this time',
    to: '/events?q=server_group:"my shop" action:alert',
  })
  expect(attention({...o, errors: 0, gateways: [], sites: []}, String)).toEqual([])
})

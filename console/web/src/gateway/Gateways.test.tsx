// @vitest-environment happy-dom
import {screen, within} from '@testing-library/react'
import {expect, it} from 'vitest'
import type {Gateway, PolicyStatus} from '../api/gen'
import {answer} from '../testing/server'
import {show} from '../testing/show'
import Gateways from './Gateways'

const gateway = (policy: PolicyStatus): Gateway => ({
  id: 'gw',
  name: 'gw-1',
  version: 'v0.0.0',
  started: '2026-11-22T10:00:00Z',
  policy_version: 7,
  policy,
  memory_bytes: 1,
  goroutines: 1,
  requests: 1,
  blocked: 0,
  in_flight: 0,
  spool_bytes: 0,
  spool_events: 0,
  events_dropped: 0,
  listeners: [],
  upstreams: [],
  traffic: [],
})

it('says which policy a gateway refused and why', async () => {
  answer({'GET /gateways': [gateway({version: 8, state: 'refused', error: 'service "shop": port :80: in use'})]})
  show(<Gateways />)
  const alert = await screen.findByRole('alert')
  expect(alert.textContent).toBe('Version 8 of the policy was refused, version 7 stays in force. service "shop": port :80: in use')
})

it('says which policy is on its way', async () => {
  answer({'GET /gateways': [gateway({version: 8, state: 'pending'})]})
  show(<Gateways />)
  const card = await screen.findByRole('article')
  expect(within(card).getByText('version 8 is being put in force')).toBeTruthy()
  expect(screen.queryByRole('alert')).toBeNull()
})

it('says nothing about a policy that is in force', async () => {
  answer({'GET /gateways': [gateway({version: 7, state: 'applied'})]})
  show(<Gateways />)
  await screen.findByRole('article')
  expect(screen.queryByRole('alert')).toBeNull()
  expect(screen.queryByText(/put in force/)).toBeNull()
})

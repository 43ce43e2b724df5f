// Objects of the API as the manager would answer them.
import type {Event, EventSummary, Facets, Histogram, Match} from '../api/gen'

const id = (n: number) => `01900000-0000-7000-8000-${String(n).padStart(12, '0')}`

/** The nth event; a higher number is newer. */
export function summary(n: number, more: Partial<EventSummary> = {}): EventSummary {
  return {
    id: id(n),
    time: new Date(Date.UTC(2026, 10, 22, 10, 0, n)).toISOString(),
    kind: 'detection',
    action: 'block',
    mode: 'active',
    attacks: ['sqli'],
    severity: 'critical',
    score: 5,
    rule_ids: [942100],
    rule_id: 942100,
    message: 'SQL Injection Attack Detected via libinjection',
    site: 'Home',
    server_group: 'shop',
    service: 'web',
    service_id: 'web-1',
    gateway: 'gw',
    client: '10.0.0.' + n,
    method: 'GET',
    host: 'shop.example.com',
    path: '/search/' + n,
    query: '',
    user_agent: 'curl',
    status: 403,
    duration_us: 900,
    ...more,
  }
}

/** Events with the numbers n to 1, newest first, as the API lists them. */
export const summaries = (n: number) => Array.from({length: n}, (_, i) => summary(n - i))

export const match = (more: Partial<Match> = {}): Match => ({
  rule_id: 942100,
  phase: 2,
  message: 'SQL Injection Attack Detected via libinjection',
  severity: 'critical',
  score: 5,
  tags: ['attack-sqli', 'paranoia-level/1'],
  variable: 'ARGS:q',
  value: '1 union select 2',
  offset: 2,
  matched: 'union select',
  ...more,
})

export function event(n: number, more: Partial<Event> = {}): Event {
  const s = summary(n)
  return {
    schema: 2,
    kind: 'detection',
    id: s.id,
    time: s.time,
    action: 'block',
    gateway: 'gw',
    policy_version: 3,
    site: 'Home',
    server_group: 'shop',
    service: 'web',
    service_id: 'svc1',
    mode: 'active',
    client: s.client,
    peer: s.client,
    request: {
      method: 'GET',
      scheme: 'https',
      host: 'shop.example.com',
      path: s.path,
      query: 'q=1%20union%20select%202',
      protocol: 'HTTP/1.1',
      body_bytes: 0,
    },
    response: {status: 403, body_bytes: 0, duration_ns: 9e5, upstream_duration_ns: 0},
    verdict: {
      blocked: true,
      score: 5,
      threshold: 5,
      outbound_score: 0,
      outbound_threshold: 4,
      matches: [match()],
      inspection_ns: 5e4,
    },
    ...more,
  } as Event
}

export const facets = (total: number): Facets => ({
  total,
  fields: total === 0 ? [] : [{field: 'action', values: [{value: 'block', count: total}]}],
})

export const histogram = (): Histogram => ({times: ['2026-11-22T10:00:00Z'], block: [1], alert: [0], pass: [0]})

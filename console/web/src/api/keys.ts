import type {Range} from '../lib/time'

/** A time range as the API wants it, in RFC 3339. */
export interface Frame {
  from: string
  to: string
}

/**
 * Where the query cache keeps what the API answered. A key that begins with another one
 * belongs to it: invalidating `overview` also invalidates `overviewCounts`.
 * No other file spells a key out (eslint.config.js refuses it).
 */
export const keys = {
  session: ['session'],
  sites: ['sites'],
  serverGroups: ['server-groups'],
  services: ['services'],
  routes: ['routes'],
  gateways: ['gateways'],
  exceptions: ['exceptions'],
  exceptionPreview: (exception: string) => ['exception-preview', exception],
  ruleActions: (serviceID: string) => ['rule-actions', serviceID],
  rule: (id: number) => ['rule', id],
  users: ['users'],
  tokens: ['tokens'],
  audit: ['audit'],
  overview: ['overview'],
  overviewCounts: (range: Range) => ['overview', 'counts', range],
  overviewOutcome: (range: Range) => ['overview', 'outcome', range],
  overviewErrors: (range: Range) => ['overview', 'errors', range],
  event: (id: string) => ['event', id],
  eventsNear: (id: string) => ['events-near', id],
  anyEvent: ['any-event'],
  facets: (q: string, frame: Frame) => ['facets', q, frame],
  histogram: (q: string, frame: Frame) => ['histogram', q, frame],
} as const

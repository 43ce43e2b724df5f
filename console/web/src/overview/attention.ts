// What an operator should look at first, derived from the overview.
import type {Overview} from '../api/gen'
import {bytes, integer, plural} from '../lib/format'

export interface Attention {
  level: 'bad' | 'warn'
  text: string
  to: string
  action: string
}

/** The list, worst first. eventsLink makes the address of the events that a filter finds. */
export function attention(o: Overview, eventsLink: (q: string) => string): Attention[] {
  const list: Attention[] = []
  for (const g of o.gateways) {
    for (const l of g.listeners) {
      if (l.error)
        list.push({level: 'bad', text: `${l.service} is not listening on ${l.address}: ${l.error}`, to: '/gateways', action: 'Gateways'})
    }
    for (const u of g.upstreams) {
      if (!u.healthy)
        list.push({
          level: 'bad',
          text: `Upstream ${u.url} of ${u.service} does not answer${u.last_error ? ': ' + u.last_error : ''}`,
          to: '/sites',
          action: 'Sites',
        })
    }
    if (g.policy.state === 'refused')
      list.push({
        level: 'bad',
        text: `Gateway ${g.name} refused version ${g.policy.version} of the policy: ${g.policy.error}`,
        to: '/gateways',
        action: 'Gateways',
      })
    if (g.events_dropped > 0)
      list.push({
        level: 'bad',
        text: `Gateway ${g.name} dropped ${plural(g.events_dropped, 'event')} since its start: its spool was full or could not be written`,
        to: '/gateways',
        action: 'Gateways',
      })
    if (g.spool_events > 5000)
      list.push({
        level: 'warn',
        text: `Gateway ${g.name} has ${integer(g.spool_events)} events (${bytes(g.spool_bytes)}) that are not in the lake yet`,
        to: '/gateways',
        action: 'Gateways',
      })
  }
  for (const s of o.sites) {
    const q = `server_group:${/[\s"]/.test(s.server_group) ? JSON.stringify(s.server_group) : s.server_group}`
    if (s.mode === 'simulation' && s.alerted > 0) {
      list.push({
        level: 'warn',
        text: `${s.server_group} (${s.site}) is in simulation: ${plural(s.alerted, 'suspicious request')} passed in this time`,
        to: eventsLink(q + ' action:alert'),
        action: 'Look at them',
      })
    }
    if (s.mode === 'disabled')
      list.push({
        level: 'warn',
        text: `${s.server_group} (${s.site}) is disabled: nothing is inspected there`,
        to: '/sites#' + s.server_group_id,
        action: 'Sites',
      })
  }
  if (o.errors > 0)
    list.push({
      level: 'warn',
      text: `${plural(o.errors, 'request')} got no response from their server (502 or 504)`,
      to: eventsLink('status:>=502'),
      action: 'Events',
    })
  return list.sort((a, b) => Number(a.level === 'warn') - Number(b.level === 'warn'))
}

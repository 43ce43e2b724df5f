import type {EventSummary} from '../api/gen'
import {csvTable} from '../lib/csv'

const columns: (keyof EventSummary)[] = [
  'time',
  'id',
  'action',
  'mode',
  'attacks',
  'severity',
  'score',
  'rule_ids',
  'message',
  'site',
  'server_group',
  'service',
  'gateway',
  'client',
  'method',
  'host',
  'path',
  'query',
  'user_agent',
  'status',
  'duration_us',
]

/** The event list as a CSV file. */
export const eventsCSV = (events: EventSummary[]) =>
  csvTable(
    columns,
    events.map((e) => columns.map((c) => e[c])),
  )

import {summaryFields} from '../api/event.gen'
import type {EventSummary} from '../api/gen'
import {csvTable} from '../lib/csv'

const columns: (keyof EventSummary)[] = ['time', ...summaryFields.filter((f) => f !== 'time')]

/** The event list as a CSV file. */
export const eventsCSV = (events: EventSummary[]) =>
  csvTable(
    columns,
    events.map((e) => columns.map((c) => e[c])),
  )

import {Button, Menu, Tooltip} from '@mantine/core'
import {api, messageOf} from '../api/client'
import type {EventSummary} from '../api/gen'
import type {Frame} from '../api/keys'
import {integer, plural} from '../lib/format'
import {iso} from '../lib/time'
import {saveFile} from '../widgets/browser'
import {Icon} from '../widgets/icons'
import {toast} from '../widgets/toast'
import {eventsCSV} from './csv'

const maxExport = 10_000

/** Saves the events found, up to a bound, as a file. */
export function ExportMenu({q, frame}: {q: string; frame: () => Frame}) {
  const save = async (kind: 'csv' | 'json') => {
    try {
      const {events, complete} = await readEvents(q, frame())
      const name = 'ringwall-events-' + iso(Date.now()).slice(0, 19).replace(/[:T]/g, '')
      if (kind === 'csv') saveFile(name + '.csv', 'text/csv', eventsCSV(events))
      else saveFile(name + '.json', 'application/json', JSON.stringify(events, null, 2))
      toast(
        complete
          ? `${plural(events.length, 'event')} exported`
          : `The newest ${integer(events.length)} events exported; narrow the filter or use the lake query for more`,
      )
    } catch (e) {
      toast('The export stopped: ' + messageOf(e), 'bad')
    }
  }
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Tooltip label="Export">
          <Button variant="default" px={8} aria-label="Export">
            <Icon name="download" />
          </Button>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Up to {integer(maxExport)} events of this result</Menu.Label>
        <Menu.Item onClick={() => void save('csv')}>CSV</Menu.Item>
        <Menu.Item onClick={() => void save('json')}>JSON</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}

/** Reads the newest events, page by page; complete is false if there were more than maxExport. */
async function readEvents(q: string, frame: Frame): Promise<{events: EventSummary[]; complete: boolean}> {
  const events: EventSummary[] = []
  let cursor: string | undefined
  do {
    const page = await api.listEvents({q, ...frame, cursor, limit: 2000})
    events.push(...page.events)
    cursor = page.next || undefined
  } while (cursor !== undefined && events.length < maxExport)
  return {events: events.slice(0, maxExport), complete: cursor === undefined}
}

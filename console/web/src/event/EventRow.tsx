import {memo, type MouseEvent} from 'react'
import type {EventSummary} from '../api/gen'
import {attackShort, attackTitle} from '../lib/attacks'
import {cx} from '../lib/cx'
import {eventLink} from '../lib/links'
import {clock, shortStamp, stamp} from '../lib/time'
import {ActionBadge} from '../widgets/badges'
import {Payload} from '../widgets/Payload'
import {requestText} from './decode'

export interface RowProps {
  e: EventSummary
  top: number
  index: number
  selected: boolean
  /** The present day as stamp writes it: rows of other days show theirs. */
  today: string
  onOpen: (id: string) => void
}

/** The id of the element that shows an event in the list. */
export const rowID = (eventID: string) => 'event-' + eventID

/** What a row is to the list and to the mouse. Rows act like links: with the usual keys or the middle button they open in a new tab. */
function rowProps({e, top, index, selected, onOpen}: RowProps) {
  const newTab = () => window.open(eventLink(e.id), '_blank')
  return {
    style: {top},
    role: 'row',
    'aria-rowindex': index + 1,
    'aria-selected': selected,
    id: rowID(e.id),
    onClick: (ev: MouseEvent) => (ev.metaKey || ev.ctrlKey || ev.shiftKey ? newTab() : onOpen(e.id)),
    onAuxClick: (ev: MouseEvent) => ev.button === 1 && newTab(),
  }
}

/** An event as a line of columns. */
export const Row = memo(function Row(props: RowProps) {
  const {e, selected, today} = props
  const t = Date.parse(e.time)
  const day = stamp(t).slice(0, 10)
  return (
    <div className={cx('erow', selected && 'sel')} {...rowProps(props)}>
      <span className="dim nowrap" role="gridcell" title={stamp(t, true)}>
        {clock(t)}
        {day !== today && <span className="line2">{shortStamp(t).split(', ')[0]}</span>}
      </span>
      <span role="gridcell">
        <ActionBadge action={e.action} />
      </span>
      <span className="c-url" role="gridcell">
        <span className="mono line1">
          <b>{e.method}</b> <span className="faint host">{e.host}</span>
          <Payload text={requestText(e)} />
        </span>
        <span className="line2" title={e.message}>
          {e.attacks.length > 0 && <span className="dim">{e.attacks.map(attackTitle).join(', ')}</span>}
          {e.rule_ids.length > 0
            ? ` · ${e.rule_id} ${e.message}${e.rule_ids.length > 1 ? ` +${e.rule_ids.length - 1}` : ''}`
            : e.attacks.length === 0
              ? 'no rule matched'
              : ''}
        </span>
      </span>
      <span className="mono clip c-client" role="gridcell" title={e.user_agent}>
        {e.client}
      </span>
      <span className="num" role="gridcell">
        {e.score || <span className="faint">–</span>}
      </span>
      <span className="num dim" role="gridcell">
        {e.status || '–'}
      </span>
    </div>
  )
})

/** An event as a card, for narrow screens. */
export const CardRow = memo(function CardRow(props: RowProps) {
  const {e, selected, today} = props
  const t = Date.parse(e.time)
  const day = stamp(t).slice(0, 10)
  return (
    <div className={cx('ecard', selected && 'sel')} {...rowProps(props)}>
      <div className="row" role="gridcell">
        <ActionBadge action={e.action} />
        <span className="clip grow">{e.attacks.map(attackShort).join(', ') || 'No attack'}</span>
        <span className="dim nowrap">{day === today ? clock(t) : shortStamp(t)}</span>
      </div>
      <div className="mono req" role="gridcell">
        <b>{e.method}</b> <Payload text={requestText(e)} />
      </div>
      <div className="row faint" role="gridcell" style={{fontSize: 12}}>
        <span className="mono clip grow">{e.client}</span>
        <span>{e.status || ''}</span>
      </div>
    </div>
  )
})

import {SegmentedControl} from '@mantine/core'
import {useMemo, useState, type ReactNode} from 'react'
import type {Event, Match} from '../api/gen'
import {hexDump, type Span} from '../lib/bytes'
import {bytes} from '../lib/format'
import {Payload} from '../widgets/Payload'
import {decodeBody, headerOf, locate} from './decode'
import {Params} from './Params'

/** What was kept of the body: formatted, raw, or as a hex dump. */
export function BodyView({e, matches}: {e: Event; matches: Match[]}) {
  const type = headerOf(e, 'Content-Type')
  const body = useMemo(() => decodeBody(e.request.body, type), [e, type])
  const [raw, setRaw] = useState(false)
  if (body.kind === 'none') {
    if (e.request.body_bytes === 0) return null
    return (
      <>
        <div className="sub">Body</div>
        <p className="dim">{bytes(e.request.body_bytes)}, not kept: no rule matched.</p>
      </>
    )
  }
  const two = body.kind === 'json' || body.kind === 'form'
  const kept = e.request.body ? Math.floor((e.request.body.replace(/=+$/, '').length * 3) / 4) : 0
  let content: ReactNode
  if (body.kind === 'binary')
    content = (
      <pre className="payload long" tabIndex={0} role="region" aria-label="Body">
        {hexDump(body.bytes)}
      </pre>
    )
  else if (body.kind === 'form' && !raw) content = <Params rows={body.parameters} matches={matches} part="arg" />
  else {
    const text = body.kind === 'json' && !raw ? body.pretty : body.raw
    content = (
      <pre className="payload long" tabIndex={0} role="region" aria-label="Body">
        <Payload text={text} spans={bodySpans(text, matches)} multiline />
      </pre>
    )
  }
  return (
    <>
      <div className="sub">
        <span>
          Body{' '}
          <span className="faint">
            {type || 'no content type'}, {bytes(e.request.body_bytes)}
          </span>
        </span>
        {two && (
          <SegmentedControl
            size="xs"
            aria-label="How to show the body"
            value={raw ? 'raw' : 'read'}
            onChange={(v) => setRaw(v === 'raw')}
            data={[
              {value: 'read', label: body.kind === 'json' ? 'Formatted' : 'Decoded'},
              {value: 'raw', label: 'Raw'},
            ]}
          />
        )}
      </div>
      {content}
      {e.request.body_bytes > kept && (
        <p className="faint" style={{marginTop: 6}}>
          Only the first {bytes(kept)} were kept.
        </p>
      )}
    </>
  )
}

/** Matched bytes in a body as text: as they are, and as JSON writes them. */
function bodySpans(text: string, matches: Match[]): Span[] {
  const asJSON = matches.map((m) => ({...m, matched: JSON.stringify(m.matched).slice(1, -1)}))
  return [...locate(text, matches, 'body'), ...locate(text, asJSON, 'body')]
}

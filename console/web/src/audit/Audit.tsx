import {Button} from '@mantine/core'
import {useState} from 'react'
import type {AuditEntry} from '../api/gen'
import {useAudit} from '../api/queries'
import {diffJSON} from './diff'
import {ago, stamp} from '../lib/time'
import {Icon} from '../widgets/icons'
import {cx} from '../lib/cx'
import {IconButton} from '../widgets/IconButton'
import {PageHead} from '../widgets/PageHead'
import {Empty, ErrorBox, SkelRows} from '../widgets/states'
import {useNow} from '../widgets/useNow'

export default function Audit() {
  const query = useAudit()
  const [open, setOpen] = useState<number | null>(null)
  const now = useNow(30_000)
  const entries = query.data?.pages.flat() ?? []
  return (
    <>
      <PageHead title="Audit">
        <IconButton icon="refresh" label="Refresh now" onClick={() => void query.refetch()} />
      </PageHead>
      <div className="page stack">
        {query.isError && <ErrorBox error={query.error} retry={() => void query.refetch()} />}
        {query.isPending ? (
          <SkelRows rows={10} />
        ) : entries.length === 0 && !query.isError ? (
          <Empty title="Nothing was changed yet" icon="audit">
            <p>Every change of a site, a user or a token is listed here, with the values before and after.</p>
          </Empty>
        ) : (
          <section className="card" aria-label="Changes, newest first">
            {entries.map((e) => (
              <Entry key={e.id} e={e} now={now} open={open === e.id} onToggle={() => setOpen(open === e.id ? null : e.id)} />
            ))}
          </section>
        )}
        {query.hasNextPage && (
          <div>
            <Button variant="default" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
              Older entries
            </Button>
          </div>
        )}
      </div>
    </>
  )
}

const verbClass: Record<string, string> = {delete: 'bad', 'login-failed': 'bad', mode: 'accent', create: 'good'}

function Entry({e, now, open, onToggle}: {e: AuditEntry; now: number; open: boolean; onToggle: () => void}) {
  const has = Boolean(e.before || e.after)
  const line = (
    <>
      <span className="dim nowrap" title={stamp(Date.parse(e.time))}>
        {ago(Date.parse(e.time), now)}
      </span>
      <span>
        <span className={cx('badge', verbClass[e.verb])}>{e.verb.replace('-', ' ')}</span>
      </span>
      <span className="wrap">
        <b>{e.actor}</b> <span className="dim">{e.object.replace('_', ' ')}</span> {e.name !== e.actor && e.name}
      </span>
      <span className="mono faint clip from">{e.source}</span>
      <span className="end">{has && <Icon name={open ? 'up' : 'down'} />}</span>
    </>
  )
  return (
    <div className="entry">
      {has ? (
        <button className="entry-line" aria-expanded={open} onClick={onToggle}>
          {line}
        </button>
      ) : (
        <div className="entry-line">{line}</div>
      )}
      {open && has && (
        <div style={{padding: '0 14px 14px'}}>
          <div className="diff" role="region" aria-label="What changed" tabIndex={0}>
            {diffJSON(e.before, e.after).map((l, i) => (
              <div key={i} className={l.sign === '+' ? 'add' : l.sign === '-' ? 'del' : undefined}>
                <span
                  aria-label={l.sign === '+' ? 'added' : l.sign === '-' ? 'removed' : undefined}
                  role={l.sign === ' ' ? undefined : 'img'}
                >
                  {l.sign}
                </span>
                <span>{l.text}</span>
              </div>
            ))}
          </div>
        </div>
      )}
    </div>
  )
}

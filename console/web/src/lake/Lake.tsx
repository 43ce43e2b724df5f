import {Button, Textarea} from '@mantine/core'
import {useMutation} from '@tanstack/react-query'
import {useState} from 'react'
import {useSearchParams} from 'react-router'
import {api} from '../api/client'
import type {LakeResult} from '../api/gen'
import {csvTable} from '../lib/csv'
import {integer, plural} from '../lib/format'
import {Form} from '../widgets/Form'
import {Icon} from '../widgets/icons'
import {PageHead} from '../widgets/PageHead'
import {Payload} from '../widgets/Payload'
import {modKey, saveFile} from '../widgets/browser'
import {Empty, ErrorBox, Skel} from '../widgets/states'

const examples: [string, string][] = [
  [
    'Who attacks most',
    `SELECT client, count(*) AS n, count(*) FILTER (action = 'block') AS blocked, max(time) AS last
FROM events
WHERE action <> 'pass' AND time > now() - INTERVAL 7 DAY
GROUP BY client
ORDER BY n DESC
LIMIT 20`,
  ],
  [
    'Attacks per day',
    `SELECT date_trunc('day', time) AS day, action, count(*) AS n
FROM events
GROUP BY ALL
ORDER BY day DESC, n DESC`,
  ],
  [
    'Slowest requests',
    `SELECT time, method, host, path, status, duration_us / 1000.0 AS ms
FROM events
ORDER BY duration_us DESC
LIMIT 50`,
  ],
  ['Columns', 'DESCRIBE events'],
]

const maxRows = 10_000

export default function Lake() {
  const [params, setParams] = useSearchParams()
  const [sql, setSQL] = useState(params.get('sql') ?? examples[0]![1])
  const [took, setTook] = useState(0)
  const run = useMutation({
    mutationFn: async (statement: string) => {
      const start = performance.now()
      const result = await api.queryLake({sql: statement, limit: maxRows})
      setTook(performance.now() - start)
      return result
    },
  })
  const start = () => {
    setParams(
      (p) => {
        const n = new URLSearchParams(p)
        n.set('sql', sql)
        return n
      },
      {replace: true},
    )
    run.mutate(sql)
  }
  return (
    <>
      <PageHead title="Lake query" />
      <div className="page stack">
        <Form onSubmit={start}>
          <div className="row" style={{flexWrap: 'wrap'}}>
            <span className="faint">Examples</span>
            {examples.map(([title, text]) => (
              <Button key={title} variant="default" size="compact-xs" onClick={() => setSQL(text)}>
                {title}
              </Button>
            ))}
          </div>
          <Textarea
            aria-label="SQL, one statement that reads the view events"
            autosize
            minRows={6}
            maxRows={18}
            spellCheck={false}
            maxLength={20000}
            classNames={{input: 'sql'}}
            value={sql}
            onChange={(e) => setSQL(e.currentTarget.value)}
            onKeyDown={(e) => {
              if (e.key === 'Enter' && (e.metaKey || e.ctrlKey)) {
                e.preventDefault()
                start()
              }
            }}
          />
          <div className="row">
            <Button type="submit" leftSection={<Icon name="play" />} loading={run.isPending} disabled={sql.trim() === ''}>
              Run
            </Button>
            <span className="faint">
              <kbd>{modKey}</kbd> <kbd>Enter</kbd> runs it. The view is called <code className="inline-code">events</code>; nothing can be
              changed from here.
            </span>
          </div>
        </Form>
        {run.isError && <QueryError error={run.error} />}
        {run.isPending ? (
          <Skel h={240} />
        ) : run.data && !run.isError ? (
          <Result result={run.data} took={took} />
        ) : (
          !run.isError && (
            <Empty title="Ask the lake in SQL" icon="lake">
              <p>Every event that Ringwall keeps is a row. The dialect is DuckDB’s.</p>
            </Empty>
          )
        )}
      </div>
    </>
  )
}

function QueryError({error}: {error: unknown}) {
  const text = error instanceof Error ? error.message : ''
  // The engine points at the place with a caret, which needs its line breaks.
  if (!text.includes('\n')) return <ErrorBox error={error} />
  return (
    <div className="notice bad" role="alert">
      <pre className="mono" style={{margin: 0, whiteSpace: 'pre-wrap'}}>
        {text}
      </pre>
    </div>
  )
}

const isNumber = (v: unknown) => typeof v === 'number'

function cellText(v: unknown): string {
  if (v === null || v === undefined) return ''
  if (typeof v === 'number') return Number.isInteger(v) ? String(v) : String(Math.round(v * 1e6) / 1e6)
  if (Array.isArray(v)) return v.map(cellText).join(', ')
  if (typeof v === 'object') return JSON.stringify(v)
  return String(v)
}

const shownRows = 500

function Result({result, took}: {result: LakeResult; took: number}) {
  const numeric = result.columns.map(
    (_, i) => result.rows.some((r) => isNumber(r[i])) && result.rows.every((r) => r[i] === null || isNumber(r[i])),
  )
  return (
    <section className="card" aria-label="Result">
      <div className="card-head">
        <h2>
          {plural(result.rows.length, 'row')}{' '}
          <span className="faint" style={{fontWeight: 400}}>
            in {took < 1000 ? Math.round(took) + ' ms' : (took / 1000).toFixed(1) + ' s'}
          </span>
        </h2>
        {result.truncated && <span className="badge alert">there were more than {integer(result.rows.length)}</span>}
        <Button
          variant="default"
          leftSection={<Icon name="download" />}
          onClick={() => saveFile('ringwall-query.csv', 'text/csv', csvTable(result.columns, result.rows))}
        >
          CSV
        </Button>
      </div>
      {result.rows.length === 0 ? (
        <p className="dim card-body">The query found nothing.</p>
      ) : (
        <div className="table-scroll" tabIndex={0} role="region" aria-label="Result rows">
          <table className="table hover">
            <thead>
              <tr>
                {result.columns.map((c, i) => (
                  <th key={i} className={numeric[i] ? 'num' : undefined}>
                    {c}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {result.rows.slice(0, shownRows).map((r, i) => (
                <tr key={i}>
                  {r.map((v, k) => (
                    <td key={k} className={numeric[k] ? 'num mono' : 'mono'} style={{maxWidth: 480}}>
                      {v === null ? (
                        <span className="faint">null</span>
                      ) : (
                        <span className="wrap">
                          <Payload text={cellText(v)} />
                        </span>
                      )}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {result.rows.length > shownRows && (
        <p className="faint" style={{padding: '8px 14px'}}>
          The first {integer(shownRows)} are shown; the CSV file has all {integer(result.rows.length)}.
        </p>
      )}
    </section>
  )
}

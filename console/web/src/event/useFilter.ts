import {useCallback, useMemo, useState} from 'react'
import {useSearchParams} from 'react-router'
import type {Frame} from '../api/keys'
import {withParam} from '../lib/links'
import {iso, resolve, type Range} from '../lib/time'

/** Filter and live tail, which live in the URL. */
export function useFilter() {
  const [params, setParams] = useSearchParams()
  const setQ = useCallback((q: string) => setParams((p) => withParam(p, 'q', q.trim())), [setParams])
  const setLive = useCallback((on: boolean) => setParams((p) => withParam(p, 'live', on ? '1' : '')), [setParams])
  return {q: params.get('q') ?? '', setQ, live: params.get('live') === '1', setLive}
}

/** The range as two times, and a function that resolves it again; a relative one is also resolved when the range or the filter changes. */
export function useFrame(range: Range, q: string): [Frame, () => void] {
  const [asked, setAsked] = useState(0)
  const frame = useMemo(() => {
    const r = resolve(range, Date.now())
    return {from: iso(r.from), to: iso(r.to)}
    // eslint-disable-next-line react-hooks/exhaustive-deps -- q and asked stand for the clock
  }, [range, q, asked])
  const askAgain = useCallback(() => setAsked((n) => n + 1), [])
  return [frame, askAgain]
}

import {useCallback, useMemo} from 'react'
import {useSearchParams} from 'react-router'
import {rangeFromParams, rangeToParams, type Range} from '../lib/time'

/** The time range in the URL, a function that changes it, and all parameters of the URL. The range is the same object until it changes. */
export function useRange(): [Range, (r: Range) => void, URLSearchParams] {
  const [params, setParams] = useSearchParams()
  const last = params.get('range') ?? ''
  const from = params.get('from') ?? ''
  const to = params.get('to') ?? ''
  const range = useMemo(() => rangeFromParams(new URLSearchParams({range: last, from, to})), [last, from, to])
  const set = useCallback((r: Range) => setParams((p) => rangeToParams(p, r)), [setParams])
  return [range, set, params]
}

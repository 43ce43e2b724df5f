import {useCallback, useMemo} from 'react'
import {useSearchParams} from 'react-router'
import {rangeFromParams, rangeToParams, type Range} from '../lib/time'

/** The time range in the URL. */
export function useRange(): [Range, (r: Range) => void, URLSearchParams] {
  const [params, setParams] = useSearchParams()
  const key = [params.get('range'), params.get('from'), params.get('to')].join('|')
  const range = useMemo(() => rangeFromParams(params), [key])
  const set = useCallback((r: Range) => setParams((p) => rangeToParams(p, r)), [setParams])
  return [range, set, params]
}

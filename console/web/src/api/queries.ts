// What the screens read from the API, one hook a question. The key of each is in keys.ts;
// what changes something is called by the screen itself (api.createSite, …), which then
// invalidates the keys of what it changed.
import {keepPreviousData, useInfiniteQuery, useQuery, type QueryClient} from '@tanstack/react-query'
import {formatTerm} from '../lib/filter'
import {iso, resolve, type Range} from '../lib/time'
import {api, hasStatus} from './client'
import type {Event, Exception, Session} from './gen'
import {keys, type Frame} from './keys'

const second = 1000
const minute = 60 * second

/** The session of this browser; null without one. */
export const useSessionQuery = () =>
  useQuery({
    queryKey: keys.session,
    queryFn: async ({signal}): Promise<Session | null> => {
      try {
        return await api.getSession(signal)
      } catch (e) {
        if (hasStatus(e, 401)) return null
        throw e
      }
    },
    staleTime: Infinity,
  })

/** Replaces the session and forgets all that the user before was shown. */
export function changeSession(queries: QueryClient, session: Session | null) {
  queries.setQueryData(keys.session, session)
  queries.removeQueries({predicate: (q) => q.queryKey[0] !== keys.session[0]})
}

interface ListOptions {
  enabled?: boolean
  /** Asks again that often, in milliseconds; without it only when something changed. */
  every?: number
}

export const useSites = ({enabled}: ListOptions = {}) =>
  useQuery({queryKey: keys.sites, queryFn: ({signal}) => api.listSites(signal), enabled})

export const useServerGroups = ({enabled}: ListOptions = {}) =>
  useQuery({queryKey: keys.serverGroups, queryFn: ({signal}) => api.listServerGroups({}, signal), enabled})

export const useServices = ({enabled}: ListOptions = {}) =>
  useQuery({queryKey: keys.services, queryFn: ({signal}) => api.listServices({}, signal), enabled})

export const useRoutes = ({enabled}: ListOptions = {}) =>
  useQuery({queryKey: keys.routes, queryFn: ({signal}) => api.listRoutes({}, signal), enabled})

export const useGateways = ({enabled, every}: ListOptions = {}) =>
  useQuery({queryKey: keys.gateways, queryFn: ({signal}) => api.listGateways(signal), enabled, refetchInterval: every})

export const useUsers = ({enabled}: ListOptions = {}) =>
  useQuery({queryKey: keys.users, queryFn: ({signal}) => api.listUsers(signal), enabled})

export const useTokens = () => useQuery({queryKey: keys.tokens, queryFn: ({signal}) => api.listTokens(signal)})

export const useExceptions = () => useQuery({queryKey: keys.exceptions, queryFn: ({signal}) => api.listExceptions({}, signal)})

/** What an exception would have done to the stored events. */
export function useExceptionPreview(exception: Exception, enabled: boolean) {
  return useQuery({
    queryKey: keys.exceptionPreview(JSON.stringify(exception)),
    queryFn: ({signal}) => api.previewException({exception}, signal),
    enabled,
    staleTime: minute,
    placeholderData: keepPreviousData,
    retry: false,
  })
}

export const useRuleActions = (serviceID: string) =>
  useQuery({
    queryKey: keys.ruleActions(serviceID),
    queryFn: ({signal}) => api.getRuleActions(serviceID, signal),
    staleTime: 0,
    refetchOnMount: 'always',
  })

/** A rule in words; status 404 if no rule in force has this id. */
export const useRule = (id: number) =>
  useQuery({queryKey: keys.rule(id), queryFn: ({signal}) => api.getRule(String(id), signal), staleTime: 10 * minute})

const auditPage = 100

/** The audit trail, newest first, page by page. */
export const useAudit = () =>
  useInfiniteQuery({
    queryKey: keys.audit,
    queryFn: ({pageParam, signal}) => api.listAudit({before: pageParam, limit: auditPage}, signal),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (last) => (last.length < auditPage ? undefined : last[last.length - 1]!.id),
    staleTime: 0,
  })

/** Asks about a time range; a relative one is resolved each time that the server is asked. */
function useInRange<T>(key: readonly unknown[], range: Range, ask: (f: Frame, signal: AbortSignal) => Promise<T>, options: ListOptions) {
  return useQuery({
    queryKey: key,
    queryFn: ({signal}) => {
      const r = resolve(range, Date.now())
      return ask({from: iso(r.from), to: iso(r.to)}, signal)
    },
    enabled: options.enabled,
    refetchInterval: options.every,
    placeholderData: keepPreviousData,
  })
}

const overviewBuckets = 60

export const useOverview = (range: Range, options: ListOptions) =>
  useInRange(keys.overviewCounts(range), range, (f, signal) => api.getOverview({...f, buckets: overviewBuckets}, signal), options)

/** What became of the requests over time. The gateways count requests; only the lake knows their outcome. */
export const useOverviewOutcome = (range: Range, options: ListOptions) =>
  useInRange(keys.overviewOutcome(range), range, (f, signal) => api.eventHistogram({...f, buckets: overviewBuckets}, signal), options)

/** Requests over time that got 502 or 504. */
export function useOverviewErrors(range: Range, options: ListOptions) {
  const ask = async (f: Frame, signal: AbortSignal) => {
    const h = await api.eventHistogram({q: 'status:>=502', ...f, buckets: overviewBuckets}, signal)
    return h.times.map((_, i) => h.block[i]! + h.alert[i]! + h.pass[i]!)
  }
  return useInRange(keys.overviewErrors(range), range, ask, options)
}

/** One event. While another one is read, the one before stays. */
export const useEvent = (id: string) =>
  useQuery({
    queryKey: keys.event(id),
    queryFn: ({signal}) => api.getEvent(id, signal),
    staleTime: Infinity, // events never change
    placeholderData: keepPreviousData,
  })

/** 12 hours before and after an event, which may be long ago. */
export function frameAround(e: Event): Frame {
  const at = Date.parse(e.time)
  return {from: iso(at - 12 * 60 * minute), to: iso(at + 12 * 60 * minute)}
}

/** The newest events of an event's client around it. */
export const useEventsNear = (e: Event) =>
  useQuery({
    queryKey: keys.eventsNear(e.id),
    queryFn: ({signal}) => api.listEvents({...frameAround(e), q: formatTerm('client', e.client, false), limit: 6}, signal),
    staleTime: minute,
  })

/** Whether the lake has any event at all. */
export const useAnyEvent = ({enabled}: ListOptions) =>
  useQuery({
    queryKey: keys.anyEvent,
    queryFn: async ({signal}) => {
      const page = await api.listEvents({from: '2000-01-01T00:00:00Z', to: iso(Date.now() + second), limit: 1}, signal)
      return page.events.length > 0
    },
    enabled,
  })

/** The frame up to the present while the live tail runs: a relative range was resolved when it began. */
export const untilNow = (frame: Frame, live: boolean): Frame => (live ? {from: frame.from, to: iso(Date.now() + second)} : frame)

const liveEvery = (live: boolean) => (live ? 5 * second : undefined)

export const useFacets = (q: string, frame: Frame, live: boolean) =>
  useQuery({
    queryKey: keys.facets(q, frame),
    queryFn: ({signal}) => api.eventFacets({q, ...untilNow(frame, live)}, signal),
    placeholderData: keepPreviousData,
    refetchInterval: liveEvery(live),
  })

export const useHistogram = (q: string, frame: Frame, live: boolean) =>
  useQuery({
    queryKey: keys.histogram(q, frame),
    queryFn: ({signal}) => api.eventHistogram({q, ...untilNow(frame, live), buckets: 80}, signal),
    placeholderData: keepPreviousData,
    refetchInterval: liveEvery(live),
  })

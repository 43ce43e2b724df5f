import {useQuery, useQueryClient} from '@tanstack/react-query'
import {lazy, Suspense, useEffect} from 'react'
import {Navigate, Route, Routes} from 'react-router'
import {api, ApiError, rememberSession, whenUnauthenticated} from './api/client'
import type {Session} from './api/gen'
import {Login} from './session/Login'
import {PageHead} from './widgets/PageHead'
import {TextLink} from './widgets/TextLink'
import {Empty, ErrorBox, SkelRows} from './widgets/states'
import {SessionContext, useCan} from './session/session'
import {Shell} from './shell/Shell'

const Overview = lazy(() => import('./overview/Overview'))
const Events = lazy(() => import('./event/Events'))
const EventPage = lazy(() => import('./event/EventPage'))
const Sites = lazy(() => import('./site/Sites'))
const Exceptions = lazy(() => import('./exception/Exceptions'))
const Gateways = lazy(() => import('./gateway/Gateways'))
const Lake = lazy(() => import('./lake/Lake'))
const Users = lazy(() => import('./user/Users'))
const Audit = lazy(() => import('./audit/Audit'))

/** Asks who is there; shows the login form in place, so that the address stays what it was. */
export function App() {
  const queries = useQueryClient()
  const session = useQuery({
    queryKey: ['session'],
    queryFn: async ({signal}): Promise<Session | null> => {
      try {
        return await api.getSession(signal)
      } catch (e) {
        if (e instanceof ApiError && e.status === 401) return null
        throw e
      }
    },
    staleTime: Infinity,
  })

  useEffect(() => {
    whenUnauthenticated(
      () => queries.setQueryData(['session'], null),
      () => void queries.invalidateQueries({queryKey: ['session']}),
    )
  }, [queries])
  rememberSession(session.data ?? null)

  const loggedIn = (s: Session) => {
    // What the last user was shown is none of the next one's business.
    queries.removeQueries({predicate: (q) => q.queryKey[0] !== 'session'})
    queries.setQueryData(['session'], s)
  }

  if (session.isPending) return <div className="login" />
  if (session.isError) {
    return (
      <div className="page">
        <ErrorBox error={session.error} retry={() => session.refetch()} />
      </div>
    )
  }
  if (!session.data) return <Login onLogin={loggedIn} />
  return (
    <SessionContext.Provider value={session.data}>
      <Shell>
        <Suspense
          fallback={
            <div className="page">
              <SkelRows />
            </div>
          }
        >
          <Routes>
            <Route path="/" element={<Overview />} />
            <Route path="/events" element={<Events />} />
            <Route path="/events/:id" element={<EventPage />} />
            <Route path="/sites" element={<Sites />} />
            <Route path="/exceptions" element={<Exceptions />} />
            <Route path="/gateways" element={<Gateways />} />
            <Route path="/lake" element={<For role="operator" title="Lake query" is={<Lake />} />} />
            <Route path="/users" element={<Users />} />
            <Route path="/audit" element={<For role="admin" title="Audit" is={<Audit />} />} />
            <Route path="/login" element={<Navigate to="/" replace />} />
            <Route path="*" element={<NotFound />} />
          </Routes>
        </Suspense>
      </Shell>
    </SessionContext.Provider>
  )
}

function For({role, title, is}: {role: 'operator' | 'admin'; title: string; is: React.ReactNode}) {
  if (useCan(role)) return is
  return (
    <>
      <PageHead title={title} />
      <Empty title={`This page is for the role ${role}`} icon="key">
        <p>Ask an administrator if you need it.</p>
        <TextLink to="/">Go to the overview</TextLink>
      </Empty>
    </>
  )
}

function NotFound() {
  return (
    <>
      <PageHead title="Not found" />
      <Empty title="There is nothing at this address" icon="search">
        <TextLink to="/">Go to the overview</TextLink>
      </Empty>
    </>
  )
}

import {useQueryClient} from '@tanstack/react-query'
import {Suspense, useEffect, type ReactNode} from 'react'
import {Navigate, Route, Routes, useLocation} from 'react-router'
import {rememberSession, whenUnauthenticated} from './api/client'
import type {Role} from './api/gen'
import {keys} from './api/keys'
import {changeSession, useSessionQuery} from './api/queries'
import {screens} from './screens'
import {Login} from './session/Login'
import {SessionContext, useCan} from './session/session'
import {Shell} from './shell/Shell'
import {ErrorBoundary} from './widgets/ErrorBoundary'
import {PageHead} from './widgets/PageHead'
import {Empty, ErrorBox, SkelRows} from './widgets/states'
import {TextLink} from './widgets/TextLink'

/** Asks for the session; without one it shows the login form in place, so that the address stays what it was. */
export function App() {
  const queries = useQueryClient()
  const session = useSessionQuery()

  useEffect(() => {
    whenUnauthenticated(
      () => queries.setQueryData(keys.session, null),
      () => void queries.invalidateQueries({queryKey: keys.session}),
    )
  }, [queries])
  rememberSession(session.data ?? null)

  if (session.isPending) return <div className="login" />
  if (session.isError) {
    return (
      <div className="page">
        <ErrorBox error={session.error} retry={() => session.refetch()} />
      </div>
    )
  }
  if (!session.data) return <Login onLogin={(s) => changeSession(queries, s)} />
  return (
    <SessionContext.Provider value={session.data}>
      <Shell>
        <Outlet />
      </Shell>
    </SessionContext.Provider>
  )
}

/** The screen at the present address. */
function Outlet() {
  return (
    <ErrorBoundary resetOn={useLocation().pathname}>
      <Suspense
        fallback={
          <div className="page">
            <SkelRows />
          </div>
        }
      >
        <Routes>
          {screens.map(({path, role, title, view: View}) => (
            <Route
              key={path}
              path={path}
              element={
                <ForRole role={role} title={title}>
                  <View />
                </ForRole>
              }
            />
          ))}
          <Route path="/login" element={<Navigate to="/" replace />} />
          <Route path="*" element={<NotFound />} />
        </Routes>
      </Suspense>
    </ErrorBoundary>
  )
}

function ForRole({role = 'viewer', title, children}: {role?: Role; title: string; children: ReactNode}) {
  if (useCan(role)) return children
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

import {createContext, useContext} from 'react'
import type {Role, Session} from '../api/gen'
import {can} from '../lib/roles'

export const SessionContext = createContext<Session | null>(null)

/** The session of the user; screens exist only inside one. */
export function useSession(): Session {
  const s = useContext(SessionContext)
  if (!s) throw new Error('no session')
  return s
}

/** Whether the user may do what a role may do. The server decides; this only hides what it would refuse. */
export const useCan = (role: Role): boolean => can(useSession().user.role, role)

import {createContext, useContext} from 'react'
import type {Role, Session} from '../api/gen'

export const SessionContext = createContext<Session | null>(null)

/** The session of the user who looks at this; screens exist only inside one. */
export function useSession(): Session {
  const s = useContext(SessionContext)
  if (!s) throw new Error('no session')
  return s
}

const rank: Record<Role, number> = {viewer: 0, operator: 1, admin: 2}

/** Whether the user may do what a role may do. The server decides; this only hides what it would refuse. */
export function useCan(role: Role): boolean {
  return rank[useSession().user.role] >= rank[role]
}

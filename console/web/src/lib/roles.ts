import type {Role} from '../api/gen'

const rank: Record<Role, number> = {viewer: 0, operator: 1, admin: 2}

/** Whether a role may do what another one may do. */
export const can = (role: Role, other: Role) => rank[role] >= rank[other]

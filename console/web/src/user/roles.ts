import type {Role} from '../api/gen'

/** The roles, from the least to the most, and what each may do. */
export const roles: {value: Role; label: string}[] = [
  {value: 'viewer', label: 'viewer: reads'},
  {value: 'operator', label: 'operator: also changes sites and queries the lake'},
  {value: 'admin', label: 'admin: also manages users and reads the audit trail'},
]

// The screens of the console. Routes (App.tsx), menu and command palette (shell/) are
// derived from this table; docs/add-a-screen.md says how to add one.
import type {ComponentType} from 'react'
import type {Role} from './api/gen'
import {can} from './lib/roles'
import {lazyChunk} from './widgets/chunk'
import type {IconName} from './widgets/icons'

/** A line of the command palette that leads into a screen. */
export interface Shortcut {
  title: string
  icon: IconName
  to: string
}

export interface Screen {
  /** The pattern of its route and, in menu and palette, the address. */
  path: string
  title: string
  /** Its name for roles to which it shows less. */
  titleFor?: Partial<Record<Role, string>>
  /** Its sign in menu and palette. A screen without one is reached by links alone. */
  icon?: IconName
  /** The lowest role that may see it; every user may see a screen without one. */
  role?: Role
  /** Lines of the palette beside that of the screen itself. */
  shortcuts?: Shortcut[]
  /** Imports the screen's file, which exports its component as default. It is loaded when it is shown first. */
  load: () => Promise<{default: ComponentType}>
}

/** In the order of the menu; on narrow screens the first four are always in sight. */
const table: Screen[] = [
  {path: '/', title: 'Overview', icon: 'overview', load: () => import('./overview/Overview')},
  {
    path: '/events',
    title: 'Events',
    icon: 'events',
    shortcuts: [
      {title: 'Blocked events', icon: 'events', to: '/events?q=action%3Ablock'},
      {title: 'Live tail', icon: 'play', to: '/events?live=1'},
    ],
    load: () => import('./event/Events'),
  },
  {path: '/events/:id', title: 'Event', load: () => import('./event/EventPage')},
  {path: '/sites', title: 'Sites', icon: 'sites', load: () => import('./site/Sites')},
  {path: '/exceptions', title: 'Exceptions', icon: 'exception', load: () => import('./exception/Exceptions')},
  {path: '/gateways', title: 'Gateways', icon: 'gateways', load: () => import('./gateway/Gateways')},
  {path: '/lake', title: 'Lake query', icon: 'lake', role: 'operator', load: () => import('./lake/Lake')},
  {
    path: '/users',
    title: 'Users & tokens',
    titleFor: {viewer: 'Tokens', operator: 'Tokens'},
    icon: 'users',
    load: () => import('./user/Users'),
  },
  {path: '/audit', title: 'Audit', icon: 'audit', role: 'admin', load: () => import('./audit/Audit')},
]

export const screens = table.map((s) => ({...s, view: lazyChunk(s.path, s.load)}))

/** What menu and palette show of a screen. */
export interface MenuEntry {
  to: string
  title: string
  icon: IconName
  shortcuts: Shortcut[]
}

/** The screens that a role finds in menu and palette. */
export function menuFor(role: Role): MenuEntry[] {
  return screens.flatMap(({path, title, titleFor, icon, role: least = 'viewer', shortcuts = []}) =>
    icon && can(role, least) ? [{to: path, title: titleFor?.[role] ?? title, icon, shortcuts}] : [],
  )
}

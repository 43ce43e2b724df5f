import {Drawer, Menu, Modal, useMantineColorScheme} from '@mantine/core'
import {useHotkeys} from '@mantine/hooks'
import {useQueryClient} from '@tanstack/react-query'
import {useEffect, useRef, useState, type ReactNode} from 'react'
import {NavLink, useLocation} from 'react-router'
import {api} from '../api/client'
import {Icon, Logo, type IconName} from '../widgets/icons'
import {Palette} from './Palette'
import {PasswordDialog} from '../session/PasswordDialog'
import {IconButton} from '../widgets/IconButton'
import {useCan, useSession} from '../session/session'

export interface Screen {
  to: string
  title: string
  icon: IconName
}

/** The screens that this user may see. */
export function useScreens(): Screen[] {
  const operator = useCan('operator')
  const admin = useCan('admin')
  const all: (Screen | false)[] = [
    {to: '/', title: 'Overview', icon: 'overview'},
    {to: '/events', title: 'Events', icon: 'events'},
    {to: '/sites', title: 'Sites', icon: 'sites'},
    {to: '/exceptions', title: 'Exceptions', icon: 'exception'},
    {to: '/gateways', title: 'Gateways', icon: 'gateways'},
    operator && {to: '/lake', title: 'Lake query', icon: 'lake'},
    {to: '/users', title: admin ? 'Users & tokens' : 'Tokens', icon: 'users'},
    admin && {to: '/audit', title: 'Audit', icon: 'audit'},
  ]
  return all.filter((s) => s !== false)
}

export const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent)
export const modKey = isMac ? '⌘' : 'Ctrl'

export function Shell({children}: {children: ReactNode}) {
  const screens = useScreens()
  const [palette, setPalette] = useState(false)
  const [help, setHelp] = useState(false)
  const [more, setMore] = useState(false)
  const [password, setPassword] = useState(false)
  const main = useRef<HTMLElement>(null)
  const {pathname} = useLocation()

  useHotkeys([
    ['mod+K', () => setPalette((o) => !o)],
    ['shift+?', () => setHelp(true)],
    ['?', () => setHelp(true)],
  ])
  // In fields too: a palette that does not open from the search box is half a palette.
  useEffect(() => {
    const f = (e: KeyboardEvent) => {
      if (
        (e.metaKey || e.ctrlKey) &&
        e.key.toLowerCase() === 'k' &&
        e.target instanceof HTMLElement &&
        /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName)
      ) {
        e.preventDefault()
        setPalette((o) => !o)
      }
    }
    addEventListener('keydown', f)
    return () => removeEventListener('keydown', f)
  }, [])
  useEffect(() => {
    setMore(false)
    main.current?.scrollTo(0, 0)
  }, [pathname])

  const links = (
    <ul className="nav-links">
      {screens.map((s) => (
        <li key={s.to}>
          <NavLink to={s.to} end={s.to === '/'}>
            <Icon name={s.icon} />
            {s.title}
          </NavLink>
        </li>
      ))}
    </ul>
  )
  const foot = <UserMenu onPassword={() => setPassword(true)} onHelp={() => setHelp(true)} />

  return (
    <div className="shell">
      <a
        className="skip"
        href="#main"
        onClick={(e) => {
          e.preventDefault()
          main.current?.focus()
        }}
      >
        Skip to the content
      </a>
      <nav className="nav" aria-label="Screens">
        <div className="brand">
          <Logo />
          Ringwall
        </div>
        <button className="nav-button nav-find" onClick={() => setPalette(true)}>
          <Icon name="search" />
          Go to…
          <kbd>{isMac ? '⌘K' : 'Ctrl K'}</kbd>
        </button>
        {links}
        <div className="nav-gap" />
        {foot}
      </nav>
      <div className="topbar" role="region" aria-label="Ringwall">
        <div className="brand">
          <Logo />
          Ringwall
        </div>
        <IconButton icon="search" label="Go to…" size={40} onClick={() => setPalette(true)} />
      </div>
      <main className="main" id="main" ref={main} tabIndex={-1} style={{outline: 'none'}}>
        {children}
      </main>
      <nav className="bottom-nav" aria-label="Screens, short">
        {screens.slice(0, 4).map((s) => (
          <NavLink key={s.to} to={s.to} end={s.to === '/'}>
            <Icon name={s.icon} />
            {s.title}
          </NavLink>
        ))}
        <button onClick={() => setMore(true)}>
          <Icon name="more" />
          More
        </button>
      </nav>
      <Drawer
        opened={more}
        onClose={() => setMore(false)}
        title="Ringwall"
        position="bottom"
        size={430}
        closeButtonProps={{'aria-label': 'Close'}}
      >
        {links}
        <div style={{height: 12}} />
        {foot}
      </Drawer>
      <Palette opened={palette} onClose={() => setPalette(false)} screens={screens} />
      <HelpDialog opened={help} onClose={() => setHelp(false)} />
      <PasswordDialog opened={password} onClose={() => setPassword(false)} />
    </div>
  )
}

function UserMenu({onPassword, onHelp}: {onPassword: () => void; onHelp: () => void}) {
  const session = useSession()
  const queries = useQueryClient()
  const {colorScheme, setColorScheme} = useMantineColorScheme()
  const logout = async () => {
    // Whatever the server says, this browser shows nothing any more.
    await api.logout().catch(() => {})
    queries.setQueryData(['session'], null)
    queries.removeQueries({predicate: (q) => q.queryKey[0] !== 'session'})
  }
  return (
    <Menu position="top-start" width={212}>
      <Menu.Target>
        <button className="nav-button" style={{height: 44}}>
          <span className="badge accent" style={{width: 26, height: 26, justifyContent: 'center', borderRadius: 13}}>
            {session.user.name.slice(0, 1).toUpperCase()}
          </span>
          <span className="grow" style={{lineHeight: 1.25}}>
            <span className="clip" style={{display: 'block', color: 'var(--text)'}}>
              {session.user.name}
            </span>
            <span className="faint" style={{fontSize: 12, fontWeight: 400}}>
              {session.user.role}
            </span>
          </span>
          <Icon name="up" />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Theme</Menu.Label>
        {(['light', 'dark', 'auto'] as const).map((s) => (
          <Menu.Item
            key={s}
            closeMenuOnClick={false}
            leftSection={<Icon name={({light: 'sun', dark: 'moon', auto: 'auto'} as const)[s]} />}
            rightSection={colorScheme === s && <Icon name="check" />}
            onClick={() => setColorScheme(s)}
            role="menuitemradio"
            aria-checked={colorScheme === s}
          >
            {{light: 'Light', dark: 'Dark', auto: 'As the system'}[s]}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item leftSection={<Icon name="help" />} onClick={onHelp}>
          Keyboard shortcuts
        </Menu.Item>
        <Menu.Item leftSection={<Icon name="key" />} onClick={onPassword}>
          Change password
        </Menu.Item>
        <Menu.Item leftSection={<Icon name="logout" />} onClick={() => void logout()}>
          Log out
        </Menu.Item>
        <Menu.Divider />
        <Menu.Label>Ringwall {session.version}</Menu.Label>
      </Menu.Dropdown>
    </Menu>
  )
}

function HelpDialog({opened, onClose}: {opened: boolean; onClose: () => void}) {
  const keys: [string[], string][] = [
    [[modKey, 'K'], 'Go to a screen, a site or an event'],
    [['?'], 'Show this help'],
    [['/'], 'Events: search'],
    [['j', '↓'], 'Events: next'],
    [['k', '↑'], 'Events: previous'],
    [['Enter'], 'Events: open the one selected'],
    [['Home', 'End'], 'Events: newest, oldest loaded'],
    [['Esc'], 'Close the detail, the dialog or the menu'],
    [['Alt', 'click'], 'A facet: exclude instead of include'],
  ]
  return (
    <Modal opened={opened} onClose={onClose} title="Keyboard shortcuts" closeButtonProps={{'aria-label': 'Close'}}>
      <div className="help">
        {keys.map(([k, what]) => (
          <div key={what} style={{display: 'contents'}}>
            <span className="row" style={{gap: 4}}>
              {k.map((x) => (
                <kbd key={x}>{x}</kbd>
              ))}
            </span>
            <span>{what}</span>
          </div>
        ))}
      </div>
    </Modal>
  )
}

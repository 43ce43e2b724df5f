import {Drawer} from '@mantine/core'
import {useHotkeys} from '@mantine/hooks'
import {useEffect, useRef, useState, type ReactNode} from 'react'
import {NavLink, useLocation} from 'react-router'
import {menuFor} from '../screens'
import {PasswordDialog} from '../session/PasswordDialog'
import {useSession} from '../session/session'
import {isMac} from '../widgets/browser'
import {IconButton} from '../widgets/IconButton'
import {Icon, Logo} from '../widgets/icons'
import {HelpDialog} from './HelpDialog'
import {Palette} from './Palette'
import {UserMenu} from './UserMenu'

/** The frame around each screen: menu, command palette, help, and the menu of the user. */
export function Shell({children}: {children: ReactNode}) {
  const menu = menuFor(useSession().user.role)
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
  // useHotkeys leaves fields alone; the palette opens from them too.
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
      {menu.map((s) => (
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
        {menu.slice(0, 4).map((s) => (
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
      <Palette opened={palette} onClose={() => setPalette(false)} menu={menu} />
      <HelpDialog opened={help} onClose={() => setHelp(false)} />
      <PasswordDialog opened={password} onClose={() => setPassword(false)} />
    </div>
  )
}

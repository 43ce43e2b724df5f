import {Menu, useMantineColorScheme} from '@mantine/core'
import {useQueryClient} from '@tanstack/react-query'
import {api} from '../api/client'
import {changeSession} from '../api/queries'
import {useSession} from '../session/session'
import {Icon} from '../widgets/icons'

export function UserMenu({onPassword, onHelp}: {onPassword: () => void; onHelp: () => void}) {
  const session = useSession()
  const queries = useQueryClient()
  const {colorScheme, setColorScheme} = useMantineColorScheme()
  const logout = async () => {
    // Even if the server does not answer, this browser forgets the session.
    await api.logout().catch(() => {})
    changeSession(queries, null)
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

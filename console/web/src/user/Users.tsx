import {useUsers} from '../api/queries'
import {useCan} from '../session/session'
import {PageHead} from '../widgets/PageHead'
import {TokenList} from './TokenList'
import {UserList} from './UserList'

export default function Users() {
  const admin = useCan('admin')
  const users = useUsers({enabled: admin})
  return (
    <>
      <PageHead title={admin ? 'Users & tokens' : 'Tokens'} />
      <div className="page stack" style={{gap: 20}}>
        {admin && <UserList />}
        {/* Not before the users, whose number would push it down. */}
        {!(admin && users.isPending) && <TokenList all={admin} />}
      </div>
    </>
  )
}

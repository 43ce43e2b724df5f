import {useHotkeys} from '@mantine/hooks'
import {useNavigate, useParams} from 'react-router'
import {EventDetail} from './EventDetail'
import {PageHead} from '../widgets/PageHead'
import {TextLink} from '../widgets/TextLink'

/** An event alone on a page: what a link in a ticket opens. */
export default function EventPage() {
  const {id = ''} = useParams()
  const navigate = useNavigate()
  useHotkeys([['Escape', () => void navigate('/events?id=' + encodeURIComponent(id))]])
  return (
    <>
      <PageHead title="Event">
        <TextLink to="/events">All events</TextLink>
      </PageHead>
      <div className="alone">
        <EventDetail id={id} />
      </div>
    </>
  )
}

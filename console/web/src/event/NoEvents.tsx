import {Button} from '@mantine/core'
import {useAnyEvent, useGateways} from '../api/queries'
import {NothingYet} from '../site/NothingYet'
import {Empty} from '../widgets/states'

interface Props {
  q: string
  live: boolean
  onClear: () => void
  /** Sets a longer time range; undefined if there is none. */
  onWiden: (() => void) | undefined
}

/** Shown instead of the list if no event fits: why, and how to find some. */
export function NoEvents({q, live, onClear, onWiden}: Props) {
  const unfiltered = q === ''
  const gateways = useGateways({enabled: unfiltered})
  const any = useAnyEvent({enabled: unfiltered})
  if (unfiltered && any.data === false && gateways.data) return <NothingYet gateways={gateways.data} />
  return (
    <Empty title={live ? 'Waiting for events' : 'No events'} icon="search">
      <p>{unfiltered ? 'Nothing happened in this time range.' : 'No event in this time range fits the filter.'}</p>
      <div className="row">
        {!unfiltered && (
          <Button variant="default" onClick={onClear}>
            Clear the filter
          </Button>
        )}
        {onWiden && (
          <Button variant="default" onClick={onWiden}>
            Look at the last 7 days
          </Button>
        )}
      </div>
    </Empty>
  )
}

import {useLocalStorage} from '@mantine/hooks'
import {useState} from 'react'
import {useMedia} from '../widgets/useMedia'

/** Where the facets are shown: beside the list where there is room, else in a drawer. */
export function useFacetPanel(eventIsOpen: boolean) {
  const small = useMedia('(max-width: 1180px)')
  const wide = useMedia('(min-width: 1500px)', true)
  const [hidden, setHidden] = useLocalStorage({key: 'ringwall-hide-facets', defaultValue: false, getInitialValueInEffect: false})
  const [drawer, setDrawer] = useState(false)
  const room = !small && (wide || !eventIsOpen)
  return {
    panel: room && !hidden,
    drawer,
    toggle: () => (room ? setHidden(!hidden) : setDrawer(true)),
    closeDrawer: () => setDrawer(false),
  }
}

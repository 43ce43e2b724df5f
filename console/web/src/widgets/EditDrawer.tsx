import {Drawer} from '@mantine/core'
import {useState, type ReactNode} from 'react'

/**
 * A drawer that is open while it is given something to edit. It keeps its content while it
 * slides out. Give the children a key that changes with what is edited: a form keeps its
 * initial values.
 */
export function EditDrawer<T>({
  edited,
  onClose,
  title,
  children,
}: {
  edited: T | null
  onClose: () => void
  title: (edited: T) => string
  children: (edited: T) => ReactNode
}) {
  const [last, setLast] = useState(edited)
  if (edited !== null && edited !== last) setLast(edited)
  const shown = edited ?? last
  return (
    <Drawer
      opened={edited !== null}
      onClose={onClose}
      title={shown === null ? '' : title(shown)}
      closeButtonProps={{'aria-label': 'Close'}}
    >
      {shown !== null && children(shown)}
    </Drawer>
  )
}

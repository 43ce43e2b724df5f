import {Drawer} from '@mantine/core'
import {useState, type ReactNode} from 'react'

/**
 * A drawer that edits what it is given and is closed without. Its content stays while it
 * slides out; give the children a key that changes with what is edited, so that a form
 * begins anew.
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

// Messages that disappear by themselves: a list outside of React, so that any code can add one.
import {useSyncExternalStore} from 'react'
import {IconButton} from './IconButton'

interface Toast {
  id: number
  text: string
  kind: 'good' | 'bad'
}
let toasts: Toast[] = []
let lastToast = 0
const listeners = new Set<() => void>()
const changed = () => listeners.forEach((f) => f())

export function toast(text: string, kind: 'good' | 'bad' = 'good') {
  const t = {id: ++lastToast, text, kind}
  toasts = [...toasts.slice(-3), t]
  changed()
  setTimeout(() => dismiss(t.id), kind === 'bad' ? 9000 : 4000)
}

function dismiss(id: number) {
  toasts = toasts.filter((t) => t.id !== id)
  changed()
}

export function Toasts() {
  const list = useSyncExternalStore(
    (f) => {
      listeners.add(f)
      return () => listeners.delete(f)
    },
    () => toasts,
  )
  return (
    <div className="toasts" role="status" aria-live="polite">
      {list.map((t) => (
        <div className="toast" key={t.id}>
          <span className={'dot ' + t.kind} />
          <span className="grow wrap">{t.text}</span>
          <IconButton icon="close" label="Dismiss" size={22} onClick={() => dismiss(t.id)} />
        </div>
      ))}
    </div>
  )
}

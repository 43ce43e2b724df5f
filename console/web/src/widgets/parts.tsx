// The small pieces that every screen is made of.
import {ActionIcon, Button, Tooltip, type ActionIconProps} from '@mantine/core'
import {useEffect, useState, useSyncExternalStore, type CSSProperties, type ReactNode} from 'react'
import {Link} from 'react-router'
import {ApiError, messageOf} from '../api/client'
import type {Action, Mode} from '../api/gen'
import {pieces, type Span} from '../lib/bytes'
import {Icon, type IconName} from './icons'

export const cx = (...names: (string | false | undefined)[]) => names.filter(Boolean).join(' ')

/** Block, alert or pass. The word is always there: colour alone tells too little. */
export function ActionBadge({action}: {action: Action}) {
  return <span className={'badge ' + action}>{{block: 'Block', alert: 'Alert', pass: 'Pass'}[action]}</span>
}

export const modeTitle: Record<Mode, string> = {active: 'Active', simulation: 'Simulation', disabled: 'Disabled'}

export function ModeBadge({mode}: {mode: Mode}) {
  return <span className={'badge ' + mode}>{modeTitle[mode]}</span>
}

const severityClass: Record<string, string> = {critical: 'block', error: 'block', warning: 'alert'}

export function SeverityBadge({severity}: {severity: string}) {
  return severity === '' ? null : <span className={cx('badge', severityClass[severity])}>{severity}</span>
}

/** A button that shows only an icon; label is its tooltip and its name. */
export function IconButton({
  icon,
  label,
  onClick,
  ...rest
}: {icon: IconName; label: string; onClick?: () => void; disabled?: boolean} & ActionIconProps) {
  return (
    <Tooltip label={label}>
      <ActionIcon aria-label={label} onClick={onClick} {...rest}>
        <Icon name={icon} />
      </ActionIcon>
    </Tooltip>
  )
}

/** A grey area of the size of what will stand there, so that nothing jumps. */
export function Skel({h, w = '100%', style}: {h: number; w?: number | string; style?: CSSProperties}) {
  return <div className="skel" style={{height: h, width: w, ...style}} aria-hidden="true" />
}

export function SkelRows({rows = 6, h = 20}: {rows?: number; h?: number}) {
  return (
    <div className="stack" role="status" aria-label="Loading">
      {Array.from({length: rows}, (_, i) => (
        <Skel key={i} h={h} w={`${92 - ((i * 17) % 35)}%`} />
      ))}
    </div>
  )
}

/** What went wrong, in the server's words, and a way to try again. */
export function ErrorBox({error, retry, title}: {error: unknown; retry?: () => void; title?: string}) {
  const problems = error instanceof ApiError ? error.problems : []
  return (
    <div className="notice bad" role="alert">
      <Icon name="warn" />
      <div className="grow">
        {title && <b>{title} </b>}
        {messageOf(error)}
        {problems.length > 0 && (
          <ul>
            {problems.map((p) => (
              <li key={p}>{p}</li>
            ))}
          </ul>
        )}
      </div>
      {retry && (
        <Button variant="default" onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  )
}

export function Empty({title, children, icon = 'shield'}: {title: string; children?: ReactNode; icon?: IconName}) {
  return (
    <div className="empty">
      <svg className="art" viewBox="0 0 56 56" fill="none" stroke="currentColor" aria-hidden="true">
        <circle cx="28" cy="28" r="26" strokeWidth="1.500" strokeDasharray="3 5" opacity="0.6" />
        <foreignObject x="16" y="16" width="24" height="24">
          <Icon name={icon} />
        </foreignObject>
      </svg>
      <h2>{title}</h2>
      {children}
    </div>
  )
}

/** Text of a payload with what matched marked and what cannot be printed shown. */
export function Payload({text, spans = [], multiline = false}: {text: string; spans?: Span[]; multiline?: boolean}) {
  return (
    <>
      {pieces(text, spans, multiline).map((p, i) => {
        const inner = p.control ? <span className="ctl">{p.text}</span> : p.text
        return p.hit ? <mark key={i}>{inner}</mark> : <span key={i}>{inner}</span>
      })}
    </>
  )
}

/** A line of bars without axes. */
export function Spark({values, color, className}: {values: number[]; color: string; className?: string}) {
  const max = Math.max(0, ...values)
  if (max === 0) return null
  const n = Math.max(1, values.length)
  const points = values.map((v, i) => `${(i / Math.max(1, n - 1)) * 100},${(29 - (v / max) * 26).toFixed(2)}`)
  return (
    <svg className={className} viewBox="0 0 100 30" preserveAspectRatio="none" aria-hidden="true">
      <polygon points={`0,30 ${points.join(' ')} 100,30`} fill={color} opacity="0.12" />
      <polyline points={points.join(' ')} fill="none" stroke={color} strokeWidth="1.500" vectorEffect="non-scaling-stroke" />
    </svg>
  )
}

/** A share of a whole as a thin bar. */
export function Bar({value, max, color = 'var(--grey-solid)'}: {value: number; max: number; color?: string}) {
  return (
    <svg viewBox="0 0 100 2" preserveAspectRatio="none" aria-hidden="true">
      <rect width={max > 0 ? (100 * value) / max : 0} height="2" fill={color} />
    </svg>
  )
}

/** The head of a screen: its name on the left, its controls on the right. */
export function PageHead({title, children}: {title: string; children?: ReactNode}) {
  useEffect(() => {
    document.title = `${title} · Ringwall`
  }, [title])
  return (
    <div className="page-head">
      <h1>{title}</h1>
      {children}
    </div>
  )
}

// Toasts: a list outside of React, so that any code can say something.

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

/** Copies text and says so; without the clipboard (plain HTTP) it uses a selection. */
export async function copyText(text: string, what: string) {
  try {
    if (navigator.clipboard) await navigator.clipboard.writeText(text)
    else {
      const area = document.createElement('textarea')
      area.value = text
      document.body.append(area)
      area.select()
      document.execCommand('copy')
      area.remove()
    }
    toast(`${what} copied`)
  } catch {
    toast(`The browser did not allow copying`, 'bad')
  }
}

/** Hands the browser a file made here. */
export function saveFile(name: string, type: string, text: string) {
  const url = URL.createObjectURL(new Blob([text], {type}))
  const a = document.createElement('a')
  a.href = url
  a.download = name
  a.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}

/** The time, again every few seconds, for "3 min ago". */
export function useNow(everyMs = 5000): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const t = setInterval(() => setNow(Date.now()), everyMs)
    return () => clearInterval(t)
  }, [everyMs])
  return now
}

/** A link to the events that a filter finds, in the same time range as the page it stands on. */
export function eventsLink(q: string, range: URLSearchParams | null = null): string {
  const p = new URLSearchParams()
  for (const name of ['range', 'from', 'to']) {
    const v = range?.get(name)
    if (v) p.set(name, v)
  }
  if (q !== '') p.set('q', q)
  return '/events?' + p
}

export function TextLink({to, children}: {to: string; children: ReactNode}) {
  return (
    <Link className="link" to={to}>
      {children}
    </Link>
  )
}

// What a screen shows instead of its data: loading, failed, none.
import {Button} from '@mantine/core'
import type {CSSProperties, ReactNode} from 'react'
import {messageOf, problemsOf} from '../api/client'
import {Icon, type IconName} from './icons'

/** A placeholder of the size of what is being loaded, so that the layout does not shift. */
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

/** An error in the server's words, with a button that tries again. */
export function ErrorBox({error, retry, title}: {error: unknown; retry?: () => void; title?: string}) {
  const problems = problemsOf(error)
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

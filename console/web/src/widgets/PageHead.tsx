import {useEffect, type ReactNode} from 'react'

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

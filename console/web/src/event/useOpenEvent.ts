import {useCallback, useEffect, useRef, useState} from 'react'
import {useSearchParams} from 'react-router'
import {withParam} from '../lib/links'

/** Browsers refuse more than a few changes of the address a second, and j can be held down. */
const urlAfter = 250 // ms

/** Which event is selected in the list, and which one is open beside it; the open one is in the URL, a moment later. */
export interface OpenEvent {
  selected: string | null
  open: string | null
  select: (id: string) => void
  setOpen: (id: string | null) => void
}

export function useOpenEvent(): OpenEvent {
  const [params, setParams] = useSearchParams()
  const inURL = params.get('id')
  const [open, setOpen] = useState(inURL)
  const [selected, select] = useState(inURL)
  const written = useRef(inURL)

  // A link or the browser's back button changed the address.
  useEffect(() => {
    if (inURL === written.current) return
    written.current = inURL
    setOpen(inURL)
    if (inURL) select(inURL)
  }, [inURL])

  useEffect(() => {
    if (open === written.current) return
    const t = setTimeout(() => {
      written.current = open
      setParams((p) => withParam(p, 'id', open ?? ''), {replace: true})
    }, urlAfter)
    return () => clearTimeout(t)
  }, [open, setParams])

  const choose = useCallback((id: string | null) => {
    setOpen(id)
    if (id !== null) select(id)
  }, [])
  return {selected, open, select, setOpen: choose}
}

import {Modal} from '@mantine/core'
import {useEffect, useMemo, useRef, useState} from 'react'
import {useNavigate} from 'react-router'
import {useServerGroups, useServices, useSites} from '../api/queries'
import {eventLink} from '../lib/links'
import type {MenuEntry} from '../screens'
import {Icon, type IconName} from '../widgets/icons'

interface Entry {
  title: string
  kind: string
  icon: IconName
  to: string
}

const eventID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Finds screens, sites, server groups and services by a few letters, an event by its id, and searches the events for anything else. */
export function Palette({opened, onClose, menu}: {opened: boolean; onClose: () => void; menu: MenuEntry[]}) {
  const navigate = useNavigate()
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const list = useRef<HTMLUListElement>(null)
  const sites = useSites({enabled: opened})
  const groups = useServerGroups({enabled: opened})
  const services = useServices({enabled: opened})

  const entries = useMemo(() => {
    const t = text.trim()
    const all: Entry[] = [
      ...menu.map((s) => ({title: s.title, kind: 'Screen', icon: s.icon, to: s.to})),
      ...menu.flatMap((s) => s.shortcuts.map((c) => ({...c, kind: s.title}))),
      ...(sites.data ?? []).map((s) => ({title: s.name, kind: 'Site', icon: 'sites' as const, to: '/sites#' + s.id})),
      ...(groups.data ?? []).map((s) => ({title: s.name, kind: 'Server group', icon: 'sites' as const, to: '/sites#' + s.id})),
      ...(services.data ?? []).map((s) => ({title: s.name, kind: 'Service', icon: 'sites' as const, to: '/sites#' + s.id})),
    ]
    const words = t.toLowerCase().split(/\s+/)
    const found = all.filter((e) => words.every((w) => (e.title + ' ' + e.kind).toLowerCase().includes(w)))
    if (eventID.test(t)) found.unshift({title: 'Open event ' + t, kind: 'Event', icon: 'shield', to: eventLink(t.toLowerCase())})
    else if (t !== '')
      found.push({
        title: `Search events for “${t}”`,
        kind: 'Events',
        icon: 'search',
        to: '/events?q=' + encodeURIComponent(/\s/.test(t) && !t.includes(':') ? `"${t}"` : t),
      })
    return found
  }, [text, menu, sites.data, groups.data, services.data])

  useEffect(() => setAt(0), [text])
  useEffect(() => {
    if (opened) setText('')
  }, [opened])
  useEffect(() => {
    list.current?.children[at]?.scrollIntoView({block: 'nearest'})
  }, [at])

  const go = (e: Entry | undefined) => {
    if (!e) return
    onClose()
    void navigate(e.to)
  }
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      withCloseButton={false}
      padding={0}
      size={560}
      yOffset="12vh"
      centered={false}
      title="Go to"
      classNames={{header: 'sr-only'}}
    >
      <input
        className="palette-input"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={entries[at] ? 'palette-' + at : undefined}
        aria-label="Go to a screen, a site, or an event by its id"
        placeholder="Screen, site, event id or search…"
        data-autofocus
        value={text}
        onChange={(e) => setText(e.currentTarget.value)}
        onKeyDown={(e) => {
          if (e.key === 'ArrowDown' || (e.ctrlKey && e.key === 'n')) setAt((i) => Math.min(i + 1, entries.length - 1))
          else if (e.key === 'ArrowUp' || (e.ctrlKey && e.key === 'p')) setAt((i) => Math.max(i - 1, 0))
          else if (e.key === 'Enter') go(entries[at])
          else return
          e.preventDefault()
        }}
      />
      <ul className="palette-list" id="palette-list" role="listbox" aria-label="Results" ref={list}>
        {entries.map((e, i) => (
          <li
            key={e.kind + e.to}
            id={'palette-' + i}
            role="option"
            aria-selected={i === at}
            onMouseMove={() => setAt(i)}
            onClick={() => go(e)}
          >
            <Icon name={e.icon} />
            <span className="clip">{e.title}</span>
            <span className="group-name">{e.kind}</span>
          </li>
        ))}
      </ul>
    </Modal>
  )
}

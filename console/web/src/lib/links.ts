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

/** The address of the page that shows one event. */
export const eventLink = (id: string) => '/events/' + id

/** The address of the events that a filter finds; range, the query of the present page, carries its time range over. */
export function eventsLink(q: string, range: URLSearchParams | null = null): string {
  const p = new URLSearchParams()
  for (const name of ['range', 'from', 'to']) {
    const v = range?.get(name)
    if (v) p.set(name, v)
  }
  if (q !== '') p.set('q', q)
  return '/events?' + p
}

/** The parameters with another value for one of them; an empty value removes it. */
export function withParam(params: URLSearchParams, name: string, value: string): URLSearchParams {
  const p = new URLSearchParams(params)
  if (value === '') p.delete(name)
  else p.set(name, value)
  return p
}

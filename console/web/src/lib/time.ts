// Time ranges: relative ones ("1h") end now, absolute ones are fixed.
// Both live in the URL as ?range=… or ?from=…&to=….

export type Range = {last: string} | {from: number; to: number}

export const presets = [
  {last: '15m', title: 'Last 15 minutes'},
  {last: '1h', title: 'Last hour'},
  {last: '6h', title: 'Last 6 hours'},
  {last: '24h', title: 'Last 24 hours'},
  {last: '7d', title: 'Last 7 days'},
]

const unitMs: Record<string, number> = {m: 60e3, h: 3600e3, d: 86400e3}

/** Length of a relative range in milliseconds, or null if it is none. */
export function parseLast(last: string): number | null {
  const m = /^([1-9]\d{0,4})([mhd])$/.exec(last)
  return m ? Number(m[1]) * unitMs[m[2]!]! : null
}

/** Reads the range of a URL; anything unreadable gives the fallback. */
export function rangeFromParams(p: URLSearchParams, fallback = '1h'): Range {
  const from = Date.parse(p.get('from') ?? '')
  const to = Date.parse(p.get('to') ?? '')
  if (from < to) return {from, to}
  const last = p.get('range') ?? ''
  return {last: parseLast(last) ? last : fallback}
}

/** Writes the range into the parameters, replacing the one that was there. */
export function rangeToParams(p: URLSearchParams, range: Range): URLSearchParams {
  const q = new URLSearchParams(p)
  for (const name of ['range', 'from', 'to']) q.delete(name)
  if ('last' in range) q.set('range', range.last)
  else {
    q.set('from', new Date(range.from).toISOString())
    q.set('to', new Date(range.to).toISOString())
  }
  return q
}

/** The range in milliseconds at the moment now. */
export function resolve(range: Range, now: number): {from: number; to: number} {
  if ('from' in range) return range
  return {from: now - (parseLast(range.last) ?? 3600e3), to: now}
}

export const iso = (ms: number) => new Date(ms).toISOString()

const two = (n: number) => String(n).padStart(2, '0')

/** 14:05:09 */
export function clock(ms: number): string {
  const d = new Date(ms)
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`
}

/** 2026-11-22 14:05:09.123 in the user's time zone. */
export function stamp(ms: number, millis = false): string {
  const d = new Date(ms)
  const day = `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`
  return `${day} ${clock(ms)}` + (millis ? '.' + String(d.getMilliseconds()).padStart(3, '0') : '')
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Nov 22, 14:05 */
export function shortStamp(ms: number): string {
  const d = new Date(ms)
  return `${months[d.getMonth()]} ${d.getDate()}, ${two(d.getHours())}:${two(d.getMinutes())}`
}

/** A label for a range, as the picker shows it. */
export function rangeTitle(range: Range): string {
  if ('last' in range) return presets.find((p) => p.last === range.last)?.title ?? `Last ${range.last}`
  const sameDay = new Date(range.from).toDateString() === new Date(range.to).toDateString()
  const short = range.to - range.from < 10 * 60e3
  const end = short ? clock(range.to) : shortStamp(range.to).split(', ')[1]!
  const start = short ? shortStamp(range.from).split(', ')[0]! + ', ' + clock(range.from) : shortStamp(range.from)
  return `${start} – ${sameDay ? end : shortStamp(range.to)}`
}

/** "3 min ago", for things in the past; "just now" below five seconds. */
export function ago(ms: number, now: number): string {
  const s = Math.max(0, Math.round((now - ms) / 1000))
  if (s < 5) return 'just now'
  if (s < 60) return `${s} s ago`
  if (s < 3600) return `${Math.floor(s / 60)} min ago`
  if (s < 86400) return `${Math.floor(s / 3600)} h ago`
  return `${Math.floor(s / 86400)} d ago`
}

/** 2026-11-22T14:05 in local time, as <input type="datetime-local"> wants it. */
export const toInput = (ms: number) => stamp(ms).slice(0, 16).replace(' ', 'T')

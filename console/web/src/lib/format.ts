// Numbers in words short enough for a tile.

const grouped = new Intl.NumberFormat('en-US')

/** 12,345 */
export const integer = (n: number) => grouped.format(n)

/** 987, 12.3k, 4.5M */
export function compact(n: number): string {
  const sign = n < 0 ? '-' : ''
  const a = Math.abs(n)
  for (const [limit, unit] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e4, 'k'],
  ] as const) {
    if (a >= limit) {
      const v = a / (unit === 'k' ? 1e3 : limit)
      return sign + (v >= 100 ? Math.round(v) : v.toFixed(1).replace(/\.0$/, '')) + unit
    }
  }
  return sign + grouped.format(a)
}

/** 1.5 MiB */
export function bytes(n: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let i = 0
  while (n >= 1024 && i < units.length - 1) {
    n /= 1024
    i++
  }
  return (i === 0 || n >= 100 ? Math.round(n) : n.toFixed(1).replace(/\.0$/, '')) + ' ' + units[i]
}

/** 850 ns, 12.4 µs, 3.1 ms, 2.4 s */
export function duration(ns: number): string {
  const three = (v: number) => (v >= 100 ? String(Math.round(v)) : v >= 10 ? v.toFixed(1) : v.toFixed(2)).replace(/\.0+$/, '')
  if (ns < 1e3) return `${Math.round(ns)} ns`
  if (ns < 1e6) return `${three(ns / 1e3)} µs`
  if (ns < 1e9) return `${three(ns / 1e6)} ms`
  return `${three(ns / 1e9)} s`
}

/** "1 rule", "3 rules" */
export const plural = (n: number, one: string, many = one + 's') => `${integer(n)} ${n === 1 ? one : many}`

/** Share of a whole: "4.2%", "<0.1%", "0%" */
export function share(part: number, whole: number): string {
  if (whole <= 0 || part <= 0) return '0%'
  const p = (100 * part) / whole
  if (p < 0.1) return '<0.1%'
  return (p >= 10 || Number.isInteger(p) ? Math.round(p) : p.toFixed(1)) + '%'
}

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

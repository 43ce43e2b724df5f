import {useMemo} from 'react'
import type {Histogram as Data} from '../api/gen'
import {TimeChart} from '../widgets/TimeChart'

const actionColors = {block: 'var(--red-solid)', alert: 'var(--amber-solid)', pass: 'var(--grey-solid)'}

/** Events over time by action. */
export function Histogram({
  data,
  onBrush,
  onPick,
}: {
  data: Data
  onBrush: (from: number, to: number) => void
  onPick: (action: string) => void
}) {
  const times = useMemo(() => data.times.map((t) => Date.parse(t)), [data])
  const series = useMemo(
    () => [
      {name: 'Pass', key: 'pass', color: actionColors.pass, values: data.pass},
      {name: 'Alert', key: 'alert', color: actionColors.alert, values: data.alert},
      {name: 'Block', key: 'block', color: actionColors.block, values: data.block},
    ],
    [data],
  )
  return (
    <TimeChart
      small
      height={76}
      times={times}
      series={series}
      onBrush={onBrush}
      onPick={onPick}
      label="Events over time by action; drag to zoom"
    />
  )
}

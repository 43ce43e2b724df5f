import {lazy, Suspense} from 'react'

export interface Series {
  name: string
  color: string
  values: number[]
  /** What a click on it opens. */
  key: string
}

export interface TimeChartProps {
  times: number[]
  series: Series[]
  height: number
  /** Names the chart for those who cannot see it. */
  label: string
  /** Called with the range that was brushed, in milliseconds. */
  onBrush?: (from: number, to: number) => void
  onPick?: (key: string) => void
  small?: boolean
}

const Drawn = lazy(() => import('./TimeChartDrawn'))

/** Stacked bars over time. The library that draws them is loaded when one is shown first; the space is held meanwhile. */
export function TimeChart(props: TimeChartProps) {
  return (
    <div className="chart" style={{height: props.height}} role="img" aria-label={props.label}>
      <Suspense fallback={<div className="skel" style={{height: props.height - 24, marginTop: 4}} />}>
        <Drawn {...props} />
      </Suspense>
    </div>
  )
}

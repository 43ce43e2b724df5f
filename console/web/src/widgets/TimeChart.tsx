import {Suspense} from 'react'
import {lazyChunk} from './chunk'
import {ErrorBoundary} from './ErrorBoundary'
import type {TimeChartProps} from './TimeChartDrawn'

const Drawn = lazyChunk('time-chart', () => import('./TimeChartDrawn'))

/** Stacked bars over time. The library that draws them is loaded when one is shown first; the space is held meanwhile. */
export function TimeChart(props: TimeChartProps) {
  return (
    <div className="chart" style={{height: props.height}} role="img" aria-label={props.label}>
      <ErrorBoundary resetOn="" fallback={<p className="faint">The chart cannot be shown. Reload the page to try again.</p>}>
        <Suspense fallback={<div className="skel" style={{height: props.height - 24, marginTop: 4}} />}>
          <Drawn {...props} />
        </Suspense>
      </ErrorBoundary>
    </div>
  )
}

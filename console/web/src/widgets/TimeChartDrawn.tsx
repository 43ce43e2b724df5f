import {useComputedColorScheme} from '@mantine/core'
import {BarChart} from 'echarts/charts'
import {BrushComponent, GridComponent, TooltipComponent} from 'echarts/components'
import * as echarts from 'echarts/core'
import {CanvasRenderer} from 'echarts/renderers'
import {useEffect, useEffectEvent, useRef} from 'react'
import {compact, integer} from '../lib/format'
import {clock, shortStamp} from '../lib/time'

echarts.use([BarChart, GridComponent, TooltipComponent, BrushComponent, CanvasRenderer])

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

/** Resolves a colour that may be a CSS variable: a canvas does not know them. */
function css(color: string): string {
  const name = /^var\((--[\w-]+)\)$/.exec(color)?.[1]
  return name ? getComputedStyle(document.documentElement).getPropertyValue(name).trim() : color
}

function element(className: string, text = ''): HTMLElement {
  const e = document.createElement('div')
  e.className = className
  e.textContent = text
  return e
}

export default function TimeChartDrawn({times, series, height, onBrush, onPick, small}: TimeChartProps) {
  const box = useRef<HTMLDivElement>(null)
  const chart = useRef<echarts.ECharts>(null)
  const scheme = useComputedColorScheme()
  const brushable = onBrush !== undefined
  const pickable = onPick !== undefined

  const pick = useEffectEvent((bucket: number, height: number) => {
    let sum = 0
    const hit = series.find((s) => (sum += s.values[bucket] ?? 0) > height)
    if (hit && height >= 0) onPick?.(hit.key)
  })
  const brush = useEffectEvent((a: number, b: number) => {
    const step = times.length > 1 ? times[1]! - times[0]! : 60e3
    const first = times[Math.max(0, Math.min(a, b))]
    const last = times[Math.min(times.length - 1, Math.max(a, b))]
    if (first !== undefined && last !== undefined) onBrush?.(first, last + step)
  })

  useEffect(() => {
    const c = echarts.init(box.current!, null, {renderer: 'canvas'})
    chart.current = c
    const observer = new ResizeObserver(() => c.resize())
    observer.observe(box.current!)
    // The brush takes the clicks on bars for itself, so what was hit is worked out
    // here: the bucket from x, the part of the stack from y.
    let down = {x: 0, y: 0}
    c.getZr().on('mousedown', (e) => {
      down = {x: e.offsetX, y: e.offsetY}
    })
    c.getZr().on('click', (e) => {
      if (Math.hypot(e.offsetX - down.x, e.offsetY - down.y) > 4) return
      const [bucket, height] = c.convertFromPixel({seriesIndex: 0}, [e.offsetX, e.offsetY]) as [number, number]
      pick(bucket, height)
    })
    c.on('brushEnd', (e) => {
      const range = (e as {areas?: {coordRange?: [number, number]}[]}).areas?.[0]?.coordRange
      c.dispatchAction({type: 'brush', areas: []})
      if (range) brush(...range)
    })
    return () => {
      observer.disconnect()
      c.dispose()
    }
  }, [])

  useEffect(() => {
    const c = chart.current!
    const long = times.length > 1 && times[times.length - 1]! - times[0]! > 36 * 3600e3
    const seconds = times.length > 1 && times[1]! - times[0]! < 60e3
    const faint = css('var(--faint)')
    c.setOption(
      {
        animation: false,
        grid: small ? {left: 2, right: 2, top: 6, bottom: 20} : {left: 44, right: 12, top: 10, bottom: 24},
        xAxis: {
          type: 'category',
          data: times.map((t) => (long ? shortStamp(t) : seconds ? clock(t) : clock(t).slice(0, 5))),
          axisLine: {lineStyle: {color: css('var(--border-strong)')}},
          axisTick: {show: false},
          axisLabel: {color: faint, fontSize: 11, hideOverlap: true, margin: 7, showMinLabel: !small, showMaxLabel: !small},
        },
        yAxis: {
          type: 'value',
          show: !small,
          minInterval: 1,
          splitNumber: 4,
          axisLabel: {color: faint, fontSize: 11, formatter: (v: number) => compact(v)},
          splitLine: {lineStyle: {color: css('var(--border)')}},
        },
        tooltip: {
          trigger: 'axis',
          confine: !small,
          appendToBody: small,
          transitionDuration: 0,
          axisPointer: {type: 'shadow', shadowStyle: {color: css('var(--grey-soft)'), opacity: 0.7}},
          backgroundColor: css('var(--surface)'),
          borderColor: css('var(--border-strong)'),
          textStyle: {color: css('var(--text)'), fontSize: 12},
          padding: [7, 10],
          // An element, not HTML: nothing from an event is ever parsed, and the policy
          // forbids style attributes.
          formatter: (raw: unknown) => {
            const items = raw as {dataIndex: number; seriesIndex: number; value: number}[]
            const tip = element('chart-tip')
            tip.append(element('t', shortStamp(times[items[0]!.dataIndex]!) + ':' + clock(times[items[0]!.dataIndex]!).slice(6)))
            const shown = items.filter((i) => i.value > 0).sort((a, b) => b.value - a.value)
            if (shown.length === 0) tip.append(element('', 'nothing'))
            for (const i of shown) {
              const line = element('l')
              const swatch = element('s')
              swatch.style.background = css(series[i.seriesIndex]!.color)
              const n = document.createElement('b')
              n.textContent = integer(i.value)
              line.append(swatch, document.createTextNode(series[i.seriesIndex]!.name), n)
              tip.append(line)
            }
            return tip
          },
        },
        brush: brushable
          ? {
              xAxisIndex: 0,
              brushType: 'lineX',
              brushStyle: {color: css('var(--accent-soft)'), borderColor: css('var(--accent)'), borderWidth: 1, opacity: 0.5},
              outOfBrush: {},
              throttleType: 'debounce',
              throttleDelay: 50,
            }
          : undefined,
        series: series.map((s) => ({
          type: 'bar',
          stack: 'all',
          name: s.name,
          data: s.values,
          barCategoryGap: '18%',
          itemStyle: {color: css(s.color)},
          emphasis: {disabled: true},
          cursor: pickable ? 'pointer' : 'crosshair',
        })),
      },
      {notMerge: true},
    )
    if (brushable) c.dispatchAction({type: 'takeGlobalCursor', key: 'brush', brushOption: {brushType: 'lineX', brushMode: 'single'}})
  }, [times, series, scheme, small, brushable, pickable])

  return <div ref={box} style={{height, width: '100%'}} />
}

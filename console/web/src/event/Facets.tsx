import {memo, useState} from 'react'
import type {Facet, Facets as Data, FacetValue} from '../api/gen'
import {stateOf} from '../lib/filter'
import {compact} from '../lib/format'
import {Icon} from '../widgets/icons'
import {Skel} from '../widgets/states'

const facetTitles: Record<string, string> = {user_agent: 'User agent', server_group: 'Server group', attack: 'Attack type', rule: 'Rule'}

const shownAtFirst = 5

interface Props {
  data: Data | undefined
  q: string
  /** Adds a term to the filter or takes it out again. */
  onToggle: (field: string, value: string, not: boolean) => void
}

/** The most frequent values of each field among the events found, to filter by. */
export const Facets = memo(function Facets({data, q, onToggle}: Props) {
  if (!data) {
    return (
      <div style={{padding: 16}} className="stack">
        {Array.from({length: 14}, (_, i) => (
          <Skel key={i} h={16} />
        ))}
      </div>
    )
  }
  if (data.total === 0 && q === '')
    return (
      <p className="faint" style={{padding: '10px 16px'}}>
        The most frequent values of each field appear here, to filter by.
      </p>
    )
  return data.fields.filter((f) => f.values.length > 0).map((f) => <FacetSection key={f.field} facet={f} q={q} onToggle={onToggle} />)
})

function FacetSection({facet, q, onToggle}: {facet: Facet} & Omit<Props, 'data'>) {
  const {field, values} = facet
  const [all, setAll] = useState(false)
  const title = facetTitles[field] ?? field[0]!.toUpperCase() + field.slice(1)
  return (
    <section className="facet" aria-label={title}>
      <h2>{title}</h2>
      <ul>
        {(all ? values : values.slice(0, shownAtFirst)).map((v) => (
          <FacetLine key={v.value} field={field} v={v} state={stateOf(q, field, v.value)} onToggle={onToggle} />
        ))}
      </ul>
      {values.length > shownAtFirst && (
        <button className="link" style={{padding: '3px 8px', fontSize: 12}} onClick={() => setAll(!all)}>
          {all ? 'Fewer' : `${values.length - shownAtFirst} more`}
        </button>
      )}
    </section>
  )
}

interface LineProps {
  field: string
  v: FacetValue
  state: ReturnType<typeof stateOf>
  onToggle: Props['onToggle']
}

function FacetLine({field, v, state, onToggle}: LineProps) {
  const title = v.label ?? v.value
  return (
    <li className={state}>
      <button
        className="pick"
        aria-pressed={state === 'include'}
        title={v.label ? `${v.value} · ${v.label}` : v.value}
        onClick={(e) => onToggle(field, v.value, e.altKey)}
      >
        <span className="clip">{field === 'rule' && v.label ? `${v.value} ${v.label}` : title === '' ? '(empty)' : title}</span>
        <span className="n">{compact(v.count)}</span>
      </button>
      <button
        className="minus"
        aria-label={`Exclude ${title}`}
        aria-pressed={state === 'exclude'}
        title="Exclude"
        onClick={() => onToggle(field, v.value, true)}
      >
        <Icon name="minus" />
      </button>
    </li>
  )
}

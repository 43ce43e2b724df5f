import {Tooltip} from '@mantine/core'
import {cx} from '../lib/cx'
import {invertTerm, parseFilter, removeTerm} from '../lib/filter'
import {Icon} from '../widgets/icons'

/** The terms of the filter, each to be inverted or removed. */
export function Chips({q, onChange}: {q: string; onChange: (q: string) => void}) {
  const terms = parseFilter(q)
  if (terms.length === 0) return null
  return (
    <div className="chips" aria-label="Active filters" role="group">
      {terms.map((t) => (
        <span className={cx('chip', t.not && 'not')} key={t.start}>
          <Tooltip label={t.not ? 'Include instead' : 'Exclude instead'}>
            <button className="clip" onClick={() => onChange(invertTerm(q, t))}>
              {t.not ? 'not ' : ''}
              {t.group ? t.text.replace(/^(NOT\s*|-)(?=\()/, '') : t.field === '' ? `“${t.value}”` : `${t.field}: ${t.value}`}
            </button>
          </Tooltip>
          <button className="x" aria-label={'Remove ' + t.text} onClick={() => onChange(removeTerm(q, t))}>
            <Icon name="close" />
          </button>
        </span>
      ))}
      {terms.length > 1 && (
        <button className="link" onClick={() => onChange('')}>
          Clear all
        </button>
      )}
    </div>
  )
}

import {filterFields} from '../api/event.gen'
import {Button, Popover, Tooltip} from '@mantine/core'
import {useEffect, useState, type RefObject} from 'react'
import {IconButton} from '../widgets/IconButton'
import {Icon} from '../widgets/icons'

/** The field for the filter, with the button that shows and hides the facets. */
export function FilterBar({
  q,
  onChange,
  error,
  input,
  facetsShown,
  onFacets,
  onLeave,
}: {
  q: string
  onChange: (q: string) => void
  error: string
  input: RefObject<HTMLInputElement | null>
  facetsShown: boolean
  onFacets: () => void
  onLeave: () => void
}) {
  const [text, setText] = useState(q)
  useEffect(() => setText(q), [q])
  return (
    <form
      className="query"
      role="search"
      onSubmit={(e) => {
        e.preventDefault()
        onChange(text)
      }}
    >
      <Tooltip label={facetsShown ? 'Hide the filters' : 'Show the filters'}>
        <Button variant="default" h={32} px={9} aria-label="Filters" aria-expanded={facetsShown} onClick={onFacets}>
          <Icon name="filter" />
        </Button>
      </Tooltip>
      <div className="grow">
        <div className="query-box">
          <Icon name="search" />
          <input
            ref={input}
            className="query-input"
            value={text}
            aria-label="Filter"
            aria-invalid={error !== ''}
            aria-describedby={error === '' ? undefined : 'filter-error'}
            placeholder='attack:sqli -client:10.0.0.5 "union select"'
            spellCheck={false}
            autoCapitalize="none"
            autoComplete="off"
            onChange={(e) => setText(e.currentTarget.value)}
            onKeyDown={(e) => {
              if (e.key !== 'Escape') return
              e.stopPropagation()
              setText(q)
              e.currentTarget.blur()
              onLeave()
            }}
          />
          <span className="query-tools">
            {text !== '' && (
              <IconButton
                icon="close"
                label="Clear"
                size={26}
                onClick={() => {
                  setText('')
                  onChange('')
                }}
              />
            )}
            <FilterHelp />
          </span>
        </div>
        {error !== '' && (
          <div className="field-error" id="filter-error" role="alert">
            {error}
          </div>
        )}
      </div>
    </form>
  )
}

function FilterHelp() {
  const lines: [string, string][] = [
    ['attack:sqli', 'exactly this value'],
    ['path:/api/*', 'begins with'],
    ['user_agent:*sqlmap*', 'contains'],
    ['score:>=10', 'numbers: > >= < <='],
    ['-client:10.0.0.5', 'not this; also NOT client:10.0.0.5'],
    ['status:403 OR status:502', 'one of them; a b OR c is (a b) OR c'],
    ['(rule:1 OR rule:2) -mode:active', 'parentheses keep together'],
    ['"union select"', 'anywhere, quotes keep blanks together'],
    ['site:"my shop"', 'a value with blanks'],
    [String.raw`path:/a\*b`, 'the star itself; "OR" and "(" in quotes are text'],
  ]
  return (
    <Popover
      position="bottom-end"
      shadow="md"
      width={500}
      styles={{dropdown: {maxWidth: 'calc(100vw - 24px)'}}}
      transitionProps={{duration: 80}}
    >
      <Popover.Target>
        <button type="button" className="nav-button" style={{width: 28, height: 26, padding: 5}} aria-label="How to write a filter">
          <Icon name="help" />
        </button>
      </Popover.Target>
      <Popover.Dropdown>
        <div className="stack">
          <b>All terms must hold, or one of those around OR</b>
          <div className="help">
            {lines.map(([code, what]) => (
              <div key={code} style={{display: 'contents'}}>
                <code>{code}</code>
                <span className="dim">{what}</span>
              </div>
            ))}
          </div>
          <p className="dim">
            Fields: <span className="mono">{filterFields.join(' ')}</span>
          </p>
        </div>
      </Popover.Dropdown>
    </Popover>
  )
}

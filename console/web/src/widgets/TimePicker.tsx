import {Button, Menu, Popover, TextInput} from '@mantine/core'
import {useState} from 'react'
import {presets, rangeTitle, resolve, toInput, type Range} from '../lib/time'
import {Icon} from './icons'

/** Chooses a time range: one of the usual ones, or from and to. */
export function TimePicker({value, onChange}: {value: Range; onChange: (r: Range) => void}) {
  const [open, setOpen] = useState(false)
  const [from, setFrom] = useState('')
  const [to, setTo] = useState('')
  const bad = from !== '' && to !== '' && !(Date.parse(from) < Date.parse(to))
  const toggle = () => {
    const r = resolve(value, Date.now())
    setFrom(toInput(r.from))
    setTo(toInput(r.to))
    setOpen(!open)
  }
  return (
    <Popover opened={open} onChange={setOpen} position="bottom-end" shadow="md" trapFocus transitionProps={{duration: 80}}>
      <Popover.Target>
        <Button
          variant="default"
          onClick={toggle}
          leftSection={<Icon name="clock" />}
          rightSection={<Icon name="down" />}
          aria-haspopup="dialog"
          aria-label={'Time range: ' + rangeTitle(value)}
        >
          {rangeTitle(value)}
        </Button>
      </Popover.Target>
      <Popover.Dropdown p={8} w={260}>
        {presets.map((p) => (
          <button
            key={p.last}
            className="nav-button"
            onClick={() => {
              onChange({last: p.last})
              setOpen(false)
            }}
          >
            <span className="grow">{p.title}</span>
            {'last' in value && value.last === p.last && <Icon name="check" />}
          </button>
        ))}
        <Menu.Divider my={8} />
        <form
          className="stack"
          style={{padding: '0 8px 6px', gap: 8}}
          onSubmit={(e) => {
            e.preventDefault()
            if (bad || from === '' || to === '') return
            onChange({from: Date.parse(from), to: Date.parse(to)})
            setOpen(false)
          }}
        >
          <TextInput size="xs" type="datetime-local" label="From" value={from} onChange={(e) => setFrom(e.currentTarget.value)} />
          <TextInput
            size="xs"
            type="datetime-local"
            label="To"
            value={to}
            onChange={(e) => setTo(e.currentTarget.value)}
            error={bad && 'must be later than From'}
          />
          <Button type="submit" disabled={bad || from === '' || to === ''}>
            Use this range
          </Button>
        </form>
      </Popover.Dropdown>
    </Popover>
  )
}

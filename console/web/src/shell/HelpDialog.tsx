import {Modal} from '@mantine/core'
import {modKey} from '../widgets/browser'

export function HelpDialog({opened, onClose}: {opened: boolean; onClose: () => void}) {
  const keys: [string[], string][] = [
    [[modKey, 'K'], 'Go to a screen, a site or an event'],
    [['?'], 'Show this help'],
    [['/'], 'Events: search'],
    [['j', '↓'], 'Events: next'],
    [['k', '↑'], 'Events: previous'],
    [['Enter'], 'Events: open the one selected'],
    [['Home', 'End'], 'Events: newest, oldest loaded'],
    [['Esc'], 'Close the detail, the dialog or the menu'],
    [['Alt', 'click'], 'A facet: exclude instead of include'],
  ]
  return (
    <Modal opened={opened} onClose={onClose} title="Keyboard shortcuts" closeButtonProps={{'aria-label': 'Close'}}>
      <div className="help">
        {keys.map(([k, what]) => (
          <div key={what} style={{display: 'contents'}}>
            <span className="row" style={{gap: 4}}>
              {k.map((x) => (
                <kbd key={x}>{x}</kbd>
              ))}
            </span>
            <span>{what}</span>
          </div>
        ))}
      </div>
    </Modal>
  )
}

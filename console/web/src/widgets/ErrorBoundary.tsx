import {Button} from '@mantine/core'
import {Component, type ErrorInfo, type ReactNode} from 'react'
import {messageOf} from '../api/client'
import {copyText} from './browser'
import {Icon} from './icons'
import {PageHead} from './PageHead'

interface Props {
  /** A change of it shows the children again: the path, so that other screens stay within reach. */
  resetOn: string
  /** Shown instead of the cause, for a part without which the screen is still of use. */
  fallback?: ReactNode
  children: ReactNode
}

interface State {
  /** What was thrown, in an object because anything can be thrown. */
  thrown: {value: unknown} | null
  components: string
  resetOn: string
}

/** Shows why what is inside it could not be drawn, instead of an empty page. */
export class ErrorBoundary extends Component<Props, State> {
  override state: State = {thrown: null, components: '', resetOn: this.props.resetOn}

  static getDerivedStateFromError = (value: unknown): Partial<State> => ({thrown: {value}})

  static getDerivedStateFromProps = (props: Props, state: State): Partial<State> | null =>
    props.resetOn === state.resetOn ? null : {thrown: null, components: '', resetOn: props.resetOn}

  override componentDidCatch(_: unknown, info: ErrorInfo) {
    this.setState({components: info.componentStack ?? ''})
  }

  override render() {
    const {thrown, components} = this.state
    if (!thrown) return this.props.children
    return this.props.fallback ?? <Failure error={thrown.value} components={components} />
  }
}

function Failure({error, components}: {error: unknown; components: string}) {
  const stack = error instanceof Error ? error.stack : undefined
  const cause = [`${location.pathname}${location.search}`, stack ?? messageOf(error), components && 'in' + components, navigator.userAgent]
    .filter(Boolean)
    .join('\n\n')
  return (
    <>
      <PageHead title="This screen cannot be shown" />
      <div className="page stack" role="alert">
        <div className="notice bad">
          <Icon name="warn" />
          <div className="grow wrap">{messageOf(error)}</div>
        </div>
        <div className="row">
          <Button leftSection={<Icon name="refresh" />} onClick={() => location.reload()}>
            Reload
          </Button>
          <Button variant="default" leftSection={<Icon name="copy" />} onClick={() => void copyText(cause, 'Cause')}>
            Copy the cause
          </Button>
        </div>
        <pre className="payload long" tabIndex={0} role="region" aria-label="Cause">
          {cause}
        </pre>
      </div>
    </>
  )
}

import type {ReactNode, Ref} from 'react'

interface Props {
  /** Called instead of what browsers do with a form. */
  onSubmit: () => void
  /** Space between the lines, in pixels. */
  gap?: number
  ref?: Ref<HTMLFormElement>
  children: ReactNode
}

/** A form whose fields stand below each other. */
export function Form({onSubmit, gap = 12, ref, children}: Props) {
  return (
    <form
      ref={ref}
      className="stack"
      style={{gap}}
      onSubmit={(e) => {
        e.preventDefault()
        onSubmit()
      }}
    >
      {children}
    </form>
  )
}

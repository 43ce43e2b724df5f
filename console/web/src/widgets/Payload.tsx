import {pieces, type Span} from '../lib/bytes'

/** Text of a payload with what matched marked and what cannot be printed shown. */
export function Payload({text, spans = [], multiline = false}: {text: string; spans?: Span[]; multiline?: boolean}) {
  return (
    <>
      {pieces(text, spans, multiline).map((p, i) => {
        const inner = p.control ? <span className="ctl">{p.text}</span> : p.text
        return p.hit ? <mark key={i}>{inner}</mark> : <span key={i}>{inner}</span>
      })}
    </>
  )
}

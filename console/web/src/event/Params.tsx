import type {Match} from '../api/gen'
import {Payload} from '../widgets/Payload'
import {locate, type Parameter, type Part} from './decode'

/** Names and values of a part of the request, with the bytes that matched marked. */
export function Params({rows, matches, part}: {rows: Parameter[]; matches: Match[]; part: Part}) {
  return (
    <table className="params">
      <tbody>
        {rows.map((p, i) => (
          <tr key={i}>
            <th scope="row">
              <Payload
                text={p.name}
                spans={
                  matches.some((m) => /NAMES/.test(m.variable))
                    ? locate(
                        p.name,
                        matches.filter((m) => /NAMES/.test(m.variable)),
                        part,
                      )
                    : []
                }
              />
            </th>
            <td>
              {p.value === '[secret]' ? (
                <span className="faint">masked</span>
              ) : (
                <Payload text={p.value} spans={locate(p.value, matches, part, p.name)} />
              )}
              {p.value === '' && <span className="faint">empty</span>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

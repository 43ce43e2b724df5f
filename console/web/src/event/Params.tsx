import type {Match} from '../api/gen'
import {Payload} from '../widgets/Payload'
import {locate, type Parameter, type Place} from './decode'

/** Names and values of a part of the request, with the bytes that matched marked. */
export function Params({rows, matches, place}: {rows: Parameter[]; matches: Match[]; place: Place}) {
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
                        place,
                      )
                    : []
                }
              />
            </th>
            <td>
              {p.value === '[secret]' ? (
                <span className="faint">masked</span>
              ) : (
                <Payload text={p.value} spans={locate(p.value, matches, place, p.name)} />
              )}
              {p.value === '' && <span className="faint">empty</span>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

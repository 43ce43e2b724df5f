// Words that problems use for a field.
const aliases: Record<string, string> = {thresholds: 'inbound_threshold', port: 'ports'}

/** Sorts a server's problems ("ports[0]: address …") by the field of the form that they are about. */
export function problemsByField(problems: string[], fields: string[]): {fields: Record<string, string>; rest: string[]} {
  const result: {fields: Record<string, string>; rest: string[]} = {fields: {}, rest: []}
  for (const problem of problems) {
    // The policy's checks name the object first.
    const text = problem.replace(/^(?:(?:site|server group|service|route) "[^"]*": )+/, '')
    const m = /^([a-z_]+)(?:\[(\d+)\])?[:\s]\s*/.exec(text)
    const name = aliases[m?.[1] ?? ''] ?? m?.[1]
    if (!m || name === undefined || !fields.includes(name)) {
      result.rest.push(problem)
      continue
    }
    const nth = m[2] === undefined ? '' : `line ${Number(m[2]) + 1}: `
    const words = m[1] === 'port' ? text : nth + text.slice(m[0].length)
    result.fields[name] = result.fields[name] ? result.fields[name] + '; ' + words : words
  }
  return result
}

/** Non-empty trimmed lines. */
export const lines = (s: string) =>
  s
    .split('\n')
    .map((l) => l.trim())
    .filter((l) => l !== '')

/** "0.0.0.0:8443 /etc/cert.pem /etc/key.pem" */
export const isHostPort = (s: string) => /^(\[[^\]]*\]|[^:\s]*):\d{1,5}$/.test(s) && Number(s.slice(s.lastIndexOf(':') + 1)) <= 65535
export function isUpstream(s: string): boolean {
  try {
    const u = new URL(s)
    return /^https?:$/.test(u.protocol) && u.host !== '' && u.username === '' && u.search === '' && u.hash === ''
  } catch {
    return false
  }
}

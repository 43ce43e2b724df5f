/** One cell as RFC 4180 wants it. A leading =, +, - or @ would be run as a formula by spreadsheets, and these texts come from attackers. */
export function csvCell(value: unknown): string {
  if (value === null || value === undefined) return ''
  let s = Array.isArray(value) ? value.join(' ') : typeof value === 'object' ? JSON.stringify(value) : String(value)
  if (typeof value !== 'number' && /^[=+\-@\t\r]/.test(s)) s = "'" + s
  return /[",\r\n]/.test(s) || s !== s.trim() ? '"' + s.replaceAll('"', '""') + '"' : s
}

export const csvTable = (head: string[], rows: unknown[][]) => [head, ...rows].map((r) => r.map(csvCell).join(',')).join('\r\n') + '\r\n'

import type {Match} from '../api/gen'

/** Attack types as events carry them, with the names and the order of the event package. */
export const attackTitles: Record<string, string> = {
  sqli: 'SQL injection',
  rce: 'Command injection',
  php: 'PHP injection',
  java: 'Java injection',
  generic: 'Code injection',
  ssrf: 'Server-side request forgery',
  rfi: 'Remote file inclusion',
  lfi: 'Path traversal',
  xss: 'Cross-site scripting',
  fixation: 'Session fixation',
  multipart: 'Multipart evasion',
  deserialization: 'Deserialization',
  ldap: 'LDAP injection',
  scanner: 'Security scanner',
  protocol: 'Protocol violation',
  disclosure: 'Data leak',
  other: 'Other',
}

export const attackTitle = (slug: string) => attackTitles[slug] ?? slug

/** Short names for narrow columns. */
const short: Record<string, string> = {
  ssrf: 'SSRF',
  rfi: 'Remote file',
  xss: 'XSS',
  scanner: 'Scanner',
  protocol: 'Protocol',
  multipart: 'Multipart',
}
export const attackShort = (slug: string) => short[slug] ?? attackTitle(slug)

// Each type keeps its colour on every screen. Red and amber are taken by block and
// alert, so the palette stays off them; neighbours differ in lightness too.
const hues: Record<string, string> = {
  sqli: '#3d63dd',
  xss: '#8e4ec6',
  rce: '#0c8599',
  lfi: '#5cb8d6',
  scanner: '#8b97ab',
  protocol: '#b9c1cf',
  ssrf: '#c2519b',
  php: '#6e56cf',
  java: '#46a758',
  generic: '#9b8afb',
  rfi: '#2a9d8f',
  ldap: '#a18072',
  deserialization: '#d98fc4',
  disclosure: '#66734c',
}

export const attackColor = (slug: string) => hues[slug] ?? '#7d8797'

// Tags of rules that do not simply say attack-<type>.
const tagSlugs: Record<string, string> = {
  'injection-php': 'php',
  'injection-java': 'java',
  'injection-generic': 'generic',
  'reputation-scanner': 'scanner',
  'multipart-header': 'multipart',
  'deprecated-header': 'protocol',
}

/** The attack type that a tag such as attack-sqli stands for. */
export const slugOfTag = (tag: string) => tagSlugs[tag.slice(7)] ?? tag.slice(7)

/** Attack types of matches, by score and then in the usual order: as the event package files them. */
export function attacksOf(matches: Match[]): string[] {
  const order = Object.keys(attackTitles)
  const scores = new Map<string, number>()
  for (const m of matches) {
    const slugs = new Set((m.tags ?? []).filter((t) => t.startsWith('attack-')).map(slugOfTag))
    for (const s of slugs) if (order.includes(s)) scores.set(s, (scores.get(s) ?? 0) + m.score)
  }
  const found = [...scores.keys()].sort((a, b) => scores.get(b)! - scores.get(a)! || order.indexOf(a) - order.indexOf(b))
  return found.length === 0 && matches.length > 0 ? ['other'] : found
}

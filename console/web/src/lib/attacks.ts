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
const short: Record<string, string> = {ssrf: 'SSRF', rfi: 'Remote file', xss: 'XSS', scanner: 'Scanner', protocol: 'Protocol', multipart: 'Multipart'}
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

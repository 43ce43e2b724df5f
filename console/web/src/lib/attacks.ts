import {families} from '../api/event.gen'
import type {Match} from '../api/gen'

/** The slug of an attack family, as events carry it. */
export type AttackSlug = (typeof families)[number]['slug'] | 'other'

const bySlug = new Map<string, {name: string; short: string}>([
  ...families.map((f) => [f.slug, f] as const),
  ['other', {name: 'Other', short: 'Other'}],
])

export const attackTitle = (slug: string) => bySlug.get(slug)?.name ?? slug

/** Short names for narrow columns. */
export const attackShort = (slug: string) => bySlug.get(slug)?.short ?? slug

// Each type keeps its colour on every screen. Red and amber are taken by block and
// alert, so the palette stays off them; neighbours differ in lightness too.
// A family without a colour here is a type error.
const hues: Record<AttackSlug, string> = {
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
  ssti: '#d98fc4',
  disclosure: '#66734c',
  fixation: '#4a6fa5',
  multipart: '#94a187',
  other: '#7d8797',
}

export const attackColor = (slug: string) => hues[slug as AttackSlug] ?? hues.other

const slugByTag = new Map<string, AttackSlug>(families.flatMap((f) => f.tags.map((tag) => [tag, f.slug] as const)))

/** Whether a tag of a rule names an attack family. */
export const isFamilyTag = (tag: string) => slugByTag.has(tag)

/** The attack family that a tag such as attack-sqli belongs to. */
export const slugOfTag = (tag: string) => slugByTag.get(tag) ?? tag.replace(/^attack-/, '')

/** Attack families of matches, by score and then by precedence: as the event package files them. */
export function attacksOf(matches: Match[]): string[] {
  const scores = new Map<string, number>()
  for (const m of matches) {
    const slugs = new Set((m.tags ?? []).flatMap((t) => slugByTag.get(t) ?? []))
    for (const s of slugs) scores.set(s, (scores.get(s) ?? 0) + m.score)
  }
  const order: string[] = families.map((f) => f.slug)
  const found = [...scores.keys()].sort((a, b) => scores.get(b)! - scores.get(a)! || order.indexOf(a) - order.indexOf(b))
  return found.length === 0 && matches.length > 0 ? ['other'] : found
}

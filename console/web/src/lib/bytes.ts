// Finding and showing matched bytes. The API gives positions as bytes of UTF-8;
// JavaScript counts UTF-16 units, so every position is translated here.

const encoder = new TextEncoder()

/** A half-open range of string positions (UTF-16 units). */
export interface Span {
  start: number
  end: number
}

/** Length in UTF-16 units of the first n bytes of s in UTF-8; a cut character counts as whole. */
export function unitsOfBytes(s: string, n: number): number {
  let bytes = 0
  let units = 0
  for (const c of s) {
    if (bytes >= n) break
    const p = c.codePointAt(0)!
    bytes += p < 0x80 ? 1 : p < 0x800 ? 2 : p < 0x10000 ? 3 : 4
    units += c.length
  }
  return units
}

/**
 * Where `matched` is in `value`, whose byte position the engine reported. Bytes
 * that are not UTF-8 arrive as U+FFFD, which is longer than what it replaced, so a
 * position that does not fit is only a hint and the nearest occurrence is taken.
 */
export function spanOfMatch(value: string, offset: number, matched: string): Span | null {
  if (offset < 0 || matched === '') return null
  const start = unitsOfBytes(value, offset)
  if (value.startsWith(matched, start)) return {start, end: start + matched.length}
  let best = -1
  for (let at = value.indexOf(matched); at >= 0; at = value.indexOf(matched, at + 1)) {
    if (best < 0 || Math.abs(at - start) < Math.abs(best - start)) best = at
  }
  return best < 0 ? null : {start: best, end: best + matched.length}
}

/** Every place of `part` in `text`, letter case ignored when the exact form is absent. */
export function findAll(text: string, part: string): Span[] {
  if (part === '' || text === '') return []
  const spans: Span[] = []
  const search = (hay: string, needle: string) => {
    for (let at = hay.indexOf(needle); at >= 0 && spans.length < 100; at = hay.indexOf(needle, at + needle.length)) {
      spans.push({start: at, end: at + needle.length})
    }
  }
  search(text, part)
  if (spans.length === 0) {
    const hay = text.toLowerCase()
    const needle = part.toLowerCase()
    // Lower case can be longer than the original (İ); positions would be wrong.
    if (hay.length === text.length && needle.length === part.length) search(hay, needle)
  }
  return spans
}

/** Sorts and joins overlapping and touching spans. */
export function mergeSpans(spans: Span[]): Span[] {
  const merged: Span[] = []
  for (const s of [...spans].sort((a, b) => a.start - b.start || a.end - b.end)) {
    const last = merged[merged.length - 1]
    if (last && s.start <= last.end) last.end = Math.max(last.end, s.end)
    else if (s.end > s.start) merged.push({...s})
  }
  return merged
}

/** A run of text that is shown in one way. */
export interface Piece {
  text: string
  hit: boolean
  /** A stand-in for something that cannot be printed. */
  control: boolean
}

const named: Record<number, string> = {0x09: '\\t', 0x0a: '\\n', 0x0d: '\\r'}

/** The escape that is shown for a character that cannot be printed; null if it can. Few fonts have pictures of control characters. */
export function visible(codePoint: number): string | null {
  if (named[codePoint]) return named[codePoint]
  if (codePoint < 0x20 || (codePoint >= 0x7f && codePoint < 0xa0)) return '\\x' + codePoint.toString(16).padStart(2, '0')
  // Invisible and direction-changing characters can hide an attack from the user.
  if (
    codePoint === 0xad ||
    (codePoint >= 0x200b && codePoint <= 0x200f) ||
    (codePoint >= 0x2028 && codePoint <= 0x202e) ||
    (codePoint >= 0x2060 && codePoint <= 0x2069) ||
    codePoint === 0xfeff
  ) {
    return '\\u' + codePoint.toString(16).padStart(4, '0')
  }
  return null
}

/** Cuts text into runs: matched or not, printable or stood in for. Line breaks are kept after their sign when multiline. */
export function pieces(text: string, spans: Span[], multiline = false): Piece[] {
  const hits = mergeSpans(spans)
  const result: Piece[] = []
  let next = 0
  const push = (t: string, hit: boolean, control: boolean) => {
    const last = result[result.length - 1]
    if (last && last.hit === hit && last.control === control) last.text += t
    else result.push({text: t, hit, control})
  }
  for (let i = 0; i < text.length;) {
    const p = text.codePointAt(i)!
    const c = String.fromCodePoint(p)
    while (next < hits.length && hits[next]!.end <= i) next++
    const h = hits[next]
    const hit = h !== undefined && i + c.length > h.start && i < h.end
    const v = visible(p)
    if (multiline && (p === 0x0a || p === 0x09)) push(c, hit, false)
    else if (multiline && p === 0x0d && text[i + 1] === '\n') {
      // The usual line end of HTTP: showing it on every line would only be noise.
    } else if (v !== null) push(v, hit, true)
    else push(c, hit, false)
    i += c.length
  }
  return result
}

/** Bytes of base64. */
export function fromBase64(s: string): Uint8Array<ArrayBuffer> {
  const raw = atob(s)
  const out = new Uint8Array(raw.length)
  for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i)
  return out
}

/** Text of bytes if they are UTF-8, else null. A character that the end cuts off is left out where that is allowed. */
export function utf8OrNull(b: Uint8Array<ArrayBuffer>, mayBeCut = false): string | null {
  try {
    return new TextDecoder('utf-8', {fatal: true, ignoreBOM: true}).decode(b, {stream: mayBeCut})
  } catch {
    return null
  }
}

export const toBytes = (s: string) => encoder.encode(s)

/** Classic hex dump, sixteen bytes a line. */
export function hexDump(b: Uint8Array): string {
  const lines: string[] = []
  for (let i = 0; i < b.length; i += 16) {
    const row = b.subarray(i, i + 16)
    const hex = [...row].map((x) => x.toString(16).padStart(2, '0'))
    const left = hex.slice(0, 8).join(' ').padEnd(23) + '  ' + hex.slice(8).join(' ').padEnd(23)
    lines.push(
      i.toString(16).padStart(6, '0') +
        '  ' +
        left +
        '  ' +
        [...row].map((x) => (x >= 0x20 && x < 0x7f ? String.fromCharCode(x) : '·')).join(''),
    )
  }
  return lines.join('\n')
}

/** One line of a difference. */
export interface DiffLine {
  sign: ' ' | '+' | '-'
  text: string
}

function pretty(json: string | undefined): string[] {
  if (!json) return []
  try {
    return JSON.stringify(JSON.parse(json), null, 2).split('\n')
  } catch {
    return json.split('\n')
  }
}

/**
 * The difference of two JSON texts, line by line, by their longest common subsequence. It
 * takes time by the square of their length; audit entries are short.
 */
export function diffJSON(before: string | undefined, after: string | undefined): DiffLine[] {
  const a = pretty(before)
  const b = pretty(after)
  const common: number[][] = Array.from({length: a.length + 1}, () => new Array<number>(b.length + 1).fill(0))
  for (let i = a.length - 1; i >= 0; i--) {
    for (let k = b.length - 1; k >= 0; k--) {
      common[i]![k] = a[i] === b[k] ? common[i + 1]![k + 1]! + 1 : Math.max(common[i + 1]![k]!, common[i]![k + 1]!)
    }
  }
  const out: DiffLine[] = []
  let i = 0
  let k = 0
  while (i < a.length || k < b.length) {
    if (i < a.length && k < b.length && a[i] === b[k]) {
      out.push({sign: ' ', text: a[i]!})
      i++
      k++
    } else if (i < a.length && (k === b.length || common[i + 1]![k]! >= common[i]![k + 1]!)) out.push({sign: '-', text: a[i++]!})
    else out.push({sign: '+', text: b[k++]!})
  }
  return out
}

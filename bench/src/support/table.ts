/** One line of the report: what was measured, beside what was promised. */
export interface Figure {
  name: string
  value: string
  /** The promise, as DESIGN §9 or the issue words it; empty where there is none. */
  target: string
  reached: boolean | undefined
}

/** A figure that should stay at or below its target. */
export function atMost(name: string, value: number, target: number, unit: string): Figure {
  return { name, value: `${round(value)} ${unit}`, target: `≤ ${target} ${unit}`, reached: value <= target }
}

/** A figure that should reach its target. */
export function atLeast(name: string, value: number, target: number, unit: string): Figure {
  return { name, value: `${round(value)} ${unit}`, target: `≥ ${target} ${unit}`, reached: value >= target }
}

/** A figure without a promise, for context. */
export function measured(name: string, value: number | string, unit = ''): Figure {
  return {
    name,
    value: `${typeof value === 'number' ? round(value) : value} ${unit}`.trim(),
    target: '',
    reached: undefined,
  }
}

export function printTable(title: string, figures: readonly Figure[]): void {
  const widths = [
    Math.max(0, ...figures.map(({ name }) => name.length)),
    Math.max(0, ...figures.map(({ value }) => value.length)),
    Math.max(0, ...figures.map(({ target }) => target.length)),
  ] as const
  console.log(`\n${title}`)
  for (const { name, value, target, reached } of figures) {
    const verdict = reached === undefined ? '' : reached ? 'ok' : 'MISSED'
    console.log(
      `  ${name.padEnd(widths[0])}  ${value.padStart(widths[1])}  ${target.padEnd(widths[2])}  ${verdict}`.trimEnd(),
    )
  }
}

function round(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en')
  return String(Number(value.toPrecision(3)))
}

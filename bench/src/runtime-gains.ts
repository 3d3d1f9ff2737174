// What each change of sessions/baileys/runtime, and of the stores beside it, gains over baileys as published.
// Alone: node --conditions=source bench/src/runtime-gains.ts
import { measured, printTable } from './support/table.ts'

interface Gain {
  name: string
  before: number
  after: number
  unit: 'µs' | 'bytes'
}

/** The server publishes no way to its inside: the module is found where it lies. */
const module = new URL('../../apps/server/src/sessions/baileys/testing/gains.ts', import.meta.url)
// What that module exports, as its own types say.
const { measureGains } = (await import(module.href)) as {
  measureGains: () => Promise<readonly { title: string; gains: readonly Gain[] }[]>
}

for (const { title, gains } of await measureGains()) {
  printTable(
    title,
    gains.map(({ name, before, after, unit }) =>
      measured(name, `${format(before, unit)} → ${format(after, unit)}, ${(before / after).toFixed(1)}×`),
    ),
  )
}
console.log(
  '\n6 (webhook client) and 7 (device lists kept a day): npm run bench, delivered per second and cold sends.',
)

function format(value: number, unit: Gain['unit']): string {
  if (unit === 'bytes') return `${value} B`
  if (value >= 1000) return `${(value / 1000).toPrecision(3)} ms`
  return `${value.toPrecision(3)} µs`
}

import { startChild } from '../support/child.ts'
import { percentile } from '../support/statistics.ts'
import { atLeast, atMost, type Figure, measured } from '../support/table.ts'

const clients = 200
const perSecond = 1000

/** Many who follow everything that happens, at a rate no hub of one machine receives messages at. */
export async function streams({ seconds = 15 }: { seconds?: number } = {}): Promise<Figure[]> {
  await using hub = startChild(new URL('../processes/event-hub.ts', import.meta.url))
  await using readers = startChild(new URL('../processes/stream-readers.ts', import.meta.url))
  const { url } = await hub.ask<{ url: string }>('address')
  await readers.ask('follow', { url, count: clients })
  const before = hub.usage().cpuMs
  const began = performance.now()
  const seq = await hub.ask<number>('happen', { perSecond, seconds })
  const made = perSecond * seconds
  const rate = (made * 1000) / (performance.now() - began)
  const result = await readers.ask<{ told: number; behind: number; faults: number; latenciesMs: number[] }>(
    'untilTold',
    { seq },
  )
  const cpuMs = hub.usage().cpuMs - before
  return [
    measured('clients that follow everything as server-sent events', clients),
    atLeast('events that happen, each stored first, per second', rate, perSecond * 0.98, '/s'),
    atMost(
      'events a client was not told, or not in order',
      made * clients - result.told + result.faults,
      0,
      '',
    ),
    atMost('clients sent away or left behind', result.behind, 0, ''),
    measured('from an event to its client, p50', percentile(result.latenciesMs, 0.5), 'ms'),
    measured('from an event to its client, p99', percentile(result.latenciesMs, 0.99), 'ms'),
    measured('CPU per event and client', (cpuMs * 1000) / result.told, 'µs'),
  ]
}

import type { Usage } from '../support/child.ts'

import { customerNumber } from '../processes/numbers.ts'
import { type Hub } from '../support/hub.ts'
import { sessionName } from '../support/receiver.ts'
import { inTurn } from '../support/in-turn.ts'
import { hubIn, indices, linkHub, linkRaw, openScene, rawIn } from '../support/scene.ts'
import { median } from '../support/statistics.ts'
import { atLeast, atMost, type Figure, measured } from '../support/table.ts'
import { atLeastTimes, atMostTimes, there } from '../support/yardstick.ts'

const sessions = 20
const contacts = 10
const rounds = 5

interface Rate {
  perSecond: number
  cpuMs: number
}

/** One round of `count`. */
async function round(client: { usage(): Usage }, count: number, send: () => Promise<void>): Promise<Rate> {
  const before = client.usage().cpuMs
  const began = performance.now()
  await send()
  return {
    perSecond: (count * 1000) / (performance.now() - began),
    cpuMs: (client.usage().cpuMs - before) / count,
  }
}

/** The middle of its rounds. */
const middle = (rates: readonly Rate[]): Rate => ({
  perSecond: median(rates.map(({ perSecond }) => perSecond)),
  cpuMs: median(rates.map(({ cpuMs }) => cpuMs)),
})

/** `count` texts over all sessions and contacts, 20 in flight; each call returns when WhatsApp has acknowledged. */
async function sendThrough(hub: Hub, count: number): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) {
      const index = next
      next += 1
      await hub.call('POST', `/api/messages/${sessionName(index % sessions)}/send`, {
        to: customerNumber(Math.floor(index / sessions) % contacts).slice(1),
        message: `#${index} ${Date.now()}`,
      })
    }
  }
  await Promise.all(indices(20).map(lane))
}

/** Sends to contacts that were written to before: stored, encrypted, acknowledged by the server. */
export async function sends({ count = 2000 }: { count?: number } = {}): Promise<Figure[]> {
  await using opened = new AsyncDisposableStack()
  const raw = async (tricks: boolean): Promise<() => Promise<Rate>> => {
    const scene = opened.use(await openScene())
    const client = opened.use(await rawIn(scene, { tricks }))
    await linkRaw(scene, client, indices(sessions))
    const each = Math.ceil(count / sessions)
    const all = async (): Promise<void> => {
      await Promise.all(
        indices(sessions).map((index) => client.ask('send', { index, contacts, count: each, inFlight: 1 })),
      )
    }
    return () => round(client, each * sessions, all)
  }
  const scene = opened.use(await openScene())
  const hub = opened.use(await hubIn(scene))
  await linkHub(scene, hub, indices(sessions))

  const all = await inTurn(
    [await raw(false), await raw(true), () => round(hub, count, () => sendThrough(hub, count))],
    { rounds },
  )
  const [plain, fast, { perSecond, cpuMs }] = all.map(middle) as [Rate, Rate, Rate] // one each
  return [
    measured('raw baileys, nothing stored: sends per second', plain.perSecond),
    measured('raw baileys, nothing stored: CPU per send', plain.cpuMs, 'ms'),
    measured('raw baileys with the same speed-ups: sends per second', fast.perSecond),
    measured('raw baileys with the same speed-ups: CPU per send', fast.cpuMs, 'ms'),
    atLeast('hub: sends per second through the API, warm, 20 in flight', perSecond, 900, '/s'),
    atLeastTimes(perSecond, fast.perSecond, 900, there.sentPerSecond),
    atMost('hub: CPU per send', cpuMs, 1.2, 'ms'),
    atMostTimes(cpuMs, fast.cpuMs, 1.2, there.sentCpuMs),
  ]
}

import { inTurn } from '../support/in-turn.ts'
import { hubIn, indices, linkHub, linkRaw, openScene, rawIn, type Scene } from '../support/scene.ts'
import { median, percentile } from '../support/statistics.ts'
import { atLeast, atMost, type Figure, measured } from '../support/table.ts'
import { atLeastTimes, atMostTimes, there } from '../support/yardstick.ts'
import type { Usage } from '../support/child.ts'

const sessions = 20
const customers = 20
const rounds = 5

/** A client linked to a WhatsApp of its own. */
interface Contender {
  scene: Scene
  client: { usage(): Usage }
}

interface Saturated {
  perSecond: number
  cpuMs: number
  lagMs: number
}

/**
 * Full load: as many messages as the client takes, at most 4 unacknowledged per session. More would only lengthen the queue on the wire,
 * and with it the lag: by Little's law a window of 320 at 1,800 a second waits 178 ms, whoever reads it.
 */
async function saturated({ scene, client }: Contender, messages: number): Promise<Saturated> {
  const { receiver } = scene
  receiver.reset()
  const before = client.usage().cpuMs
  const began = performance.now()
  const traffic = scene.traffic({ sessions, customers, messages, window: sessions * 4 })
  await Promise.all([traffic, receiver.until(messages)])
  const seconds = (performance.now() - began) / 1000
  return {
    perSecond: messages / seconds,
    cpuMs: (client.usage().cpuMs - before) / messages,
    lagMs: median(receiver.latenciesMs),
  }
}

/** The middle of its rounds. */
function middle(rounds: readonly Saturated[]): Saturated {
  return {
    perSecond: median(rounds.map(({ perSecond }) => perSecond)),
    cpuMs: median(rounds.map(({ cpuMs }) => cpuMs)),
    lagMs: median(rounds.map(({ lagMs }) => lagMs)),
  }
}

/** How long each of 400 messages takes, 20 a second: nothing waits for anything but its own way. */
async function calm(scene: Scene): Promise<readonly number[]> {
  scene.receiver.reset()
  await Promise.all([
    scene.traffic({ sessions, customers, messages: 400, perSecond: 20 }),
    scene.receiver.until(400),
  ])
  return scene.receiver.latenciesMs
}

/** Received → webhook delivered: the hub with everything durable, beside Baileys that stores nothing, in one run. */
export async function inbound({ messages = 4000 }: { messages?: number } = {}): Promise<Figure[]> {
  await using opened = new AsyncDisposableStack()
  const rawBaileys = async (tricks: boolean): Promise<Contender> => {
    const scene = opened.use(await openScene())
    const client = opened.use(await rawIn(scene, { tricks }))
    await linkRaw(scene, client, indices(sessions))
    return { scene, client }
  }
  const plain = await rawBaileys(false)
  const fast = await rawBaileys(true)
  const scene = opened.use(await openScene())
  const client = opened.use(await hubIn(scene))
  await linkHub(scene, client, indices(sessions))
  const hub: Contender = { scene, client }

  const all = await inTurn(
    [plain, fast, hub].map((contender) => () => saturated(contender, messages)),
    { rounds },
  )
  const [raw, tricked, full] = all.map(middle) as [Saturated, Saturated, Saturated] // one each
  const calmRaw = await calm(fast.scene)
  const calmHub = await calm(hub.scene)
  return [
    measured('raw baileys, nothing stored: per second', raw.perSecond),
    measured('raw baileys, nothing stored: CPU per message', raw.cpuMs, 'ms'),
    measured('raw baileys with the same speed-ups: per second', tricked.perSecond),
    measured('raw baileys with the same speed-ups: CPU per message', tricked.cpuMs, 'ms'),
    measured('raw baileys with the same speed-ups: lag p50 under full load', tricked.lagMs, 'ms'),
    atLeast('hub: received → webhook delivered, per second', full.perSecond, 1800, '/s'),
    atLeastTimes(full.perSecond, tricked.perSecond, 1800, there.receivedPerSecond),
    atMost('hub: CPU per message', full.cpuMs, 0.55, 'ms'),
    // The one promise of DESIGN §9 that is a ratio itself.
    atMostTimes(full.cpuMs, tricked.cpuMs, 1.25, 1),
    atMost('hub: lag p50 under full load', full.lagMs, 50, 'ms'),
    atMostTimes(full.lagMs, tricked.lagMs, 50, there.receivedLagMs),
    measured('raw baileys with the same speed-ups: latency p50 at 20 messages/s', median(calmRaw), 'ms'),
    measured('raw baileys with the same speed-ups: latency p99', percentile(calmRaw, 0.99), 'ms'),
    atMost('hub: latency p50 at 20 messages/s', median(calmHub), 4, 'ms'),
    atMostTimes(median(calmHub), median(calmRaw), 4, there.latencyMs),
    atMost('hub: latency p99 at 20 messages/s', percentile(calmHub, 0.99), 10, 'ms'),
    atMostTimes(percentile(calmHub, 0.99), percentile(calmRaw, 0.99), 10, there.latencyP99Ms),
  ]
}

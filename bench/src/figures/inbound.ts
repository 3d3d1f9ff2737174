import { hubIn, indices, linkHub, linkRaw, openScene, rawIn, type Scene } from '../support/scene.ts'
import { median, percentile } from '../support/statistics.ts'
import { atLeast, atMost, type Figure, measured } from '../support/table.ts'
import { atLeastTimes, atMostTimes, there } from '../support/yardstick.ts'
import type { Usage } from '../support/child.ts'

const sessions = 20
const customers = 20
const rounds = 3

interface Saturated {
  perSecond: number
  cpuMs: number
  lagMs: number
}

/**
 * Full load: as many messages as the client takes, at most 4 unacknowledged per session. More would only lengthen the queue on the wire,
 * and with it the lag: by Little's law a window of 320 at 1,800 a second waits 178 ms, whoever reads it.
 */
async function saturated(scene: Scene, client: { usage(): Usage }, messages: number): Promise<Saturated> {
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

/** The middle of several rounds, after one that warms up. */
async function best(scene: Scene, client: { usage(): Usage }, messages: number): Promise<Saturated> {
  await saturated(scene, client, sessions * customers * 2)
  const results = []
  for (let round = 0; round < rounds; round += 1) results.push(await saturated(scene, client, messages))
  return {
    perSecond: median(results.map(({ perSecond }) => perSecond)),
    cpuMs: median(results.map(({ cpuMs }) => cpuMs)),
    lagMs: median(results.map(({ lagMs }) => lagMs)),
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
export async function inbound({ messages = 8000 }: { messages?: number } = {}): Promise<Figure[]> {
  const raw = await (async () => {
    await using scene = await openScene()
    await using client = await rawIn(scene, { tricks: false })
    await linkRaw(scene, client, indices(sessions))
    return await best(scene, client, messages / 2)
  })()
  const fast = await (async () => {
    await using scene = await openScene()
    await using client = await rawIn(scene, { tricks: true })
    await linkRaw(scene, client, indices(sessions))
    return { ...(await best(scene, client, messages)), calm: await calm(scene) }
  })()
  await using scene = await openScene()
  await using hub = await hubIn(scene)
  await linkHub(scene, hub, indices(sessions))
  const full = await best(scene, hub, messages)
  const alone = await calm(scene)
  return [
    measured('raw baileys, nothing stored: per second', raw.perSecond),
    measured('raw baileys, nothing stored: CPU per message', raw.cpuMs, 'ms'),
    measured('raw baileys with the same speed-ups: per second', fast.perSecond),
    measured('raw baileys with the same speed-ups: CPU per message', fast.cpuMs, 'ms'),
    measured('raw baileys with the same speed-ups: lag p50 under full load', fast.lagMs, 'ms'),
    atLeast('hub: received → webhook delivered, per second', full.perSecond, 1800, '/s'),
    atLeastTimes(full.perSecond, fast.perSecond, 1800, there.receivedPerSecond),
    atMost('hub: CPU per message', full.cpuMs, 0.55, 'ms'),
    // The one promise of DESIGN §9 that is a ratio itself.
    atMostTimes(full.cpuMs, fast.cpuMs, 1.25, 1),
    atMost('hub: lag p50 under full load', full.lagMs, 50, 'ms'),
    atMostTimes(full.lagMs, fast.lagMs, 50, there.receivedLagMs),
    measured('raw baileys with the same speed-ups: latency p50 at 20 messages/s', median(fast.calm), 'ms'),
    measured('raw baileys with the same speed-ups: latency p99', percentile(fast.calm, 0.99), 'ms'),
    atMost('hub: latency p50 at 20 messages/s', median(alone), 4, 'ms'),
    atMostTimes(median(alone), median(fast.calm), 4, there.latencyMs),
    atMost('hub: latency p99 at 20 messages/s', percentile(alone, 0.99), 10, 'ms'),
    atMostTimes(percentile(alone, 0.99), percentile(fast.calm, 0.99), 10, there.latencyP99Ms),
  ]
}

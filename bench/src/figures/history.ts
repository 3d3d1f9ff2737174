import { hubIn, indices, linkHub, openScene, type Scene } from '../support/scene.ts'
import { sessionName } from '../support/receiver.ts'
import { median, percentile } from '../support/statistics.ts'
import { atMost, type Figure, measured } from '../support/table.ts'
import type { Hub } from '../support/hub.ts'

const sessions = 5
const customers = 20
const perSecond = 20
/** The session whose phone tells its history, beside those that receive. */
const telling = sessions

interface SyncNow {
  sync: { state: string; percent: number; messages: number }
}

/** Live messages at a steady pace until `done`; how long each took. */
async function live(scene: Scene, done: () => Promise<boolean>): Promise<readonly number[]> {
  const latencies: number[] = []
  for (;;) {
    scene.receiver.reset()
    await Promise.all([
      scene.traffic({ sessions, customers, messages: perSecond * 2, perSecond }),
      scene.receiver.until(perSecond * 2),
    ])
    latencies.push(...scene.receiver.latenciesMs)
    if (await done()) return latencies
  }
}

/** The largest resident memory until stopped, MB. */
function watchMemory(hub: Hub): () => number {
  let most = 0
  const look = (): void => void (most = Math.max(most, hub.usage().rssMb))
  const timer = setInterval(look, 50)
  return () => {
    clearInterval(timer)
    return most
  }
}

/** A phone tells its history while other sessions receive: what it costs in memory, and what those feel of it. */
export async function history({ messages }: { messages: number }): Promise<Figure[]> {
  await using scene = await openScene()
  await using hub = await hubIn(scene)
  await linkHub(scene, hub, indices(sessions + 1))
  const parts = await scene.emulator.ask<number>('prepareHistory', { messages, perPart: 5000, perChat: 100 })
  const now = (): Promise<SyncNow> => hub.call('GET', `/api/sessions/${sessionName(telling)}/status`)

  let rounds = 0
  await live(scene, async () => true)
  const before = await live(scene, async () => (rounds += 1) >= 8)
  const { rssMb, cpuMs } = hub.usage()
  const stop = watchMemory(hub)
  const began = performance.now()
  await scene.emulator.ask('tellHistory', { session: telling })
  const during = await live(scene, async () => (await now()).sync.messages >= messages)
  const seconds = (performance.now() - began) / 1000
  const most = stop()
  const busyMs = hub.usage().cpuMs - cpuMs
  return [
    measured(`${messages} messages in ${parts} parts: read and stored per second`, messages / seconds),
    measured('CPU per message of history (live ones included)', busyMs / messages, 'ms'),
    atMost('memory on top of what the hub had', most - rssMb, 200, 'MB'),
    measured('live messages, before: latency p50', median(before), 'ms'),
    measured('live messages, meanwhile: latency p50', median(during), 'ms'),
    measured('live messages, before: latency p95', percentile(before, 0.95), 'ms'),
    measured('live messages, meanwhile: latency p95', percentile(during, 0.95), 'ms'),
    atMost('latency p95, meanwhile by before', percentile(during, 0.95) / percentile(before, 0.95), 2, '×'),
  ]
}

import { hubIn, indices, linkHub, online, openScene } from '../support/scene.ts'
import { median } from '../support/statistics.ts'
import { atMost, type Figure, measured } from '../support/table.ts'

const settle = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** The worker that makes key pairs ahead of need ends after a minute without work. */
const idleAfterMs = 65_000

/** What an idle hub costs, and what each linked session adds. */
export async function resources({ sessions = 200 }: { sessions?: number } = {}): Promise<Figure[]> {
  await using scene = await openScene()
  const starts: number[] = []
  for (let start = 0; start < 3; start += 1) {
    await using hub = await hubIn(scene)
    starts.push(hub.startedInMs)
  }
  await using hub = await hubIn(scene)
  await settle(idleAfterMs)
  const idle = hub.usage()
  await linkHub(scene, hub, indices(sessions))
  await settle(idleAfterMs)
  const linked = hub.usage()
  return [
    atMost('hub: cold start → healthy, median of 3', median(starts), 600, 'ms'),
    atMost('hub: RSS idle', idle.rssMb, 130, 'MB'),
    atMost(`hub: RSS at ${sessions} linked sessions`, linked.rssMb, sessions > 200 ? 420 : 300, 'MB'),
    measured('hub: RSS per linked idle session', (linked.rssMb - idle.rssMb) / sessions, 'MB'),
  ]
}

/** All sessions lose their connection at the same moment: how long until the last, and the middle one, is back. */
export async function reconnecting({ sessions = 100 }: { sessions?: number } = {}): Promise<Figure[]> {
  await using scene = await openScene()
  await using hub = await hubIn(scene)
  await linkHub(scene, hub, indices(sessions))
  const times: number[] = []
  for (let round = 0; round < 3; round += 1) {
    await settle(2000)
    const began = performance.now()
    await scene.emulator.ask('cutAll')
    await scene.emulator.ask('untilOffline', { fewerThan: sessions })
    await Promise.all(indices(sessions).map((index) => online(hub, index, 25)))
    times.push(performance.now() - began)
  }
  return [atMost(`hub: ${sessions} sessions cut at once, all back, p50 of 3`, median(times), 500, 'ms')]
}

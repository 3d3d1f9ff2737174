import type { Usage } from '../support/child.ts'
import { hubIn, indices, linkHub, linkRaw, openScene, rawIn, type Scene } from '../support/scene.ts'
import { median } from '../support/statistics.ts'
import { atMost, type Figure, measured } from '../support/table.ts'
import { atMostTimes, there } from '../support/yardstick.ts'

const sessions = 20
const customers = 4
const rounds = 3

/** CPU per message that a session received in a group, ms: the middle of several rounds, after one in which the sender keys arrive. */
async function groupCpuMs(scene: Scene, client: { usage(): Usage }, messages: number): Promise<number> {
  const group = await scene.emulator.ask<string>('group', { sessions, customers })
  const results = []
  for (let round = 0; round <= rounds; round += 1) {
    scene.receiver.reset()
    const before = client.usage().cpuMs
    await Promise.all([
      scene.traffic({ sessions, customers, messages, window: sessions * 4, group }),
      scene.receiver.until(messages * sessions),
    ])
    results.push((client.usage().cpuMs - before) / (messages * sessions))
  }
  return median(results.slice(1))
}

/** What a message in a group costs each session that receives it. */
export async function groups({ messages = 150 }: { messages?: number } = {}): Promise<Figure[]> {
  const raw = async (tricks: boolean): Promise<number> => {
    await using scene = await openScene()
    await using client = await rawIn(scene, { tricks })
    await linkRaw(scene, client, indices(sessions))
    return await groupCpuMs(scene, client, tricks ? messages : Math.ceil(messages / 5))
  }
  const plain = await raw(false)
  const fast = await raw(true)
  await using scene = await openScene()
  await using hub = await hubIn(scene)
  await linkHub(scene, hub, indices(sessions))
  const ours = await groupCpuMs(scene, hub, messages)
  return [
    measured('raw baileys, nothing stored: CPU per message received in a group', plain, 'ms'),
    measured('raw baileys with the same speed-ups', fast, 'ms'),
    atMost('hub: CPU per message received in a group', ours, 1.3, 'ms'),
    atMostTimes(ours, fast, 1.3, there.groupCpuMs),
  ]
}

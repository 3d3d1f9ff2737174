import type { Usage } from '../support/child.ts'
import { inTurn } from '../support/in-turn.ts'
import { hubIn, indices, linkHub, linkRaw, openScene, rawIn, type Scene } from '../support/scene.ts'
import { median } from '../support/statistics.ts'
import { atMost, type Figure, measured } from '../support/table.ts'
import { atMostTimes, there } from '../support/yardstick.ts'

const sessions = 20
const customers = 4
const rounds = 5

/** What a message that a session received in a group costs, as CPU ms of one round. */
async function groupRounds(
  scene: Scene,
  client: { usage(): Usage },
  messages: number,
): Promise<() => Promise<number>> {
  const group = await scene.emulator.ask<string>('group', { sessions, customers })
  return async () => {
    scene.receiver.reset()
    const before = client.usage().cpuMs
    await Promise.all([
      scene.traffic({ sessions, customers, messages, window: sessions * 4, group }),
      scene.receiver.until(messages * sessions),
    ])
    return (client.usage().cpuMs - before) / (messages * sessions)
  }
}

/** What a message in a group costs each session that receives it. In the round that warms up, the sender keys arrive. */
export async function groups({ messages = 100 }: { messages?: number } = {}): Promise<Figure[]> {
  await using opened = new AsyncDisposableStack()
  const raw = async (tricks: boolean): Promise<() => Promise<number>> => {
    const scene = opened.use(await openScene())
    const client = opened.use(await rawIn(scene, { tricks }))
    await linkRaw(scene, client, indices(sessions))
    return await groupRounds(scene, client, messages)
  }
  const scene = opened.use(await openScene())
  const hub = opened.use(await hubIn(scene))
  await linkHub(scene, hub, indices(sessions))

  const all = await inTurn([await raw(false), await raw(true), await groupRounds(scene, hub, messages)], {
    rounds,
  })
  const [plain, fast, ours] = all.map(median) as [number, number, number] // one each
  return [
    measured('raw baileys, nothing stored: CPU per message received in a group', plain, 'ms'),
    measured('raw baileys with the same speed-ups', fast, 'ms'),
    atMost('hub: CPU per message received in a group', ours, 1.3, 'ms'),
    atMostTimes(ours, fast, 1.3, there.groupCpuMs),
  ]
}

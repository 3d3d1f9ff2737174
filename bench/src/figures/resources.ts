import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import { hubIn, indices, linkHub, linkRaw, openScene, rawIn, type Scene } from '../support/scene.ts'
import { median } from '../support/statistics.ts'
import { atMost, type Figure, measured } from '../support/table.ts'
import { atMostTimes, there } from '../support/yardstick.ts'

const settle = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** The worker that makes key pairs ahead of need ends after a minute without work. */
const idleAfterMs = 65_000

/** How long Node takes to run `code` and end, ms: what no hub can start faster than on this machine. */
async function floor(code: string): Promise<number> {
  const began = performance.now()
  const cwd = fileURLToPath(new URL('.', import.meta.url)) // where `baileys` is found
  await once(
    spawn(process.execPath, ['--eval', code], { cwd, stdio: ['ignore', 'ignore', 'inherit'] }),
    'exit',
  )
  return performance.now() - began
}

/** What an idle hub costs, and what each linked session adds, beside raw Baileys. */
export async function resources({ sessions = 200 }: { sessions?: number } = {}): Promise<Figure[]> {
  await using scene = await openScene()
  const starts: number[] = []
  const bare: number[] = []
  const library: number[] = []
  for (let start = 0; start < 3; start += 1) {
    bare.push(await floor('0'))
    library.push(await floor("import('baileys').then(() => process.exit())"))
    await using hub = await hubIn(scene)
    starts.push(hub.startedInMs)
  }
  await using hub = await hubIn(scene)
  await settle(idleAfterMs)
  const idle = hub.usage()
  await linkHub(scene, hub, indices(sessions))
  await settle(idleAfterMs)
  const linked = hub.usage()
  const each = (linked.rssMb - idle.rssMb) / sessions
  const rawEach = await rawMemoryPerSession(sessions)
  return [
    measured('node that does nothing, median of 3', median(bare), 'ms'),
    measured('node that imports Baileys', median(library), 'ms'),
    atMost('hub: cold start → healthy, median of 3', median(starts), 600, 'ms'),
    atMost('hub: RSS idle', idle.rssMb, 130, 'MB'),
    atMost(`hub: RSS at ${sessions} linked sessions`, linked.rssMb, sessions > 200 ? 420 : 300, 'MB'),
    measured('raw baileys with the same speed-ups: RSS per linked idle session', rawEach, 'MB'),
    measured('hub: RSS per linked idle session', each, 'MB'),
    measured('  … by raw baileys with the same speed-ups', each / rawEach, '×'),
  ]
}

/** MB of RSS that each linked session adds to raw Baileys, which keeps its keys in memory. */
async function rawMemoryPerSession(sessions: number): Promise<number> {
  await using scene = await openScene()
  await using client = await rawIn(scene, { tricks: true })
  await settle(idleAfterMs)
  const idle = client.usage()
  await linkRaw(scene, client, indices(sessions))
  await settle(idleAfterMs)
  return (client.usage().rssMb - idle.rssMb) / sessions
}

/** All sessions lose their connection at the same moment: how long until the last one is back, as WhatsApp sees it, ms. */
async function backAfterCut({ emulator }: Scene, sessions: number): Promise<number> {
  await settle(2000)
  const began = performance.now()
  await emulator.ask('cutAll')
  await emulator.ask('untilOnline', { count: sessions })
  return performance.now() - began
}

/**
 * A new process for each cut: a second one within a minute is a link that does not work, for which the hub waits longer on purpose; and raw
 * Baileys must not do what it has just practised.
 */
export async function reconnecting({ sessions = 100 }: { sessions?: number } = {}): Promise<Figure[]> {
  const raw = async (tricks: boolean): Promise<number> => {
    await using scene = await openScene()
    await using client = await rawIn(scene, { tricks })
    await linkRaw(scene, client, indices(sessions))
    return await backAfterCut(scene, sessions)
  }
  const hub = async (): Promise<number> => {
    await using scene = await openScene()
    await using hub = await hubIn(scene)
    await linkHub(scene, hub, indices(sessions))
    return await backAfterCut(scene, sessions)
  }
  const plain = await raw(false)
  const fast = median([await raw(true), await raw(true), await raw(true)])
  const ours = median([await hub(), await hub(), await hub()])
  const what = `${sessions} sessions cut at once, all back, p50 of 3`
  return [
    measured(`raw baileys: ${sessions} sessions cut at once, all back`, plain, 'ms'),
    measured('raw baileys with the same speed-ups', fast, 'ms'),
    atMost(`hub: ${what}`, ours, 500, 'ms'),
    atMostTimes(ours, fast, 500, there.reconnectedMs),
  ]
}

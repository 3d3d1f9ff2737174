import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { type Child, startChild } from '../support/child.ts'
import { inTurn } from '../support/in-turn.ts'
import { median, percentile } from '../support/statistics.ts'
import { atLeast, atMost, type Figure, measured } from '../support/table.ts'

const endpoints = 100
const patienceMs = 30_000

interface Got {
  distinct: number
  calls: number
  latenciesMs: number[]
  seconds: number
}

interface Scene extends AsyncDisposable {
  receivers: Child
  base: string
  dripping: string
  /** A hub on the scene's store; the one before must be gone. */
  hub(): Child
}

async function openScene(sessions: number): Promise<Scene> {
  const stack = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'inbox-hub-bench-'))
  stack.defer(() => rm(dataDir, { recursive: true, force: true }))
  const receivers = stack.use(startChild(new URL('../processes/webhook-receivers.ts', import.meta.url)))
  const urls = await receivers.ask<{ base: string; dripping: string }>('urls')
  return {
    ...urls,
    receivers,
    hub: () =>
      stack.use(
        startChild(new URL('../processes/webhook-hub.ts', import.meta.url), {
          args: [dataDir, String(sessions)],
        }),
      ),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

const nameOf = (index: number): string => `/${index}`
const names = (count: number): string[] => Array.from({ length: count }, (_, index) => nameOf(index))

/** How fast the same bodies go to the same receivers without a store, a signature or a schedule: what this machine allows now, per second. */
async function rawRate(count: number): Promise<number> {
  await using scene = await openScene(20)
  await using raw = startChild(new URL('../processes/raw-posts.ts', import.meta.url))
  const owners = names(20)
  await raw.ask('post', { base: scene.base, names: owners, count })
  const got = await scene.receivers.ask<Got>('until', { names: owners, count, patienceMs })
  return count / got.seconds
}

/** What the outbox holds goes out: rows of before, on disk, read and settled, nothing in memory when it begins. */
async function drain(preset: 'legacy' | 'standard', count: number): Promise<Figure[]> {
  await using scene = await openScene(20)
  const { receivers, base } = scene
  const hub = scene.hub()
  const owners = names(20)
  const numbers = await hub.ask<number[]>('endpoints', { urls: owners.map((name) => base + name), preset })
  await hub.ask('pause', { numbers, paused: true })
  await hub.ask('happen', { count })
  const before = hub.usage().cpuMs
  await hub.ask('pause', { numbers, paused: false })
  const got = await receivers.ask<Got>('until', { names: owners, count, patienceMs })
  // The last batch is written down a moment after its answers.
  while ((await hub.ask<number>('backlog')) > 0) await new Promise((resolve) => setTimeout(resolve, 20))
  const cpuMs = (hub.usage().cpuMs - before) / count
  const perSecond = count / got.seconds
  return [
    atLeast(`${preset}: deliveries from the outbox per second`, perSecond, 3000, '/s'),
    measured(`${preset}: the same, times what undici alone posts`, perSecond / (await rawRate(count)), '×'),
    measured(`${preset}: CPU of the hub per delivery`, cpuMs * 1000, 'µs'),
    atMost(`${preset}: lost`, count - got.distinct, 0, ''),
  ]
}

/** Events at a steady rate to 100 endpoints, again and again. */
interface Load {
  hub: Child
  numbers: readonly number[]
  /** One round: how long the healthy ones waited, p95 in ms. */
  round(): Promise<number>
  /** What the healthy ones never got, of all rounds. */
  lost(): number
}

/** `isIll`: one of them is dead and one drips. */
async function openLoad(scene: Scene, count: number, perSecond: number, isIll: boolean): Promise<Load> {
  const { receivers, base, dripping } = scene
  const hub = scene.hub()
  const owners = names(endpoints)
  const urls = owners.map((name) => base + name)
  // Nobody listens at port 1 of loopback.
  if (isIll) urls.splice(0, 2, 'http://127.0.0.1:1/', dripping)
  const numbers = await hub.ask<number[]>('endpoints', { urls, preset: 'standard' })
  const healthy = isIll ? owners.slice(2) : owners
  const due = (count / endpoints) * healthy.length
  let lost = 0
  return {
    hub,
    numbers,
    lost: () => lost,
    async round() {
      await receivers.ask('reset')
      await hub.ask('happen', { count, perSecond })
      const got = await receivers.ask<Got>('until', { names: healthy, count: due, patienceMs })
      lost += due - got.distinct
      return percentile(got.latenciesMs, 0.95)
    },
  }
}

/** T7: a dead and a dripping endpoint among a hundred cost the others nothing, and get everything once they are well. */
async function isolation(count: number, perSecond: number): Promise<Figure[]> {
  const rounds = 4
  // And the one that warms up.
  const ofRound = count / (rounds + 1)
  await using wellScene = await openScene(endpoints)
  await using scene = await openScene(endpoints)
  const baseline = await openLoad(wellScene, ofRound, perSecond, false)
  const { hub, numbers, ...withIll } = await openLoad(scene, ofRound, perSecond, true)
  const [well = [], ill = []] = await inTurn([() => baseline.round(), () => withIll.round()], {
    rounds,
  })
  const times = well.map((p95, index) => (ill[index] ?? Number.NaN) / p95)
  const { receivers, base } = scene
  const share = count / endpoints
  const [dead = 0, dripping = 0, healthy = 0] = numbers
  for (const [index, number] of [dead, dripping].entries())
    await hub.ask('move', { number, url: base + nameOf(index) })
  // Those that failed before come back by their schedule, of hours: a replay does not wait for it.
  for (const [index, number] of [dead, dripping].entries())
    await hub.ask('replay', { number, session: index + 1 })
  const healed = await receivers.ask<Got>('until', { names: names(2), count: share * 2, patienceMs })
  await receivers.ask('reset')
  const { count: replayed } = await hub.ask<{ count: number }>('replay', { number: healthy, session: 3 })
  const again = await receivers.ask<Got>('until', { names: [nameOf(2)], count: replayed, patienceMs })
  return [
    measured(
      `${endpoints} healthy endpoints, ${perSecond} events/s: p95 (median of rounds)`,
      median(well),
      'ms',
    ),
    atMost('one dead, one dripping: p95 of the healthy, worst round', Math.max(...ill), 2000, 'ms'),
    atMost('the same, times the healthy in turn (median of rounds)', median(times), 1.2, '×'),
    atMost('lost of the healthy', baseline.lost() + withIll.lost(), 0, ''),
    atMost('lost of the dead and the dripping, once they are well', share * 2 - healed.distinct, 0, ''),
    atMost('missing from a replay', share - again.distinct, 0, ''),
  ]
}

/** Killed between answers and the commit that notes them, again and again. */
async function killed(count: number): Promise<Figure[]> {
  await using scene = await openScene(20)
  const owners = names(20)
  let hub = scene.hub()
  const urls = owners.map((name) => scene.base + name)
  const numbers = await hub.ask<number[]>('endpoints', { urls, preset: 'legacy' })
  await hub.ask('pause', { numbers, paused: true })
  await hub.ask('happen', { count })
  await hub.ask('pause', { numbers, paused: false })
  const kills = 5
  for (let kill = 1; kill <= kills; kill += 1) {
    // Answers arrive all the time, and what came of them is written every 50 ms.
    await scene.receivers.ask<Got>('until', {
      names: owners,
      count: (count * kill) / (kills + 1),
      patienceMs,
    })
    await hub.kill()
    hub = scene.hub()
  }
  const got = await scene.receivers.ask<Got>('until', { names: owners, count, patienceMs })
  return [
    atMost(`killed ${kills} times: lost`, count - got.distinct, 0, ''),
    measured(`killed ${kills} times: told twice`, got.calls - got.distinct),
  ]
}

/** Webhooks on SQLite: how fast the outbox empties, what ill receivers cost the others, and what a kill loses. */
export async function webhooks({ count }: { count: number }): Promise<Figure[]> {
  return [
    ...(await drain('standard', count)),
    ...(await drain('legacy', count)),
    ...(await isolation(count, 500)),
    ...(await killed(count / 2)),
  ]
}

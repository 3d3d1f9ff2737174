import { endpoints } from '@inbox-hub/contract'

import { percentile } from '../support/statistics.ts'
import { atMost, measured } from '../support/table.ts'
import { type Answer, Unheard } from './api.ts'
import { type Disk, limitedDisk, smallDisk } from './disk.ts'
import { drained } from './drained.ts'
import { Inbound, type Linked, makePeople } from './inbound.ts'
import { alsoWhenInterrupted } from './interruption.ts'
import { judgeCounts, judgeDatabase, judgeEvents, judgeInbound, judgeOutbound, judgeSignal } from './judge.ts'
import { sessionNumber } from './numbers.ts'
import { Outbound } from './outbound.ts'
import { type Random, randomOf } from './random.ts'
import { type ChaosOptions, Findings, type Report } from './scenario.ts'
import { eventually, pause, startWorld, type World } from './world.ts'

const full = { messages: 1_000, rounds: 10 }
const crowd = { peers: 8, groups: 2 }
const sessionCount = 2
/** Until every session says that the store fails, ms: as soon as something is to be written. */
const noticesWithinMs = 15_000
/** Until all are online again, from when there is room, ms: the store is probed every 30 s at the latest. */
const recoversWithinMs = 45_000
/** Until a hub that is started without room serves or gives up, ms. */
const startsWithinMs = 30_000

/** T8 where the disk is full: nothing is acknowledged that is not stored, everybody is told what to do, and it goes on by itself. */
export async function fullDisk(options: ChaosOptions): Promise<Report> {
  if (options.postgresUrl !== undefined)
    throw new Error('The disk of a PostgreSQL server is not ours to fill.')
  const findings = new Findings()
  await using limited = kept(await limitedDisk())
  await using small = options.mount === true ? kept(await smallDisk()) : undefined
  const disks = [limited, small].filter((disk) => disk !== undefined)
  if (disks.length === 0) throw new Error('There is no disk to fill: install util-linux, which has prlimit.')
  for (const disk of disks) await filled(disk, options, findings)
  if (small === undefined) findings.speed(measured('a really full file system', 'not tried, needs mount'))
  return findings.report('T8 a full disk')
}

const kept = (disk: Disk | undefined): Disk | undefined => disk && alsoWhenInterrupted(disk)

/** What was seen while there was no room. */
interface Seen {
  readonly noticesMs: number[]
  readonly recoveriesMs: number[]
  readonly acknowledged: string[]
  readonly silent: string[]
  readonly unhelpful: string[]
  readonly badStarts: string[]
}

interface Scene {
  readonly world: World
  readonly disk: Disk
  readonly linked: readonly Linked[]
  readonly numbers: readonly string[]
  readonly inbound: Inbound
  readonly random: Random
  readonly seen: Seen
}

async function filled(disk: Disk, options: ChaosOptions, findings: Findings): Promise<void> {
  const { scale, seed, progress } = options
  const random = randomOf(`${seed} ${disk.name}`)
  const rounds = Math.max(2, Math.round(full.rounds * scale))
  const messages = Math.round(full.messages * scale)
  await using world = await startWorld(options, disk.dir)
  const { hub, api, emulator } = world
  const linked = Array.from({ length: sessionCount }, (_, index): Linked => ({
    session: `chaos-${index}`,
    number: sessionNumber(index),
  }))
  for (const { session, number } of linked) await world.link(session, number)
  const numbers = linked.map(({ number }) => number)
  const people = makePeople(emulator, linked, crowd, random.fork('people'))
  const inbound = new Inbound(linked, people, random.fork('inbound'), messages)
  const outbound = new Outbound(api, linked, people, random.fork('outbound'), messages)
  const seen: Seen = {
    noticesMs: [],
    recoveriesMs: [],
    acknowledged: [],
    silent: [],
    unhelpful: [],
    badStarts: [],
  }
  const scene: Scene = { world, disk, linked, numbers, inbound, random: random.fork('rounds'), seen }
  const share = Math.ceil(messages / rounds)
  try {
    for (let round = 0; round < rounds; round += 1) {
      progress(`T8 ${disk.name}: ${round}/${rounds} times, ${inbound.written.length} written to us`)
      outbound.allow(share)
      const traffic = new AbortController()
      const flowing = flow(inbound, share, random.fork(`traffic ${round}`), traffic.signal)
      await pause(random.int(0, 500))
      await withoutRoom(scene, { killed: round % 2 === 1 })
      traffic.abort()
      await flowing
    }
    inbound.write(inbound.left, false)
    outbound.allow(outbound.left)
    await drained(world, { inbound, outbound, numbers }, progress)
  } finally {
    await outbound.end()
  }

  const { name } = disk
  findings.none(`${name}: acknowledged while nothing could be stored`, seen.acknowledged)
  findings.none(`${name}: sessions that did not say so`, seen.silent)
  findings.none(`${name}: answers that did not help`, seen.unhelpful)
  findings.none(`${name}: starts without room that said nothing`, seen.badStarts)
  const usual = new Findings()
  await judgeInbound(world, inbound, numbers, usual)
  await judgeOutbound(world, outbound, people, usual)
  await judgeEvents(world, usual)
  await judgeCounts(world, usual)
  judgeSignal(world, usual)
  usual.equal('exit code, asked to stop at last', (await hub.stop()) ?? -1, 0)
  await judgeDatabase(world, usual)
  const broken = usual.promises.filter(({ reached }) => reached === false)
  findings.none(
    `${name}: broken of the ${usual.promises.length} promises of T1 and T2`,
    broken.map((promise) => `${promise.name} ${promise.value}`),
  )
  findings.anomalies.push(...usual.anomalies)
  findings.speed(
    atMost(`${disk.name}: no room → said so, p95`, percentile(seen.noticesMs, 0.95), noticesWithinMs, 'ms'),
  )
  findings.speed(
    atMost(`${disk.name}: room → online, p95`, percentile(seen.recoveriesMs, 0.95), recoversWithinMs, 'ms'),
  )
}

/** Takes the room away for a while, and gives it back. */
async function withoutRoom(scene: Scene, { killed }: { killed: boolean }): Promise<void> {
  const { world, disk, linked, numbers, inbound, random, seen } = scene
  const { hub, api, emulator } = world
  const { pid } = hub
  if (pid === undefined) throw new Error('The hub is gone.')
  await disk.fill(pid)
  const filledAt = performance.now()
  const since = inbound.written.length
  const notSaying = await eventually(async () => {
    const silent = await silentAmong(world, linked)
    return silent.length === 0 ? silent : undefined
  }, noticesWithinMs)
  if (notSaying === undefined) seen.silent.push(...(await silentAmong(world, linked)))
  else seen.noticesMs.push(performance.now() - filledAt)

  seen.unhelpful.push(...(await asked(scene)))
  await pause(random.int(200, 1_500))
  if (disk.strict) {
    // Written since there was no room: nobody can have stored them, so nobody may have said so.
    const owed = new Set(numbers.flatMap((number) => emulator.truth.owed(number).map(({ id }) => id)))
    for (const { id, session } of inbound.written.slice(since))
      if (!owed.has(id)) seen.acknowledged.push(`${session} ${id}`)
  }
  if (killed) {
    await hub.kill()
    const bad = disk.strict ? undefined : await startWithoutRoom(world)
    if (bad !== undefined) seen.badStarts.push(bad)
  }
  await disk.free(hub.pid)
  const roomAt = performance.now()
  if (!hub.running) await hub.start()
  const ready = async (): Promise<boolean> =>
    (await world.online(numbers, 0)) && (await api.ask(endpoints.ready)).status === 200
  if ((await eventually(ready, 2 * recoversWithinMs)) === true)
    seen.recoveriesMs.push(performance.now() - roomAt)
  else seen.recoveriesMs.push(Number.POSITIVE_INFINITY)
}

/** Sessions that do not say that the store fails, and what to do. */
async function silentAmong({ api }: World, linked: readonly Linked[]): Promise<string[]> {
  const silent: string[] = []
  for (const { session } of linked) {
    const { data } = await api.ask(endpoints.getSessionStatus, { params: { ref: session } })
    const isSaid =
      data?.state === 'store_fault' && data.reason?.code === 'store_fault' && data.reason.remedy !== ''
    if (!isSaid) silent.push(`${session}: ${data?.state} ${data?.reason?.code}`)
  }
  return silent
}

/** Asks what people and monitors ask while there is no room; answers what did not help them. */
async function asked({ world: { api }, disk, linked, random }: Scene): Promise<string[]> {
  const ref = random.pick(linked).session
  const bad: string[] = []
  const reads = {
    status: () => api.ask(endpoints.getSessionStatus, { params: { ref } }),
    qr: () => api.ask(endpoints.getQrStatus, { params: { ref } }),
    connect: () => api.ask(endpoints.connectSession, { params: { ref } }),
    diagnostics: () => api.ask(endpoints.getDiagnostics, { params: { ref }, query: { probes: false } }),
    messages: () => api.ask(endpoints.listMessages, { params: { sessionId: ref } }),
    events: () => api.ask(endpoints.listEvents),
    health: () => api.ask(endpoints.health),
  }
  for (const [name, ask] of Object.entries(reads)) {
    const { status } = await ask()
    if (status !== 200) bad.push(`${name} answered ${status}`)
  }
  // On a real disk something small may still fit into the room that the file has.
  const isRefused = ({ status, failure }: Answer<unknown>): boolean =>
    (status === 503 && failure?.remedy !== undefined) || (status < 300 && !disk.strict)
  const sessionId = `new-${random.int(0, 1_000_000)}`
  const created = await api.ask(endpoints.createSession, { body: { sessionId, autoConnect: false } })
  if (!isRefused(created)) bad.push(`create answered ${created.status} ${created.failure?.code}`)
  // Readiness is asked often, and believed for two seconds.
  const ready = await eventually(async () => isRefused(await api.ask(endpoints.ready)), 4_000, 200)
  if (ready !== true) bad.push('the hub says it is ready')
  return bad
}

/** Starts the hub while there is no room: it serves and says so, or ends and says why. Answers what it did instead. */
async function startWithoutRoom({ hub, api }: World): Promise<string | undefined> {
  const said = hub.output.length
  hub.spawn()
  const came = await eventually(async () => {
    if (!hub.running) return 'ended'
    const answer = await api.ask(endpoints.health, { timeoutMs: 1_000 }).catch((error: unknown) => {
      if (error instanceof Unheard) return undefined
      throw error
    })
    return answer?.status === 200 ? 'served' : undefined
  }, startsWithinMs)
  await hub.kill()
  if (came === 'served') return undefined
  const words = hub.output.slice(said).join(' ')
  if (came === 'ended' && hub.ending === 1 && /disk|room|space|full/i.test(words)) return undefined
  return `${came ?? 'hung'}, ${String(hub.ending)}: ${words.slice(0, 300)}`
}

/** People write, some at a time. */
async function flow(inbound: Inbound, count: number, random: Random, signal: AbortSignal): Promise<void> {
  for (let left = count; left > 0 && !signal.aborted;) {
    const some = Math.min(left, random.int(1, 4))
    inbound.write(some, false)
    left -= some
    await pause(random.int(10, 80))
  }
}

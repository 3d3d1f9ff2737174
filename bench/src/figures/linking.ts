import type { Child } from '../support/child.ts'
import type { Hub } from '../support/hub.ts'
import {
  connectHub,
  createSession,
  hubIn,
  indices,
  openScene,
  qrOfHub,
  rawIn,
  type Scene,
} from '../support/scene.ts'
import { median, percentile } from '../support/statistics.ts'
import { atMost, type Figure, measured } from '../support/table.ts'
import { atMostTimes, there } from '../support/yardstick.ts'

const warmUp = indices(10)
const single = indices(20, 100)
const rounds = [indices(50, 200), indices(50, 300)]

/** What links sessions: the hub, or Baileys alone. */
interface Subject {
  /** Before the clock starts. */
  create(session: number): Promise<void>
  /** Starts connecting; answers when the caller is told so. */
  connect(session: number): Promise<void>
  qr(session: number): Promise<string>
  online(session: number): Promise<void>
}

interface Times {
  connectMs: number[]
  qrMs: number[]
  onlineMs: number[]
}

/** From `connect` to the QR and from the scan to connected: one session at a time, and fifty at once. */
export async function linking(): Promise<Figure[]> {
  const raw = await rawTimes({ tricks: false })
  const fast = await rawTimes({ tricks: true })
  await using scene = await openScene()
  await using hub = await hubIn(scene)
  const ours = await timesOf(scene, hubAsSubject(scene, hub))

  const p50 = (times: Times, which: 'qrMs' | 'onlineMs'): number => median(times[which])
  const p95 = (times: Times, which: keyof Times): number => percentile(times[which], 0.95)
  const p99 = (times: Times, which: keyof Times): number => percentile(times[which], 0.99)
  return [
    measured('raw baileys: start → QR p50, one at a time', p50(raw.one, 'qrMs'), 'ms'),
    measured('raw baileys with the same speed-ups', p50(fast.one, 'qrMs'), 'ms'),
    atMost('hub: connect → QR p50, one at a time', p50(ours.one, 'qrMs'), 10, 'ms'),
    atMostTimes(p50(ours.one, 'qrMs'), p50(fast.one, 'qrMs'), 10, there.qrMs),
    measured('raw baileys: start → QR p99, 50 at once', p99(raw.many, 'qrMs'), 'ms'),
    measured('raw baileys with the same speed-ups', p99(fast.many, 'qrMs'), 'ms'),
    atMost('hub: connect → QR p99, 50 at once', p99(ours.many, 'qrMs'), 320, 'ms'),
    atMostTimes(p99(ours.many, 'qrMs'), p99(fast.many, 'qrMs'), 320, there.qrAtOnceP99Ms),
    atMost('hub: connect → QR p95, 50 at once', p95(ours.many, 'qrMs'), 300, 'ms'),
    atMost('hub: connect answers, p99 of 50 at once', p99(ours.many, 'connectMs'), 100, 'ms'),
    measured('raw baileys: scan → open p50, one at a time', p50(raw.one, 'onlineMs'), 'ms'),
    measured('raw baileys with the same speed-ups', p50(fast.one, 'onlineMs'), 'ms'),
    atMost('hub: scan → connected p50, one at a time', p50(ours.one, 'onlineMs'), 50, 'ms'),
    atMostTimes(p50(ours.one, 'onlineMs'), p50(fast.one, 'onlineMs'), 50, there.onlineMs),
    atMost('hub: scan → connected p95, one at a time', p95(ours.one, 'onlineMs'), 500, 'ms'),
    measured('raw baileys: scan → open p50, 50 at once', p50(raw.many, 'onlineMs'), 'ms'),
    measured('raw baileys with the same speed-ups', p50(fast.many, 'onlineMs'), 'ms'),
    atMost('hub: scan → connected p50, 50 at once', p50(ours.many, 'onlineMs'), 2000, 'ms'),
    atMostTimes(p50(ours.many, 'onlineMs'), p50(fast.many, 'onlineMs'), 2000, there.onlineAtOnceMs),
  ]
}

async function rawTimes({ tricks }: { tricks: boolean }): Promise<{ one: Times; many: Times }> {
  await using scene = await openScene()
  await using client = await rawIn(scene, { tricks })
  return await timesOf(scene, rawAsSubject(client))
}

async function timesOf(scene: Scene, subject: Subject): Promise<{ one: Times; many: Times }> {
  const one: Times = { connectMs: [], qrMs: [], onlineMs: [] }
  const many: Times = { connectMs: [], qrMs: [], onlineMs: [] }
  for (const session of warmUp)
    await linkAll(scene, subject, [session], { connectMs: [], qrMs: [], onlineMs: [] })
  for (const session of single) await linkAll(scene, subject, [session], one)
  for (const round of rounds) await linkAll(scene, subject, round, many)
  return { one, many }
}

/** Connects all of them at once, and scans when the last QR is there. */
async function linkAll(
  scene: Scene,
  subject: Subject,
  sessions: readonly number[],
  times: Times,
): Promise<void> {
  for (const session of sessions) await subject.create(session)
  const qrs = await Promise.all(
    sessions.map(async (session) => {
      const began = performance.now()
      await subject.connect(session)
      times.connectMs.push(performance.now() - began)
      const qr = await subject.qr(session)
      times.qrMs.push(performance.now() - began)
      return { session, qr }
    }),
  )
  await Promise.all(
    qrs.map(async ({ session, qr }) => {
      const scanned = performance.now()
      await Promise.all([scene.scan(session, qr), subject.online(session)])
      times.onlineMs.push(performance.now() - scanned)
    }),
  )
}

function hubAsSubject(scene: Scene, hub: Hub): Subject {
  return {
    create: (session) => createSession(scene, hub, session),
    connect: (session) => connectHub(hub, session),
    qr: (session) => qrOfHub(hub, session),
    online: (session) => scene.receiver.connected(session),
  }
}

const rawAsSubject = (client: Child): Subject => ({
  create: async () => {},
  connect: async () => {},
  qr: (index) => client.ask<string>('qr', { index }),
  online: (index) => client.ask('online', { index }),
})

import { endpoints } from '@inbox-hub/contract'

import { percentile } from '../support/statistics.ts'
import { atMost, measured } from '../support/table.ts'
import { Unheard } from './api.ts'
import { type ChaosOptions, Findings, type Report } from './scenario.ts'
import { pause, startWorld, type World } from './world.ts'

const full = { sessions: 1_000, atOnce: 50 }
/** Clients that press connect for the same session at the same time. */
const connectsEach = 10
/** The figures for 50 sessions started at once, ms. */
const connectP99Ms = 100
const qrP95Ms = 300
/** Until the last of all sessions shows its QR, ms. */
const allWithinMs = 120_000

/**
 * T6: first 50 sessions started at once, for the figures; then a thousand created and connected together, each by ten clients that do
 * not know of each other. However hard it is pressed, a session has one socket.
 */
export async function crowd(options: ChaosOptions): Promise<Report> {
  const { scale, progress } = options
  const findings = new Findings()
  await using world = await startWorld(options)
  const { truth } = world.emulator

  const few = Math.max(5, Math.round(full.atOnce * Math.min(1, scale)))
  const warm = await created(world, 'few', few, false)
  const dialsBefore = truth.dials.total
  const quick = await shown(world, warm, 1)
  findings.equal(`dials of ${few} sessions connected at once`, truth.dials.total - dialsBefore, few)
  findings.none('of those, without a QR', quick.missing)
  findings.speed(
    atMost(`connect p99, ${few} at once`, percentile(quick.connectsMs, 0.99), connectP99Ms, 'ms'),
  )
  findings.speed(atMost(`connect → QR p95, ${few} at once`, percentile(quick.qrsMs, 0.95), qrP95Ms, 'ms'))

  const many = Math.max(20, Math.round(full.sessions * scale))
  progress(`T6: creating ${many} sessions`)
  const before = truth.dials.total
  const all = await created(world, 'many', many, true)
  progress(`T6: ${many} sessions, each connected by ${connectsEach} clients at once`)
  const crowded = await shown(world, all, connectsEach)
  // A second socket would come late: when the first had been seen by somebody else to be there.
  await pause(1_000)
  findings.equal(
    `dials of ${many} sessions, each connected ${connectsEach} × at once`,
    truth.dials.total - before,
    many,
  )
  findings.equal('sockets open at WhatsApp', world.emulator.connections().length, few + many)
  findings.none('of those, without a QR', crowded.missing)
  findings.none(
    'answers of 500',
    world.api.breakages.map(({ call, status, code }) => `${call} ${status} ${code}`),
  )
  findings.equal('the hub ended by itself', world.hub.running ? 0 : 1, 0)
  findings.speed(
    measured(
      `connect p99, ${many * connectsEach} calls together`,
      percentile(crowded.connectsMs, 0.99),
      'ms',
    ),
  )
  findings.speed(measured(`connect → QR p95, ${many} together`, percentile(crowded.qrsMs, 0.95), 'ms'))
  findings.speed(measured('calls', world.api.calls))
  return findings.report('T6 a crowd of sessions')
}

async function created({ api }: World, name: string, count: number, autoConnect: boolean): Promise<string[]> {
  const refs = Array.from({ length: count }, (_, index) => `${name}-${index}`)
  await Promise.all(
    refs.map((sessionId) => api.get(endpoints.createSession, { body: { sessionId, autoConnect } })),
  )
  return refs
}

interface Shown {
  connectsMs: number[]
  /** From the first connect of a session to its QR in a client's hands. */
  qrsMs: number[]
  missing: string[]
}

/** Connects all sessions at once, each by `clients`, and waits for their QRs as a desk would. */
async function shown({ api }: World, refs: readonly string[], clients: number): Promise<Shown> {
  const found: Shown = { connectsMs: [], qrsMs: [], missing: [] }
  const connect = async (ref: string): Promise<void> => {
    const { tookMs, data } = await api.ask(endpoints.connectSession, {
      params: { ref },
      timeoutMs: allWithinMs,
    })
    found.connectsMs.push(tookMs)
    if (data === undefined) throw new Error(`connect of ${ref} failed`)
  }
  const qr = async (ref: string, began: number): Promise<void> => {
    while (performance.now() - began < allWithinMs) {
      const { data } = await api
        .ask(endpoints.getQr, { params: { ref }, query: { wait: 25_000 }, timeoutMs: 60_000 })
        .catch((error: unknown) => {
          if (error instanceof Unheard) return { data: undefined }
          throw error
        })
      if (data !== undefined) {
        found.qrsMs.push(performance.now() - began)
        return
      }
    }
    found.missing.push(ref)
  }
  await Promise.all(
    refs.map(async (ref) => {
      const began = performance.now()
      await Promise.all(Array.from({ length: clients }, () => connect(ref)))
      await qr(ref, began)
    }),
  )
  return found
}

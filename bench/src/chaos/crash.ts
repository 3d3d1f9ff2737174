import { percentile } from '../support/statistics.ts'
import { atLeast, atMost, measured } from '../support/table.ts'
import { drained } from './drained.ts'
import { Inbound, type Linked, makePeople } from './inbound.ts'
import { judgeCounts, judgeDatabase, judgeEvents, judgeInbound, judgeOutbound, judgeSignal } from './judge.ts'
import { sessionNumber } from './numbers.ts'
import { Outbound } from './outbound.ts'
import { outages } from './outages.ts'
import { randomOf } from './random.ts'
import { type ChaosOptions, Findings, type Report } from './scenario.ts'
import { startWorld } from './world.ts'

/** How much is sent at full size, each way. */
const full = { messages: 10_000, kills: 100 }
const sessionCount = 2
const crowd = { peers: 20, groups: 5 }
/** As long as it may take until a killed hub is online again, ms (engine knowledge §8, T1). */
const recoveryMs = 10_000

/** T1: what phones send, while the hub is killed again and again. */
export const receiving = (options: ChaosOptions): Promise<Report> =>
  crash('T1 receiving', { inbound: true, outbound: false }, options)

/** T2: what clients send through the API, while the hub is killed again and again. */
export const sending = (options: ChaosOptions): Promise<Report> =>
  crash('T2 sending', { inbound: false, outbound: true }, options)

/** Both at once. */
export const conversing = (options: ChaosOptions): Promise<Report> =>
  crash('T1+T2 both directions', { inbound: true, outbound: true }, options)

async function crash(
  title: string,
  directions: { inbound: boolean; outbound: boolean },
  options: ChaosOptions,
): Promise<Report> {
  const { scale, seed, progress } = options
  const random = randomOf(seed)
  const messages = Math.round(full.messages * scale)
  const kills = Math.max(1, Math.round(full.kills * scale))
  const began = performance.now()
  await using world = await startWorld(options)
  const linked = Array.from({ length: sessionCount }, (_, index): Linked => ({
    session: `chaos-${index}`,
    number: sessionNumber(index),
  }))
  for (const { session, number } of linked) await world.link(session, number)
  const numbers = linked.map(({ number }) => number)
  const people = makePeople(world.emulator, linked, crowd, random.fork('people'))
  const inbound = new Inbound(linked, people, random.fork('inbound'), directions.inbound ? messages : 0)
  const outbound = new Outbound(
    world.api,
    linked,
    people,
    random.fork('outbound'),
    directions.outbound ? messages : 0,
  )
  const told = (done: number): string =>
    `${title}: ${done}/${kills} kills, ${inbound.written.length} written to us, ${outbound.asked.length} asked for`
  let came
  try {
    came = await outages({
      world,
      people,
      inbound,
      outbound,
      random: random.fork('outages'),
      numbers,
      kills,
      progress: (done) => progress(told(done)),
    })
    // What is left goes in peace; then everything has the time it needs, as long as it makes headway.
    inbound.write(inbound.left, false)
    outbound.allow(outbound.left)
    await drained(world, { inbound, outbound, numbers }, progress)
  } finally {
    await outbound.end()
  }

  progress(`${title}: looking at what became of it`)
  const findings = new Findings()
  if (directions.inbound) {
    await judgeInbound(world, inbound, numbers, findings)
    const away = inbound.written.filter(({ whileAway }) => whileAway).length
    findings.promise(atLeast('sent while the hub was away', (away * 100) / inbound.written.length, 10, '%'))
  }
  if (directions.outbound) await judgeOutbound(world, outbound, people, findings)
  await judgeEvents(world, findings)
  await judgeCounts(world, findings)
  judgeSignal(world, findings)
  findings.none('stops that did not end well', came.badStops)
  findings.equal('exit code, asked to stop at last', (await world.hub.stop()) ?? -1, 0)
  await judgeDatabase(world, findings)

  const { recoveriesMs, startsMs, killed } = came
  findings.speed(measured('killed at', [...killed].map(([moment, times]) => `${moment} ${times}`).join(', ')))
  findings.speed(atMost('start → all online, p95', percentile(recoveriesMs, 0.95), recoveryMs, 'ms'))
  findings.speed(measured('start → all online, p50', percentile(recoveriesMs, 0.5), 'ms'))
  findings.speed(measured('start → serves, p50', percentile(startsMs, 0.5), 'ms'))
  findings.speed(measured('took', (performance.now() - began) / 1000, 's'))
  return findings.report(title)
}

import { endpoints } from '@inbox-hub/contract'
import type { ConnectionControl } from '@inbox-hub/emulator'

import { percentile } from '../support/statistics.ts'
import { atMost, measured } from '../support/table.ts'
import { fatalFrame, hostileContent, hostilePlaintext, nodeOf } from './hostile.ts'
import { peerNumber, sessionNumber } from './numbers.ts'
import { type Random, randomOf } from './random.ts'
import { keyOf } from './receiver.ts'
import { type ChaosOptions, Findings, type Report } from './scenario.ts'
import { eventually, pause, startWorld, type World } from './world.ts'

const full = { frames: 10_000, fatalEach: 12 }
const counts = { linked: 6, showing: 6, bystanders: 3 }
/** The figure (engine knowledge §8, T15): a connection that got what it cannot read ends within so long, ms. */
const endsWithinMs = 2_000
/** Until an attacked session is back, ms: its backoff, cut short by a person who presses connect. */
const backWithinMs = 60_000
const tellEveryMs = 40

interface Victim {
  ref: string
  /** Of the linked ones. */
  number: string | undefined
}

/** T15: frames, stanzas and messages of nonsense, on the connections of some sessions; others go on as if nothing were. */
export async function garbage(options: ChaosOptions): Promise<Report> {
  const { scale, seed, progress } = options
  const random = randomOf(seed)
  const findings = new Findings()
  await using world = await startWorld(options)
  const { truth } = world.emulator

  const victims: Victim[] = []
  const bystanders: { session: string; number: string }[] = []
  for (let index = 0; index < counts.bystanders; index += 1) {
    const one = { session: `bystander-${index}`, number: sessionNumber(index) }
    await world.link(one.session, one.number)
    bystanders.push(one)
  }
  for (let index = 0; index < counts.linked; index += 1) {
    const one = { ref: `linked-${index}`, number: sessionNumber(100 + index) }
    await world.link(one.ref, one.number)
    victims.push(one)
  }
  for (let index = 0; index < counts.showing; index += 1)
    victims.push({ ref: `showing-${index}`, number: undefined })

  const calm = new AbortController()
  const chatter = chat(world, bystanders, calm.signal)
  const dialsOf = (number: string): number => truth.dialsOf(number).length
  const dialsBefore = new Map(bystanders.map(({ number }) => [number, dialsOf(number)]))

  const fatalEach = Math.max(1, Math.round(full.fatalEach * scale))
  const fatal = fatalEach * victims.length
  const frames = Math.max(fatal * 2, Math.round(full.frames * scale))
  const each = Math.ceil((frames - fatal) / fatal)
  const tally: Tally = { frames: 0, endsMs: [], redials: 0, unending: [], notBack: [] }
  const ticker = setInterval(
    () => progress(`T15: ${tally.frames}/${frames} frames, ${tally.redials} redials`),
    500,
  )
  try {
    // Those that show a QR one after another: which connection is whose is known only while one is new.
    const byQr = victims.filter(({ number }) => number === undefined)
    await Promise.all([
      ...victims
        .filter(({ number }) => number !== undefined)
        .map((victim) => attack(world, victim, { fatalEach, each, tally, random: random.fork(victim.ref) })),
      (async () => {
        for (const victim of byQr)
          await attack(world, victim, { fatalEach, each, tally, random: random.fork(victim.ref) })
      })(),
    ])
  } finally {
    clearInterval(ticker)
    calm.abort()
  }
  const written = await chatter

  // What could be read was taken, what could not was refused: nothing is left that comes again and again.
  const numbers = victims.flatMap(({ number }) => (number === undefined ? [] : [number]))
  const settled = await eventually(
    async () => numbers.every((number) => world.emulator.account(number).owed === 0),
    30_000,
  )
  findings.none(
    'messages that come again and again',
    settled === true
      ? []
      : numbers.flatMap((number) =>
          truth
            .owed(number)
            .map(({ id, attempts, from }) => `${number} ${id} from ${from} sent ${attempts} ×`),
        ),
  )
  const arrived = await eventually(
    async () => written.every((key) => world.receiver.messages.has(key)),
    20_000,
  )
  findings.equal('the hub ended', world.hub.running ? 0 : 1, 0)
  findings.none('sockets that such a frame did not end', tally.unending)
  findings.none('attacked sessions that did not come back', tally.notBack)
  findings.none(
    'bystanders that had to dial again',
    bystanders
      .filter(({ number }) => dialsOf(number) !== dialsBefore.get(number))
      .map(({ session }) => session),
  )
  findings.none(
    "bystanders' messages that the CRM did not get",
    arrived === true ? [] : written.filter((key) => !world.receiver.messages.has(key)),
  )
  findings.none(
    'failures that nobody handled',
    world.hub.log
      .filter(({ level, msg }) => level === 'fatal' || /nobody handled|cannot be projected|stopped/.test(msg))
      .map(({ msg, error }) => `${msg} ${JSON.stringify(error)}`),
  )
  findings.none(
    'answers of 500',
    world.api.breakages.map(({ call, status, code }) => `${call} ${status} ${code}`),
  )
  findings.equal('exit code, asked to stop at last', (await world.hub.stop()) ?? -1, 0)
  findings.speed(
    atMost('unreadable frame → socket ended, p99', percentile(tally.endsMs, 0.99), endsWithinMs, 'ms'),
  )
  findings.speed(measured('frames', tally.frames))
  findings.speed(measured('of them ended a socket', tally.redials))
  findings.speed(measured("bystanders' messages meanwhile", written.length))
  return findings.report('T15 garbage')
}

interface Tally {
  frames: number
  /** How long sockets took to end after a frame that nobody can read. */
  endsMs: number[]
  redials: number
  unending: string[]
  notBack: string[]
}

interface Attack {
  fatalEach: number
  /** Frames before each that ends the connection. */
  each: number
  tally: Tally
  random: Random
}

async function attack(
  world: World,
  { ref, number }: Victim,
  { fatalEach, each, tally, random }: Attack,
): Promise<void> {
  const { emulator, api } = world
  const stranger = emulator.phone(peerNumber(random.int(100, 160)))
  let known = new Set(emulator.connections())
  if (number === undefined) {
    await api.get(endpoints.createSession, { body: { sessionId: ref, autoConnect: false } })
    await api.get(endpoints.connectSession, { params: { ref } })
  }
  // A frame may end its connection before it was meant to: then there are more rounds, so that all frames are sent.
  const all = each * fatalEach
  let sent = 0
  for (let round = 0; round < fatalEach || (sent < all && round < 3 * fatalEach); round += 1) {
    const connection = await present(world, ref, number, known)
    if (connection === undefined) {
      tally.notBack.push(`${ref} in round ${round}`)
      return
    }
    for (let left = each; left > 0 && connection.dial.endedAt === undefined; left -= 1) {
      tally.frames += 1
      sent += 1
      if (number !== undefined && random.chance(0.3)) {
        const plaintext = random.chance(0.2) ? hostilePlaintext(random) : undefined
        stranger.sends(number, hostileContent(random), plaintext === undefined ? {} : { plaintext })
      } else connection.act({ do: 'stanza', stanza: nodeOf(random) })
      if (left % 20 === 0) await pause(1)
    }
    // What came before may have ended it already, which is as well.
    if (connection.dial.endedAt === undefined) {
      const action = fatalFrame(random)
      tally.frames += 1
      const began = performance.now()
      connection.act(action)
      const ended = await eventually(async () => connection.dial.endedAt !== undefined, 2 * endsWithinMs, 5)
      if (ended === true) tally.endsMs.push(performance.now() - began)
      else {
        // Not everything is seen to be wrong: what parses as a node nobody listens to is passed over.
        if (action.do === 'garbage') tally.unending.push(`${ref}: ${JSON.stringify(action)}`)
        connection.act({ do: 'reset' })
      }
    }
    tally.redials += 1
    known = new Set(emulator.connections())
  }
  if ((await present(world, ref, number, known)) === undefined) tally.notBack.push(`${ref} at last`)
}

/** The connection of a victim, once it is back; a person presses connect now and then, as they would. */
async function present(
  world: World,
  ref: string,
  number: string | undefined,
  known: ReadonlySet<ConnectionControl>,
): Promise<ConnectionControl | undefined> {
  const { emulator, api } = world
  const user = number === undefined ? undefined : `${number.slice(1)}:`
  let asked = performance.now()
  return eventually(async () => {
    if (performance.now() - asked > 1_000) {
      asked = performance.now()
      await api.ask(endpoints.connectSession, { params: { ref } })
    }
    return emulator
      .connections()
      .find((one) =>
        user === undefined
          ? one.dial.stage === 'registering' && !known.has(one)
          : one.dial.stage === 'open' && one.dial.device?.startsWith(user) === true,
      )
  }, backWithinMs)
}

/** Somebody writes to those who have nothing to do with it, all the while; answers what the CRM has to get. */
async function chat(
  { emulator }: World,
  bystanders: readonly { session: string; number: string }[],
  signal: AbortSignal,
): Promise<string[]> {
  const written: string[] = []
  const friend = emulator.phone(peerNumber(200))
  for (let index = 0; !signal.aborted; index += 1) {
    const { session, number } = bystanders[index % bystanders.length] as { session: string; number: string } // in bounds
    written.push(keyOf(session, friend.sends(number, `still here ${index}`).id))
    await pause(tellEveryMs)
  }
  return written
}

import type { Inbound, People } from './inbound.ts'
import type { Outbound } from './outbound.ts'
import type { Random } from './random.ts'
import { pause, type World } from './world.ts'

/** When the hub is killed. */
interface Moment {
  /** Whether it has to be online for it, or has to be starting. */
  hub: 'online' | 'starting'
  /** Which traffic there has to be for it to come. */
  needs?: 'inbound' | 'outbound'
  /** Resolves when it has come, or does not come: then this moment is as good as any. */
  comes: () => Promise<void>
  /** How often in a row it is killed then; once when not given. */
  times?: number
  /** It is asked to stop, as by a deployment, instead of killed. */
  asked?: true
}

export interface OutagesOptions {
  world: World
  people: People
  inbound: Inbound
  outbound: Outbound
  random: Random
  /** The linked accounts. */
  numbers: readonly string[]
  kills: number
  progress: (done: number) => void
}

/** What became of the outages. */
export interface Outages {
  /** From starting a killed hub to all its sessions online, ms. */
  readonly recoveriesMs: readonly number[]
  /** From starting it to its first answer, ms. */
  readonly startsMs: readonly number[]
  readonly killed: ReadonlyMap<string, number>
  /** How it ended when it was asked to, and did not end well. */
  readonly badStops: readonly string[]
}

/** Of what is sent while nobody is there; the issue wants a tenth at least. */
const awayShare = 0.15
/** How long a cycle waits for its traffic to be half done before the hub is killed, ms. */
const trafficMs = 6000
/** A moment that does not come is as good as any, after so long, ms. */
const momentMs = { online: 1500, starting: 6000 }
/** A start that takes longer will not come to anything, ms. */
const recoverMs = 60_000

/** Kills the hub again and again, with traffic going on all the while, and leaves it online. */
export async function outages({
  world,
  people,
  inbound,
  outbound,
  random,
  numbers,
  kills,
  progress,
}: OutagesOptions): Promise<Outages> {
  const { hub, emulator, receiver } = world
  const { truth } = emulator
  const recoveriesMs: number[] = []
  const startsMs: number[] = []
  const killed = new Map<string, number>()
  const badStops: string[] = []
  const share = { inbound: Math.ceil(inbound.left / kills), outbound: Math.ceil(outbound.left / kills) }
  const budget = { online: 0, away: 0 }

  const happens = async (test: () => boolean, timeoutMs: number): Promise<void> => {
    await truth.until(test, { timeoutMs }).catch(() => {})
  }
  const moments: Record<string, Moment> = {
    'in traffic': { hub: 'online', comes: () => pause(random.int(0, 400)) },
    'asked to stop': { hub: 'online', asked: true, comes: () => pause(random.int(0, 400)) },
    /** The hub has just told WhatsApp that it has a message. */
    'after a receipt': {
      hub: 'online',
      needs: 'inbound',
      comes() {
        const at = truth.receipts.total + random.int(1, 30)
        return happens(() => truth.receipts.total >= at, momentMs.online)
      },
    },
    /** The CRM has the message, and the hub does not know. */
    'in a webhook': {
      hub: 'online',
      comes: async () => void (await receiver.nextCall(random.int(1, 30), momentMs.online)),
    },
    /** WhatsApp has just got a message, and the hub has not read its ack. */
    'before an ack': {
      hub: 'online',
      needs: 'outbound',
      comes() {
        const at = truth.sent.total + random.int(1, 30)
        return happens(() => truth.sent.total >= at, momentMs.online)
      },
    },
    'in a call': {
      hub: 'online',
      needs: 'outbound',
      async comes() {
        await outbound.nextCall(random.int(1, 30), momentMs.online)
        await pause(random.int(0, 8))
      },
    },
    /** While it takes what waited for it at WhatsApp. */
    'catching up': {
      hub: 'starting',
      needs: 'inbound',
      comes() {
        const burst = Math.min(inbound.left, random.int(1, Math.max(2, share.inbound)))
        budget.online -= burst
        inbound.write(burst, true)
        const at = truth.receipts.total + random.int(1, burst)
        hub.spawn()
        return happens(() => truth.receipts.total >= at, momentMs.starting)
      },
    },
    'in a start': {
      hub: 'starting',
      comes() {
        hub.spawn()
        return pause(random.int(0, 2500))
      },
    },
    /** A process that dies of something as soon as it works: it gets nowhere, and may give nothing up. */
    'again and again': {
      hub: 'starting',
      needs: 'outbound',
      times: 7,
      comes() {
        const at = truth.sent.total + 1
        hub.spawn()
        return happens(() => truth.sent.total >= at, momentMs.starting)
      },
    },
    /** WhatsApp has just let it in. */
    'at login': {
      hub: 'starting',
      comes() {
        const before = truth.dials.total
        hub.spawn()
        return happens(
          () => truth.dials.find(({ number, stage }) => number > before && isIn(stage)) !== undefined,
          momentMs.starting,
        )
      },
    },
  }
  const possible = Object.entries(moments).filter(
    ([, { needs }]) => needs === undefined || (needs === 'inbound' ? inbound.left : outbound.left) > 0,
  )

  async function recover(): Promise<void> {
    const began = performance.now()
    await hub.start()
    startsMs.push(performance.now() - began)
    if (await world.online(numbers, recoverMs)) recoveriesMs.push(performance.now() - began)
    else throw new Error(`The sessions did not come online within ${recoverMs} ms of a start.`)
  }

  /** Waits until half of what this cycle may send is under way, so that the kill hits the middle of it. */
  async function midst(): Promise<void> {
    const until = performance.now() + trafficMs
    const half = (): boolean =>
      budget.online <= (share.inbound * (1 - awayShare)) / 2 && outbound.waiting <= share.outbound / 2
    while (!half() && performance.now() < until) await pause(10)
  }

  const traffic = new AbortController()
  const writing = writeOn()
  /** People write on, whether the hub is there or not. */
  async function writeOn(): Promise<void> {
    const own = random.fork('writing')
    while (!traffic.signal.aborted && inbound.left > 0) {
      const away = emulator.online().length < numbers.length
      const kind = away ? 'away' : 'online'
      const count = Math.min(budget[kind], own.int(1, away ? 3 : 8))
      if (count > 0) {
        budget[kind] -= count
        inbound.write(count, away)
      }
      await pause(own.int(1, 25))
    }
  }

  const slowing = slowDown()
  /**
   * WhatsApp takes its time to say that it has a message, and people are out of reach now and then, so that no receipt says it either:
   * there is always something that the hub does not know.
   */
  async function slowDown(): Promise<void> {
    const own = random.fork('slowing')
    const accounts = numbers.map((number) => emulator.account(number))
    while (!traffic.signal.aborted) {
      const rules = accounts.map((account) =>
        account.onMessages(
          own.chance(0.05) ? { kind: 'unacknowledged' } : { kind: 'slow', delayMs: own.int(1, 200) },
          own.int(1, 5),
        ),
      )
      const peer = own.pick(people.peers)
      if (peer.online) peer.goOffline()
      else peer.goOnline()
      await pause(own.int(5, 100))
      for (const rule of rules) rule[Symbol.dispose]()
    }
    for (const peer of people.peers) if (!peer.online) peer.goOnline()
  }

  try {
    for (let done = 0, turn = 0; done < kills; turn += 1) {
      progress(done)
      // Each moment once, then those of a single kill as they come.
      const [name, moment] =
        possible[turn] ?? random.pick(possible.filter(([, { times = 1 }]) => times === 1))
      budget.online += Math.floor(share.inbound * (1 - awayShare))
      budget.away += Math.ceil(share.inbound * awayShare)
      outbound.allow(share.outbound)
      if (moment.hub === 'starting') await hub.kill()
      else {
        if (!hub.running || !(await world.online(numbers, 0))) await recover()
        await midst()
      }
      for (let times = Math.min(moment.times ?? 1, kills - done); times > 0; times -= 1) {
        await moment.comes()
        if (moment.asked === true) {
          const exitCode = await hub.stop()
          if (exitCode !== 0) badStops.push(`exit code ${exitCode} ${String(hub.ending)}`)
        } else await hub.kill()
        done += 1
        killed.set(name, (killed.get(name) ?? 0) + 1)
      }
      await pause(random.int(0, 150))
    }
    await recover()
  } finally {
    traffic.abort()
    await Promise.all([writing, slowing])
  }
  return { recoveriesMs, startsMs, killed, badStops }
}

const isIn = (stage: string): boolean => stage === 'login' || stage === 'open'

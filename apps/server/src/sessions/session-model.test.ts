import { sessionReasons, statusOfState } from '@inbox-hub/contract'
import { type DisconnectCause, factsOf, type Jid, reasonNames } from '@inbox-hub/whatsapp'
import fc from 'fast-check'
import { expect, test } from 'vitest'

import { decide } from './session-decision.ts'
import type { Effect, SessionEvent } from './session-events.ts'
import { isResting, maySend, newStanding, retryAt, type Standing, stateFacts } from './session-state.ts'

/** Random lives of one session. `SESSION_MODEL_RUNS` sets how many. */
const runs = Number(process.env['SESSION_MODEL_RUNS'] ?? 100_000)

// What WhatsApp, the store and people do is made of bytes: one picks what happens, the next its variant.
const me = { pn: '12025550123:4@s.whatsapp.net' as Jid, lid: undefined }
const reasons = reasonNames()
/** States that some life has been in. */
const visited = new Set<string>()

/** The world around one session: what is open, armed and owed, as a runner would have it. */
class World {
  now = 1_700_000_000_000
  standing: Standing = newStanding(this.now, 'stop')
  /** Sockets that exist, by generation. */
  readonly sockets = new Set<number>()
  readonly closing = new Set<number>()
  dials = 0
  timer: number | undefined
  announcement: number | undefined
  claims = 0
  queued = false
  forgets = 0
  lookUps = 0
  probes = 0
  heldLeases = 0

  happen(event: SessionEvent, jitter = 0.5): void {
    const before = this.standing
    const { standing, effects } = decide(before, event, { now: this.now, jitter, knownGood: [2, 3000, 7] })
    const moves = standing.state.at !== before.state.at
    let from = before.state.at
    let records = 0
    for (const effect of effects) {
      if (effect.do === 'record') {
        // I9: each record is of a change, and together they lead from the state before to the state after.
        if (effect.state.at === from) fail(`I9: recorded ${from} twice`)
        from = effect.state.at
        records += 1
      }
      if (effect.do === 'forget_credentials') this.checkForgetting(event, effect.cause.code)
      this.run(effect)
    }
    if (from !== standing.state.at) fail(`I9: ${before.state.at} became ${standing.state.at} unrecorded`)
    if (moves && records === 0) fail('I9')
    // I2: a callback of an older socket changes nothing.
    if ('generation' in event && event.generation !== before.generation) {
      if (effects.length > 0 || standing !== before) fail('I2')
    }
    // I8: asking to connect never adds a socket to one that is there or on its way.
    if (
      event.type === 'connect' &&
      stateFacts[before.state.at].socket &&
      effects.some((e) => e.do === 'dial')
    )
      fail('I8')
    this.standing = standing
    visited.add(standing.state.at)
    this.check()
  }

  private run(effect: Effect): void {
    switch (effect.do) {
      case 'dial':
        if (this.sockets.size > 0) fail('I1: a second socket')
        if (this.heldLeases !== 1) fail('I1: a socket without the lease')
        this.sockets.add(effect.generation)
        this.dials += 1
        return
      case 'close':
      case 'unlink':
        this.closing.add(effect.generation)
        return
      case 'arm':
        this.timer = effect.at
        return
      case 'disarm':
        this.timer = undefined
        return
      case 'arm_announcement':
        this.announcement = effect.at
        return
      case 'disarm_announcement':
        this.announcement = undefined
        return
      case 'claim':
        this.claims += 1
        if (this.claims > 1 || this.heldLeases > 0) fail('two claims')
        return
      case 'release':
      case 'drop_lease':
        this.heldLeases -= 1
        if (this.heldLeases < 0) fail('a lease given back twice')
        if (effect.do === 'release' && this.sockets.size > 0) fail('released under a socket')
        return
      case 'queue_dial':
        if (this.queued) fail('queued twice')
        this.queued = true
        return
      case 'leave_queue':
        this.queued = false
        return
      case 'forget_credentials':
        if (this.sockets.size > 0) fail('I5: erased under a socket')
        this.forgets += 1
        return
      case 'look_up_version':
        this.lookUps += 1
        return
      case 'probe_store':
        this.probes += 1
        return
      case 'know':
      case 'version_worked':
      case 'record':
      case 'tell':
      case 'note_error':
        return
    }
  }

  /** I5: credentials are erased only after a logout, for half-made ones, or because their owner asked. */
  private checkForgetting(event: SessionEvent, code: keyof typeof sessionReasons): void {
    if (code === 'asked' || this.standing.wish === 'unlink') return
    const reason = reasons.find((name) => name === code)
    if (reason === undefined || factsOf(reason).credentials === 'keep')
      fail(`I5: erased for ${code} by ${event.type}`)
  }

  private check(): void {
    const { state, deadline, socket, generation } = this.standing
    const facts = stateFacts[state.at]
    if (this.timer !== deadline) fail(`the armed timer is not the deadline in ${state.at}`)
    if (this.announcement !== this.standing.announceAt) fail('the armed announcement is not the one expected')
    // I3: a reconnect timer lives in `waiting` alone, and there is one.
    if (state.at === 'waiting' && deadline !== state.until) fail('I3')
    // I4: whatever is on its way has a deadline.
    if (facts.kind === 'moving' && deadline === undefined) fail(`I4: ${state.at} has no deadline`)
    if (facts.kind === 'live' && deadline !== undefined) fail('I4: online has a deadline')
    // I1 once more: what we believe about the socket is so.
    if (this.sockets.size > 1) fail('I1')
    if (socket === 'none' && this.sockets.has(generation)) fail('a socket was forgotten')
    if (socket === 'closing' && !this.closing.has(generation)) fail('nobody closes the socket')
    if (isResting(state) && socket === 'open') fail(`${state.at} with an open socket`)
    // I6: every state has one of the seven words.
    if (statusOfState[state.at] === undefined) fail('I6')
    // I7: sending needs online and the lease.
    if (maySend(this.standing) && (state.at !== 'online' || this.heldLeases !== 1)) fail('I7')
    // I10: whoever ends says why and what to do.
    if (isResting(state) && state.at !== 'never_started') {
      if (!('cause' in state) || sessionReasons[state.cause.code].remedy.en === '') fail('I10')
    }
    if (isResting(state) && retryAt(state) !== undefined && deadline === undefined)
      fail('a promise to retry without a timer')
    if (this.queued !== this.standing.queued) fail('queue')
  }

  /** What an outside party may do now, chosen by two bytes. */
  step(choice: number, variant: number): void {
    const { generation, deadline } = this.standing
    // One callback in eight is of an older socket.
    const told = variant % 8 === 7 ? generation - 1 : generation
    const alive = this.sockets.has(told) || told !== generation
    switch (choice % 32) {
      case 0:
      case 1:
        return this.happen({ type: 'connect' })
      case 2:
        return this.happen({ type: 'restart' })
      case 3:
        return this.happen({ type: 'stop', cause: variant % 2 === 0 ? 'asked' : 'deleted' })
      case 4:
        return this.happen({ type: 'watched' })
      case 5:
        return variant % 4 === 0 ? this.happen({ type: 'unlink' }) : this.happen({ type: 'connect' })
      case 6:
        return variant % 8 === 0 ? this.restartProcess() : undefined
      case 7:
      case 8:
      case 9:
        return this.timerFires(variant)
      case 10:
        this.now += variant * 500
        return undefined
      case 11:
        this.now += variant * 30_000
        return undefined
      case 12:
      case 13:
      case 14:
        return this.claimAnswered(variant % 6 === 0 ? 'denied' : variant % 6 === 1 ? 'failed' : 'granted')
      case 15:
        return variant % 4 === 0 && this.heldLeases > 0 ? this.leaseLost() : undefined
      case 16:
      case 17:
      case 18:
        if (!this.queued) return undefined
        this.queued = false
        return this.happen({ type: 'dial_turn' })
      case 19:
        if (variant % 4 !== 0 || !this.sockets.has(generation)) return undefined
        this.sockets.delete(generation)
        return this.happen({
          type: 'dial_failed',
          generation,
          why: (['store_fault', 'fenced', 'unreadable', 'fault'] as const)[(variant >> 2) % 4]!,
        })
      case 20:
      case 21:
        if (!alive) return undefined
        return this.happen({
          type: 'qr',
          generation: told,
          text: `qr ${variant}`,
          index: 1 + (variant % 6),
          of: 6,
          expiresAt: this.now + 20_000,
        })
      case 22:
        if (!alive) return undefined
        return this.happen({
          type: 'pairing_code',
          generation: told,
          code: 'ABCD1234',
          expiresAt: this.now + 160_000,
        })
      case 23:
        return alive ? this.happen({ type: 'paired', generation: told, me }) : undefined
      case 24:
        return alive ? this.happen({ type: 'logged_in', generation: told }) : undefined
      case 25:
        return alive ? this.happen({ type: 'online', generation: told, me }) : undefined
      case 26:
        return alive ? this.rareTelling(told, variant) : undefined
      case 27:
      case 28:
        return this.ends(told, variant)
      case 29:
        return this.finishClosing()
      case 30:
        return this.settleChores(variant)
      default:
        if (this.announcement !== undefined && deadline !== this.announcement) {
          this.now = Math.max(this.now, this.announcement)
          const at = this.announcement
          this.announcement = undefined
          return this.happen({ type: 'announce_due', at })
        }
        return undefined
    }
  }

  timerFires(variant: number): void {
    if (this.timer === undefined) return
    const at = this.timer
    this.now = Math.max(this.now, at)
    this.timer = undefined
    const slotAt = variant % 4 === 0 ? this.now + 700 : this.now
    this.happen({ type: 'timer', deadline: at, slotAt })
  }

  claimAnswered(outcome: 'granted' | 'denied' | 'failed'): void {
    if (this.claims === 0) return
    this.claims -= 1
    if (outcome === 'granted') this.heldLeases += 1
    this.happen({ type: 'claimed', outcome })
  }

  leaseLost(): void {
    this.happen({ type: 'lease_lost' })
  }

  rareTelling(generation: number, variant: number): void {
    switch (variant % 5) {
      case 0:
        return this.happen({ type: 'passkey_required', generation })
      case 1:
        return this.happen({ type: 'fenced', generation })
      case 2:
        return this.happen({ type: 'store_fault', generation })
      default:
        return this.happen({
          type: 'restricted',
          generation,
          until: this.now + 3_600_000,
          scope: variant % 2 === 0 ? 'account' : 'new_chats',
        })
    }
  }

  ends(generation: number, variant: number): void {
    if (generation === this.standing.generation && !this.sockets.delete(generation)) return
    // Refused versions come in rows, or the end of the ladder would hardly ever be seen.
    const reason = variant >= 200 ? 'client_outdated' : reasons[variant % reasons.length]!
    const cause: DisconnectCause = { origin: 'closed', reason, code: 500, message: 'x' }
    this.happen({ type: 'closed', generation, cause })
  }

  finishClosing(): void {
    for (const generation of this.closing) {
      this.closing.delete(generation)
      this.sockets.delete(generation)
      this.happen({ type: 'link_gone', generation })
    }
  }

  settleChores(variant: number): void {
    if (this.forgets > 0) {
      this.forgets -= 1
      return this.happen({ type: 'credentials_forgotten' })
    }
    if (this.lookUps > 0) {
      this.lookUps -= 1
      return this.happen({
        type: 'version_found',
        version: variant % 2 === 0 ? [2, 3000, variant] : undefined,
      })
    }
    if (this.probes > 0) {
      this.probes -= 1
      this.happen({ type: 'store_answers', ok: variant % 3 > 0 })
    }
  }

  /** kill -9 and a new start: what lived in the process is gone, what was stored is there. */
  restartProcess(): void {
    this.sockets.clear()
    this.closing.clear()
    Object.assign(this, { timer: undefined, announcement: undefined, claims: 0, queued: false })
    Object.assign(this, { forgets: 0, lookUps: 0, probes: 0, heldLeases: 0 })
    this.standing = {
      ...this.standing,
      socket: 'none',
      lease: 'none',
      forgetting: undefined,
      queued: false,
      deadline: undefined,
      slotTaken: false,
      announceAt: undefined,
      version: { ...this.standing.version, lookUp: 'not_yet' },
    }
    this.happen({ type: 'boot' })
  }

  /** One step of a world that means well: WhatsApp answers, the phone scans, the store works. */
  help(): void {
    this.finishClosing()
    this.settleChores(1)
    this.claimAnswered('granted')
    if (this.queued) {
      this.queued = false
      return this.happen({ type: 'dial_turn' })
    }
    const { generation, state, linked } = this.standing
    if (!this.sockets.has(generation)) return this.timerFires(1)
    if (state.at === 'connecting' && linked) this.happen({ type: 'logged_in', generation })
    else if (state.at === 'connecting') {
      const expiresAt = this.now + 60_000
      this.happen({ type: 'qr', generation, text: 'qr', index: 1, of: 6, expiresAt })
    } else if (state.at === 'pairing') this.happen({ type: 'paired', generation, me })
    else if (state.at === 'restarting') this.ends(generation, reasons.indexOf('restart_required'))
    else if (state.at === 'syncing') this.happen({ type: 'online', generation, me })
  }

  /** How many helpful steps lead online. */
  stepsToOnline(): number {
    for (let steps = 0; steps < 200; steps++) {
      if (this.standing.state.at === 'online') return steps
      this.help()
    }
    return fail(`stuck in ${this.standing.state.at}`)
  }
}

/** A life of up to 250 events, every third of them helpful, so that it gets somewhere before it is disturbed. */
const life = fc.uint8Array({ minLength: 20, maxLength: 500, size: 'max' })

function live(bytes: Uint8Array): World {
  const world = new World()
  world.happen({ type: 'connect' })
  for (let i = 0; i + 1 < bytes.length; i += 2) {
    const [choice, variant] = [bytes[i]!, bytes[i + 1]!]
    if (choice >= 160) world.help()
    else world.step(choice, variant)
  }
  return world
}

function fail(what: string): never {
  throw new Error(what)
}

test(`${runs.toLocaleString('en')} random lives of a session keep its invariants`, () => {
  fc.assert(
    fc.property(life, (bytes) => {
      live(bytes)
    }),
    { numRuns: runs },
  )
  // Lives that never see some state would prove nothing about it.
  const unseen = Object.keys(stateFacts).filter((at) => at !== 'never_started' && !visited.has(at))
  expect(runs < 10_000 ? [] : unseen).toEqual([])
}, 120_000)

test('from wherever a life has led, asking to connect leads online when WhatsApp, the store and the phone work', () => {
  fc.assert(
    fc.property(life, (bytes) => {
      const world = live(bytes)
      world.happen({ type: 'connect' })
      expect(world.stepsToOnline()).toBeLessThan(60)
    }),
    { numRuns: Math.ceil(runs / 10) },
  )
}, 60_000)

import { describeReason, statusOfState } from '@inbox-hub/contract'
import type { DisconnectCause } from '@inbox-hub/whatsapp'

import { type Cluster, Fenced, type Lease } from '../cluster/index.ts'
import type { Clock } from '../platform/clock.ts'
import { type Database, StoreFault } from '../platform/database/index.ts'
import type { Log } from '../platform/log.ts'
import { SealBroken } from '../platform/secrets/index.ts'
import type { DialStep, Engine, Link, LinkEvent } from './baileys/index.ts'
import type { ClientVersions } from './client-version.ts'
import type { DialPacer } from './dial-pacer.ts'
import { causeOfSilence } from './diagnosis.ts'
import { decide } from './session-decision.ts'
import type { Effect, SessionEvent } from './session-events.ts'
import {
  type Cause,
  causeIn,
  isResting,
  maySend,
  type Me,
  retryAt,
  type SessionState,
  type Standing,
  type WebVersion,
} from './session-state.ts'
import { type SessionRecord, storedStanding } from './session-store.ts'
import type { Happening, Mirror, Timeline, TimelineDetail } from './timeline.ts'

export interface ActorDeps {
  engine: Pick<Engine, 'dial' | 'forget'>
  cluster: Pick<Cluster, 'claim' | 'release'>
  database: Pick<Database, 'probe'>
  timeline: Pick<Timeline, 'add'>
  pacer: DialPacer
  versions: ClientVersions
  clock: Clock
  log: Log
  random: () => number
  /** After each move to another state. */
  onMove: (actor: SessionActor, from: SessionState) => void
  /** A phone was linked, or its number became known. */
  onKnown: (actor: SessionActor) => void
}

/** One socket of the session, from the dial on. */
interface Dialling {
  readonly generation: number
  /** Undefined when the dial failed. */
  readonly link: Promise<Link | undefined>
  opened: Link | undefined
  readonly steps: DialStep[]
}

interface Waiter {
  check: () => boolean
}

/**
 * Runs one session: takes what happens in turn, has `decide` say what becomes of it, and does what follows. Nothing it does is waited
 * for: each answer is one more thing that happens. Readers see `record`, which is always up to date; the store follows.
 */
export class SessionActor {
  readonly record: SessionRecord
  readonly #deps: ActorDeps
  readonly #inbox: SessionEvent[] = []
  #busy = false
  #retired = false
  #lease: Lease | undefined
  #dialling: Dialling | undefined
  #place: Disposable | undefined
  /** Whether the place is that of the login after a scan. */
  #loginIsFirst = false
  #timer: Disposable | undefined
  #announcement: Disposable | undefined
  #waiters: Waiter[] = []
  #happenings: Happening[] = []
  #mirror: Mirror = {}
  /** The stored standing is behind. */
  #stateMoved = false

  constructor(record: SessionRecord, deps: ActorDeps) {
    this.record = record
    this.#deps = deps
  }

  get standing(): Standing {
    return this.record.standing
  }

  /** The live connection, while messages may go out on it. */
  get link(): Link | undefined {
    const dialling = this.#dialling
    return maySend(this.standing) && dialling?.generation === this.standing.generation
      ? dialling.opened
      : undefined
  }

  /** The newest socket, online or not; undefined when there is none. */
  async socket(): Promise<Link | undefined> {
    const { socket, generation } = this.standing
    return socket === 'open' && this.#dialling?.generation === generation ? this.#dialling.link : undefined
  }

  /** Takes an event in its turn; what it leads to has happened when this returns, as far as it needs nobody's answer. */
  post(event: SessionEvent): void {
    if (this.#retired) return
    this.#inbox.push(event)
    if (this.#busy) return
    this.#busy = true
    try {
      for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) this.#take(next)
    } finally {
      this.#busy = false
    }
    this.#write()
    this.#wakeWaiters()
  }

  /**
   * Waits until `check` answers something, at most `maxMs`; asked now and after everything that happens. Undefined when it did not by
   * then, or when `signal` was aborted.
   */
  until<T>(
    check: (standing: Standing) => T | undefined,
    maxMs: number,
    signal?: AbortSignal,
  ): Promise<T | undefined> {
    const now = check(this.standing)
    if (now !== undefined || maxMs <= 0 || signal?.aborted === true) return Promise.resolve(now)
    return new Promise((resolve) => {
      const waiter: Waiter = {
        check: () => {
          const answer = check(this.standing)
          if (answer !== undefined) settle(answer)
          return answer !== undefined
        },
      }
      const timer = this.#deps.clock.after(maxMs, giveUp)
      const settle = (answer: T | undefined): void => {
        timer[Symbol.dispose]()
        signal?.removeEventListener('abort', giveUp)
        resolve(answer)
      }
      const waiters = () => this.#waiters
      const keep = (left: Waiter[]) => (this.#waiters = left)
      function giveUp(): void {
        keep(waiters().filter((other) => other !== waiter))
        settle(undefined)
      }
      signal?.addEventListener('abort', giveUp)
      this.#waiters.push(waiter)
    })
  }

  /** Ends the runner: whatever still answers is not heard. */
  retire(): void {
    this.#retired = true
    this.#leavePlace()
    this.#timer?.[Symbol.dispose]()
    this.#announcement?.[Symbol.dispose]()
  }

  /** A note for the timeline that changes nothing. */
  note(kind: string, detail: TimelineDetail): void {
    this.#happened(kind, detail)
    this.#write()
  }

  #take(event: SessionEvent): void {
    const { clock, random, versions } = this.#deps
    const before = this.standing
    const { standing, effects } = decide(before, event, {
      now: clock.now(),
      jitter: random(),
      knownGood: versions.knownGood,
    })
    this.record.standing = standing
    if (standing.wish !== before.wish) this.#mirror.wish = standing.wish
    // The dial got somewhere, or its turn comes too late: the next may go.
    if (this.#holdsPlace(before.state.at) && !this.#holdsPlace(standing.state.at)) this.#leavePlace()
    if (event.type === 'dial_turn' && standing.generation === before.generation) this.#leavePlace()
    for (const effect of effects) this.#run(effect, before)
    if (before.state.at !== standing.state.at) this.#deps.onMove(this, before.state)
  }

  #run(effect: Effect, before: Standing): void {
    const { clock, cluster, pacer, versions, database } = this.#deps
    switch (effect.do) {
      case 'claim':
        // A thousand connects at once are answered before their claims.
        return pacer.soon(() => this.#claim())
      case 'release': {
        const lease = this.#lease
        this.#lease = undefined
        if (lease !== undefined)
          cluster
            .release(lease)
            .catch((error: unknown) => this.#log('lease not given back; it runs out by itself', error))
        return
      }
      case 'drop_lease':
        this.#lease = undefined
        return
      case 'queue_dial':
        // Right after the phone accepted.
        this.#loginIsFirst = before.state.at === 'restarting'
        this.#place = this.#loginIsFirst
          ? pacer.enterFirstLogin(() => this.post({ type: 'dial_turn' }))
          : pacer.enter(() => this.post({ type: 'dial_turn' }))
        return
      case 'leave_queue':
        return this.#leavePlace()
      case 'dial':
        return this.#dial(effect.generation, effect.version)
      case 'close':
        return this.#end(effect.generation, (link) => link.close())
      case 'unlink':
        return this.#end(effect.generation, (link) => link.logout())
      case 'arm': {
        const { at } = effect
        this.#timer?.[Symbol.dispose]()
        this.#timer = clock.after(Math.max(0, at - clock.now()), () => this.#deadline(at))
        return
      }
      case 'disarm':
        this.#timer?.[Symbol.dispose]()
        this.#timer = undefined
        return
      case 'arm_announcement': {
        const { at } = effect
        this.#announcement?.[Symbol.dispose]()
        this.#announcement = clock.after(Math.max(0, at - clock.now()), () =>
          this.post({ type: 'announce_due', at }),
        )
        return
      }
      case 'disarm_announcement':
        this.#announcement?.[Symbol.dispose]()
        this.#announcement = undefined
        return
      case 'forget_credentials':
        return this.#forget(effect.cause)
      case 'know':
        return this.#know(effect.me)
      case 'look_up_version': {
        const startedAt = clock.monotonic()
        versions.lookUp().then(
          (version) => {
            const tookMs = Math.round(clock.monotonic() - startedAt)
            this.note('version_look_up', { found: version?.join('.') ?? null, tookMs })
            this.post({ type: 'version_found', version })
          },
          // lookUp() answers undefined when it fails: what it throws is a bug, and must not leave the session waiting.
          (error: unknown) => {
            this.#log('version look-up failed', error)
            this.post({ type: 'version_found', version: undefined })
          },
        )
        return
      }
      case 'version_worked':
        return versions.worked(effect.version)
      case 'probe_store':
        database.probe().then(
          () => this.post({ type: 'store_answers', ok: true }),
          () => this.post({ type: 'store_answers', ok: false }),
        )
        return
      case 'record':
        return this.#recordState(effect.state)
      case 'tell':
        return this.#tell(effect)
      case 'note_error': {
        const at = clock.now()
        this.record.lastError = { ...effect.cause, at }
        this.#mirror.lastError = JSON.stringify(this.record.lastError)
        return
      }
    }
  }

  // -- lease

  #claim(): void {
    const { cluster } = this.#deps
    cluster.claim(this.record.id).then(
      (lease) => {
        this.#lease = lease
        lease?.lost.addEventListener('abort', () => {
          // One that we gave back ourselves is lost to nobody.
          if (this.#lease === lease) this.post({ type: 'lease_lost' })
        })
        this.post({ type: 'claimed', outcome: lease === undefined ? 'denied' : 'granted' })
      },
      (error: unknown) => {
        this.#log('lease not claimed', error)
        this.post({ type: 'claimed', outcome: 'failed' })
      },
    )
  }

  // -- sockets

  #dial(generation: number, version: WebVersion | undefined): void {
    const { engine, clock } = this.#deps
    const lease = this.#lease
    const { id, settings } = this.record
    const steps: DialStep[] = []
    this.#happened('dial', {
      version: version?.join('.') ?? null,
      proxy: settings.proxy === undefined ? null : hostOf(settings.proxy),
      linked: this.standing.linked,
    })
    if (lease === undefined) {
      // decide() dials with the lease held only; should that ever break, the session says so instead of hanging.
      this.post({ type: 'dial_failed', generation, why: 'fault' })
      return
    }
    const dialled = engine.dial({
      sessionId: id,
      generation,
      lease,
      pairing: { method: 'qr' },
      version: version === undefined ? undefined : [...version],
      proxy: settings.proxy,
      fullHistory: settings.history.mode === 'full',
      onEvent: (event) => this.#hear(generation, steps, event),
    })
    const link = dialled.then(
      (opened) => {
        dialling.opened = opened
        this.#wakeWaiters()
        return opened
      },
      (error: unknown) => {
        const why =
          error instanceof StoreFault
            ? 'store_fault'
            : error instanceof Fenced
              ? 'fenced'
              : error instanceof SealBroken
                ? 'unreadable'
                : 'fault'
        this.#log('dial failed', error)
        this.#heard('end', { origin: 'local', reason: why, code: 0, message: '' }, generation, clock.now())
        this.post({ type: 'dial_failed', generation, why })
        return undefined
      },
    )
    const dialling: Dialling = { generation, link, opened: undefined, steps }
    this.#dialling = dialling
  }

  #hear(generation: number, steps: DialStep[], event: LinkEvent): void {
    const { clock } = this.#deps
    switch (event.type) {
      case 'step':
        steps.push(event.step)
        return this.#heard(event.step.step, event.step.detail, generation, event.step.at)
      case 'qr':
        return this.post({ ...event, generation })
      case 'pairing_code':
        return this.post({ ...event, generation })
      case 'pairing_code_refused':
        return this.#heard('pairing_code_refused', { status: event.status }, generation, clock.now())
      case 'paired':
        return this.post({ type: 'paired', generation, me: event.me })
      case 'online':
        return this.post({ type: 'online', generation, me: event.me })
      case 'renamed': {
        const { me } = this.record
        if (me === undefined || me.name === event.name) return
        this.#know({ ...me, name: event.name })
        return this.#write()
      }
      case 'logged_in':
      case 'passkey_required':
      case 'fenced':
        return this.post({ type: event.type, generation })
      case 'store_fault':
        this.#log('the store did not take what WhatsApp sent; the connection was cut', event.error)
        return this.post({ type: 'store_fault', generation })
      case 'restricted':
        this.#heard('restricted', { until: event.until, scope: event.scope }, generation, clock.now())
        return this.post({ ...event, generation })
      case 'closed': {
        const { origin, reason, code, message, details } = event.cause
        this.#heard('end', { origin, reason, code, message, ...details }, generation, clock.now())
        return this.post({ type: 'closed', generation, cause: event.cause })
      }
    }
  }

  /** Closes a socket, or has the device unlinked first, and tells when it is gone. */
  #end(generation: number, how: (link: Link) => Promise<void>): void {
    const dialling = this.#dialling
    const gone = (): void => this.post({ type: 'link_gone', generation })
    if (dialling?.generation !== generation) return gone()
    dialling.link
      .then((link) => (link === undefined ? undefined : how(link)))
      .catch((error: unknown) => {
        this.#log('socket not closed cleanly', error)
        // A logout that failed still has to end the socket.
        return dialling.opened?.close()
      })
      .then(gone, (error: unknown) => {
        this.#log('socket not closed', error)
        gone()
      })
  }

  // -- time

  #deadline(deadline: number): void {
    const { pacer, clock } = this.#deps
    this.#timer = undefined
    const { state, slotTaken } = this.standing
    if (state.at === 'waiting' && !slotTaken)
      return this.post({ type: 'timer', deadline, slotAt: pacer.slot(clock.now()) })
    return this.post({ type: 'timer', deadline, silence: this.#silence() })
  }

  /** What a dial that said nothing for too long looks like. */
  #silence(): DisconnectCause {
    const dialling = this.#dialling
    return causeOfSilence(dialling?.generation === this.standing.generation ? dialling.steps : [])
  }

  // -- what is kept

  #forget(cause: Cause): void {
    const { engine } = this.#deps
    const lease = this.#lease
    this.record.me = undefined
    this.#mirror.me = { pn: null, lid: null, pushName: null }
    const forgotten = (): void => this.post({ type: 'credentials_forgotten' })
    if (lease === undefined) return forgotten()
    engine
      .forget(lease, cause.code)
      // Credentials that stay are refused by WhatsApp at the next login, and then forgotten.
      .catch((error: unknown) => this.#log('credentials not erased', error))
      .then(forgotten, forgotten)
  }

  #know({ pn, lid, name }: Me): void {
    const known = this.record.me
    this.record.me = { pn, lid: lid ?? known?.lid, name: name ?? known?.name }
    this.#mirror.me = { pn, lid: this.record.me.lid ?? null, pushName: this.record.me.name ?? null }
    this.#deps.onKnown(this)
  }

  #recordState(state: SessionState): void {
    const { clock, log } = this.#deps
    const at = clock.now()
    const cause = causeIn(state)
    const retry = retryAt(state)
    const told = cause === undefined ? null : describeReason(cause.code, 'en')
    this.#happenings.push({
      at,
      generation: this.standing.generation,
      kind: 'state',
      detail: {
        state: state.at,
        ...(cause === undefined ? {} : { reason: cause.code, ...cause.details }),
        ...(retry === undefined ? {} : { retryAt: retry }),
      },
      event: {
        type: 'session.state',
        data: {
          status: statusOfState[state.at],
          state: state.at,
          reason:
            told === null || retry === undefined ? told : { ...told, retryAt: new Date(retry).toISOString() },
          timestamp: at,
        },
      },
    })
    this.record.updatedAt = at
    // On its way without the lease, the session may be another node's, and the row is that node's to write.
    if (this.standing.lease === 'held' || isResting(state)) this.#stateMoved = true
    log.info(
      {
        sessionId: this.record.id,
        state: state.at,
        generation: this.standing.generation,
        reason: cause?.code,
      },
      'session moved',
    )
  }

  #tell(effect: Extract<Effect, { do: 'tell' }>): void {
    const at = this.#deps.clock.now()
    const generation = this.standing.generation
    const phoneNumber = phoneNumberOf(this.record.me) ?? null
    switch (effect.what) {
      case 'connected':
        this.#happenings.push({
          at,
          generation,
          kind: 'told',
          detail: { event: 'session.connected' },
          event: {
            type: 'session.connected',
            data: { status: 'connected', isConnected: true, phoneNumber, timestamp: at },
          },
        })
        return
      case 'disconnected':
        this.#happenings.push({
          at,
          generation,
          kind: 'told',
          detail: { event: 'session.disconnected', reason: effect.cause.code },
          event: {
            type: 'session.disconnected',
            data: {
              status: 'disconnected',
              isConnected: false,
              reason: effect.cause.code,
              phoneNumber,
              timestamp: at,
            },
          },
        })
        return
      case 'qr': {
        const { index, of, expiresAt } = effect.qr
        this.#happenings.push({
          at,
          generation,
          kind: 'qr',
          detail: { index, of, expiresAt },
          event: { type: 'session.qr', data: { status: 'qr_code', index, expiresAt, timestamp: at } },
        })
      }
    }
  }

  #happened(kind: string, detail: TimelineDetail): void {
    this.#happenings.push({ at: this.#deps.clock.now(), generation: this.standing.generation, kind, detail })
  }

  /** What a socket said, also one that is no longer the session's. */
  #heard(kind: string, detail: TimelineDetail, generation: number, at: number): void {
    this.#happenings.push({ at, generation, kind, detail })
    if (!this.#busy) this.#write()
  }

  #write(): void {
    if (this.#happenings.length === 0 && Object.keys(this.#mirror).length === 0) return
    if (this.#stateMoved) this.#mirror.state = storedStanding(this.standing)
    this.#deps.timeline.add(this.record.id, this.#happenings, this.#mirror)
    this.#happenings = []
    this.#mirror = {}
    this.#stateMoved = false
  }

  #wakeWaiters(): void {
    if (this.#waiters.length > 0) this.#waiters = this.#waiters.filter((waiter) => !waiter.check())
  }

  /** A first login holds its place until it is online, every other dial until its QR or login. */
  #holdsPlace(at: SessionState['at']): boolean {
    return at === 'connecting' || (at === 'syncing' && this.#loginIsFirst)
  }

  #leavePlace(): void {
    this.#place?.[Symbol.dispose]()
    this.#place = undefined
  }

  #log(message: string, error: unknown): void {
    this.#deps.log.warn({ error, sessionId: this.record.id, generation: this.standing.generation }, message)
  }
}

/** Digits, once a phone is linked. */
export function phoneNumberOf(me: Me | undefined): string | undefined {
  return me === undefined ? undefined : /^\d+/.exec(me.pn)?.[0]
}

function hostOf(url: string): string {
  return URL.parse(url)?.host ?? ''
}

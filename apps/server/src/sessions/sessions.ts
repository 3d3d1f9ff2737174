import { HubError, type SessionReason, type SessionStatus } from '@inbox-hub/contract'
import type { Registry } from 'prom-client'

import type { Cluster } from '../cluster/index.ts'
import type { Events } from '../events/index.ts'
import type { Clock } from '../platform/clock.ts'
import type { Database, Tx } from '../platform/database/index.ts'
import type { GuardedFetch } from '../platform/guarded-fetch/index.ts'
import { keepHouse, type Turn } from '../platform/housekeeping.ts'
import type { Log } from '../platform/log.ts'
import type { ProbeResult } from '../platform/probes.ts'
import type { Sealer, Secrets } from '../platform/secrets/index.ts'
import type { Engine, Link } from './baileys/index.ts'
import { Activity } from './activity.ts'
import { type ClientVersions, createClientVersions } from './client-version.ts'
import { createDialPacer, type Pacing, usualPacing } from './dial-pacer.ts'
import { diagnose, type DialRecord, dialsIn } from './diagnosis.ts'
import { createHistory } from './history.ts'
import type { HistoryProgress } from './history-progress.ts'
import type { SessionView, Sessions } from './index.ts'
import { renderQr } from './qr/index.ts'
import { type ActorDeps, phoneNumberOf, SessionActor } from './session-actor.ts'
import { countSessions } from './session-metrics.ts'
import { nameKey, type RefOrder, SessionRegistry } from './session-registry.ts'
import { isResting, type SessionState, type ShownQr, type Standing } from './session-state.ts'
import {
  createSessionStore,
  type HistorySettings,
  type SessionRecord,
  type SessionSettings,
} from './session-store.ts'
import { createTimeline, type TimelineRow } from './timeline.ts'

export interface SessionsDeps {
  database: Database
  events: Pick<Events, 'append'>
  cluster: Cluster
  secrets: Secrets
  clock: Clock
  log: Log
  /** Makes the door to Baileys; `sealerOf` seals what belongs to one session. */
  createEngine: (sealerOf: (sessionId: number) => Sealer) => Engine | Promise<Engine>
  /** For the version of WhatsApp Web; undefined on a private WhatsApp server. */
  fetchPage: GuardedFetch['fetchBytes'] | undefined
  /** Looks at the way to WhatsApp, through the session's proxy where it has one. */
  probe: (proxy: string | undefined, signal: AbortSignal) => Promise<readonly ProbeResult[]>
  metrics: Registry
  /** The server's own Frappe receiver: a session whose webhook is on its host sends to Frappe. */
  frappeUrl: string | undefined
  pacing?: Pacing
  random?: () => number
}

/** What a client may give when it creates a session; what it leaves out stays as it is on a session that is revived. */
export interface NewSession {
  sessionId: string
  name: string | undefined
  proxy: string | undefined
  webhookUrl: string | undefined
  webhookSecret: string | undefined
  webhookEvents: readonly string[] | undefined
  webhookPreset: 'legacy' | 'standard' | undefined
  fromFrappe: boolean
  autoConnect: boolean
  history?: HistorySettings['mode'] | undefined
  historyDays?: number | undefined
}

/** What creating came to, and the session of that name. */
export interface CreateOutcome {
  is: 'created' | 'revived' | 'exists'
  record: Readonly<SessionRecord>
}

/** What asking for a QR came to. */
export type QrOutcome = { is: 'shown'; qr: ShownQr } | { is: 'connected' } | { is: 'not_ready' }

export interface Diagnosis {
  findings: readonly SessionReason[]
  dials: readonly DialRecord[]
  probes: readonly ProbeResult[]
}

/** Everything that can be asked of sessions: what other modules read, and what routes and the CLI do. */
export interface SessionLifecycle extends Sessions {
  /** Dials the sessions that are to run. Call it once, when everybody listens. */
  start(): void
  /** How many sessions have each status, tombstones left out. */
  counts(): Record<SessionStatus, number>
  /** The session as it is now: the live mirror, not a copy. Throws `SESSION_NOT_FOUND`. */
  record(ownerId: number, ref: string, order: RefOrder): Readonly<SessionRecord>
  records(ownerId: number): readonly Readonly<SessionRecord>[]
  /** How far the history of a session has come; undefined while the phone has told none. */
  historyProgress(id: number): HistoryProgress | undefined
  /** A tombstone of that name is revived; a living session of that name is left as it is. */
  create(ownerId: number, wanted: NewSession): Promise<CreateOutcome>
  /** Wishes the session connected; a tombstone comes back. Resolves when the wish is durable, whatever WhatsApp does. */
  connect(ownerId: number, ref: string): Promise<Readonly<SessionRecord>>
  restart(id: number): Promise<void>
  /** Wishes it disconnected; `logout` also takes the device off the phone. */
  disconnect(id: number, options: { logout: boolean }): Promise<void>
  /** Makes a tombstone: gone from lists, kept 30 days. */
  remove(id: number): Promise<void>
  /** Waits for a QR, at most `waitMs`; starts a session that was never started. Answers at once when none is going to come. */
  awaitQr(id: number, waitMs: number, signal: AbortSignal): Promise<QrOutcome>
  /** Somebody watches for the QR: rounds of codes go on. */
  watched(id: number): void
  /** The proxy that everything of this session goes through; undefined when it has none, or is unknown. */
  proxyOf(id: number): string | undefined
  /** Throws `PAIRING_CODE_REFUSED`; undefined when the session did not come to pairing within `waitMs`. */
  requestPairingCode(
    id: number,
    phone: string,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<{ code: string; expiresAt: number } | undefined>
  /** Stores changed settings; a changed proxy dials anew. */
  change(id: number, changes: Partial<SessionSettings>): Promise<void>
  diagnose(id: number, options: { probes: boolean; signal: AbortSignal }): Promise<Diagnosis>
  /** Resolves when what happened until now is stored, or when the store refuses it. */
  stored(): Promise<void>
  timeline(
    id: number,
    page: { offset: number; limit: number },
  ): Promise<{ rows: TimelineRow[]; total: number }>
}

/** How long a deleted session can be brought back. */
const tombstoneMs = 30 * 86_400_000
const sweepEveryMs = 5 * 60_000
const longSweepEveryMs = 60 * 60_000
/** Sockets close within 3 s; what does not is left to the end of the process. */
const drainMs = 6_000
/** How long the purge of a tombstone may take to take the device off the phone. */
const unlinkMs = 60_000
/** Rows of the timeline that the last ten dials are looked for in. */
const diagnosedRows = 500
const diagnosedDials = 10

export async function createSessions(deps: SessionsDeps): Promise<SessionLifecycle> {
  const { database, events, cluster, secrets, clock, log, frappeUrl } = deps
  const store = createSessionStore(database, secrets)
  const registry = new SessionRegistry()
  const activity = new Activity({ store, clock, log })
  const online = new Set<(id: number, link: Link) => void>()
  const purges: ((tx: Tx, id: number) => Promise<void>)[] = []
  const stopping = new AbortController()

  const versions: ClientVersions = await createClientVersions({
    database,
    fetchPage: deps.fetchPage,
    clock,
    log,
  })
  const engine = await deps.createEngine((id) => registry.existing(id).record.sealer())
  const history = createHistory({
    database,
    events,
    settingsOf: (id) => registry.get(id)?.record.settings.history,
    clock,
  })
  await history.load()
  engine.takeHistoryWith(history.taker)
  const timeline = createTimeline({ database, events, clock, log })
  const actorDeps: ActorDeps = {
    engine,
    cluster,
    database,
    timeline,
    pacer: createDialPacer(clock, deps.pacing ?? usualPacing),
    versions,
    clock,
    log,
    random: deps.random ?? Math.random,
    onMove: moved,
    onKnown: warnOfTwins,
  }
  const countMove = countSessions(deps.metrics, () => registry.counts())
  for (const record of await store.all()) keep(record)

  function keep(record: SessionRecord): SessionActor {
    const actor = new SessionActor(record, actorDeps)
    registry.add(actor)
    return actor
  }

  // -- what happens to them

  function moved(actor: SessionActor, from: SessionState): void {
    const { state } = actor.standing
    countMove(state)
    activity.touch(actor.record)
    if (state.at !== 'online' || from.at === 'online') return
    void actor.socket().then((link) => {
      if (link === undefined || actor.link !== link) return
      for (const listener of online) {
        try {
          listener(actor.record.id, link)
        } catch (error) {
          log.error({ error, sessionId: actor.record.id }, 'a listener of sessions coming online failed')
        }
      }
    })
  }

  /** Two sessions of one number work, but a CRM that keeps numbers unique can save neither (contract §12, pain 29). */
  function warnOfTwins(actor: SessionActor): void {
    for (const other of registry.sharers(actor)) {
      if (other === actor || other.record.deletedAt !== undefined) continue
      log.warn(
        { sessionId: actor.record.id, count: other.record.id },
        'two sessions are linked to one number',
      )
      actor.note('same_number', { otherSession: other.record.sessionId })
    }
  }

  // -- settings

  function sendsToFrappe(webhookUrl: string | undefined): boolean {
    const host = frappeUrl === undefined ? undefined : URL.parse(frappeUrl)?.host
    return host !== undefined && webhookUrl !== undefined && URL.parse(webhookUrl)?.host === host
  }

  function settingsFrom(wanted: NewSession, before: SessionSettings | undefined): SessionSettings {
    const url = wanted.webhookUrl ?? before?.webhook.url
    return {
      name: wanted.name ?? before?.name ?? wanted.sessionId,
      proxy: wanted.proxy ?? before?.proxy,
      webhook: {
        url,
        secret: wanted.webhookSecret ?? before?.webhook.secret,
        events: wanted.webhookEvents ?? before?.webhook.events ?? [],
        preset: wanted.webhookPreset ?? before?.webhook.preset ?? 'legacy',
      },
      sendToFrappe: wanted.fromFrappe || sendsToFrappe(url) || (before?.sendToFrappe ?? false),
      history: {
        mode: wanted.history ?? before?.history.mode ?? 'recent',
        days: wanted.historyDays ?? before?.history.days,
      },
    }
  }

  // -- lifecycle

  /** Names being created right now: the second of two equal creates waits for the first, then finds it. */
  const creating = new Map<string, Promise<unknown>>()

  async function create(ownerId: number, wanted: NewSession): Promise<CreateOutcome> {
    const name = nameKey(ownerId, wanted.sessionId)
    for (let other = creating.get(name); other !== undefined; other = creating.get(name)) await other
    const making = make(ownerId, wanted)
    const settled = making.then(
      () => {},
      () => {},
    )
    creating.set(name, settled)
    try {
      return await making
    } finally {
      if (creating.get(name) === settled) creating.delete(name)
    }
  }

  async function make(ownerId: number, wanted: NewSession): Promise<CreateOutcome> {
    const known = registry.named(ownerId, wanted.sessionId)
    const wish = wanted.autoConnect ? 'run' : 'stop'
    if (known !== undefined) {
      if (known.record.deletedAt === undefined) return { is: 'exists', record: known.record }
      known.record.settings = settingsFrom(wanted, known.record.settings)
      await revive(known, wish)
      return { is: 'revived', record: known.record }
    }
    const settings = settingsFrom(wanted, undefined)
    const now = clock.now()
    const record = await store.insert({ ownerId, sessionId: wanted.sessionId, settings, wish, now })
    // Another node made it meanwhile: this one does not know it yet.
    if (record === undefined) throw new HubError('SESSION_ALREADY_EXISTS')
    const actor = keep(record)
    // After the answer was read off, which says `pending`.
    if (wanted.autoConnect) setImmediate(() => actor.post({ type: 'connect' }))
    return { is: 'created', record }
  }

  async function revive(actor: SessionActor, wish: 'run' | 'stop'): Promise<void> {
    const { record } = actor
    const now = clock.now()
    await store.revive(record, wish, now)
    record.deletedAt = undefined
    record.updatedAt = now
    actor.note('revived', {})
    // Or it would still say that it was deleted.
    actor.post(wish === 'run' ? { type: 'connect' } : { type: 'stop', cause: 'asked' })
  }

  /** Durable wishes on their way, by session: a second caller waits for the same write. */
  const wishing = new Map<number, Promise<void>>()

  /** Posts at once, so that the claim shares the wish's commit, and resolves when the wish is durable. */
  async function wishRun(actor: SessionActor, event: 'connect' | 'restart'): Promise<void> {
    const { id } = actor.record
    const before = actor.standing.wish
    actor.post({ type: event })
    if (before === 'run') return wishing.get(id)
    const write = store.saveWish(id, 'run')
    wishing.set(id, write)
    try {
      await write
    } finally {
      if (wishing.get(id) === write) wishing.delete(id)
    }
  }

  async function connect(ownerId: number, ref: string): Promise<SessionRecord> {
    const actor = registry.look(ownerId, ref, 'number_first')
    if (actor === undefined) throw new HubError('SESSION_NOT_FOUND')
    if (actor.record.deletedAt === undefined) await wishRun(actor, 'connect')
    else await revive(actor, 'run')
    return actor.record
  }

  async function awaitQr(id: number, waitMs: number, signal: AbortSignal): Promise<QrOutcome> {
    const actor = registry.existing(id)
    if (actor.standing.state.at === 'never_started') await wishRun(actor, 'connect')
    else actor.post({ type: 'watched' })
    const outcome = await actor.until((standing) => qrOutcome(standing, clock.now()), waitMs, signal)
    return outcome ?? { is: 'not_ready' }
  }

  async function requestPairingCode(
    id: number,
    phone: string,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<{ code: string; expiresAt: number } | undefined> {
    const actor = registry.existing(id)
    await wishRun(actor, 'connect')
    const ready = await actor.until(
      ({ state }) =>
        state.at === 'pairing' ? true : isResting(state) || state.at === 'online' ? false : undefined,
      waitMs,
      signal,
    )
    if (ready !== true) return undefined
    return (await actor.socket())?.requestPairingCode(phone)
  }

  async function change(id: number, changes: Partial<SessionSettings>): Promise<void> {
    const actor = registry.existing(id)
    const { record } = actor
    const before = record.settings
    record.settings = { ...before, ...changes }
    if (sendsToFrappe(changes.webhook?.url)) record.settings.sendToFrappe = true
    try {
      await store.saveSettings(record, clock.now())
    } catch (error) {
      record.settings = before
      throw error
    }
    record.updatedAt = clock.now()
    if (before.proxy !== record.settings.proxy && !isResting(actor.standing.state))
      actor.post({ type: 'restart' })
  }

  // -- housekeeping

  let sweptLongAt = clock.monotonic()
  const house = keepHouse({ what: 'sessions', everyMs: sweepEveryMs, work: sweepAll, clock, log })

  async function sweepAll({ stop }: Turn): Promise<void> {
    await engine.sweep()
    if (clock.monotonic() - sweptLongAt < longSweepEveryMs) return
    sweptLongAt = clock.monotonic()
    await timeline.sweep(stop)
    for (const actor of registry.all()) {
      if (stopping.signal.aborted) return
      const { deletedAt } = actor.record
      if (deletedAt !== undefined && clock.now() - deletedAt > tombstoneMs) await purge(actor)
    }
  }

  /** The end of a tombstone: the name is free again, the device leaves the phone's list, the rows go. */
  async function purge(actor: SessionActor): Promise<void> {
    const { record } = actor
    await store.freeName(record.id)
    registry.freeName(actor)
    if (actor.standing.linked) {
      actor.post({ type: 'unlink' })
      await actor.until(
        ({ wish, lease }) => (wish === 'stop' && lease === 'none' ? true : undefined),
        unlinkMs,
        stopping.signal,
      )
    }
    if (stopping.signal.aborted) return
    actor.retire()
    registry.remove(actor)
    activity.forget(record)
    history.forget(record.id)
    await database.write(async (tx) => {
      for (const work of purges) await work(tx, record.id)
      await store.purge(tx, record.id)
    })
    log.info({ sessionId: record.id }, 'deleted session purged')
  }

  return {
    // -- what other modules read

    find: (ownerId, ref, order) => viewOf(registry.find(ownerId, ref, order).record),
    view: (id) => {
      const actor = registry.get(id)
      return actor === undefined ? undefined : viewOf(actor.record)
    },
    list: (ownerId) => registry.living(ownerId).map(viewOf),
    link: (id) => registry.get(id)?.link,
    async linkWithin(id, maxMs) {
      const actor = registry.get(id)
      const answer = await actor?.until<Link | 'none'>(
        ({ state }) => actor.link ?? (isResting(state) || state.at === 'pairing' ? 'none' : undefined),
        maxMs,
      )
      return answer === 'none' ? undefined : answer
    },
    onOnline(listener) {
      online.add(listener)
      return { [Symbol.dispose]: () => void online.delete(listener) }
    },
    touch(id) {
      const actor = registry.get(id)
      if (actor !== undefined) activity.touch(actor.record)
    },
    proxyOf: (id) => registry.get(id)?.record.settings.proxy,
    waitingQr(id) {
      const standing = registry.get(id)?.standing
      const qr = standing === undefined ? undefined : shownQr(standing, clock.now())
      return qr === undefined
        ? undefined
        : { text: qr.text, dataUrl: renderQr(qr).dataUrl, expiresAt: qr.expiresAt }
    },
    whilePurging: (work) => void purges.push(work),
    journal: engine.journal,
    onPassing: (listener) => engine.onPassing(listener),
    onAcquaintances: (listener) => engine.onAcquaintances(listener),
    answerRetriesWith: (answer) => engine.answerRetriesWith(answer),
    storeHistoryWith: (store) => history.storeWith(store),
    onHistoryAnswered: (listener) => history.onAnswered(listener),
    historyProgress: (id) => history.progress(id),

    // -- what routes and the CLI do

    start() {
      for (const actor of registry.all()) actor.post({ type: 'boot' })
    },
    counts: () => registry.counts(),
    record: (ownerId, ref, order) => registry.find(ownerId, ref, order).record,
    records: (ownerId) => registry.living(ownerId),
    create,
    connect,
    restart: (id) => wishRun(registry.existing(id), 'restart'),
    async disconnect(id, { logout }) {
      const actor = registry.existing(id)
      await store.saveWish(id, logout && actor.standing.linked ? 'unlink' : 'stop')
      actor.post(logout ? { type: 'unlink' } : { type: 'stop', cause: 'asked' })
    },
    async remove(id) {
      const actor = registry.existing(id)
      const { record } = actor
      const now = clock.now()
      await store.bury(id, now)
      record.deletedAt = now
      record.updatedAt = now
      actor.post({ type: 'stop', cause: 'deleted' })
    },
    awaitQr,
    watched: (id) => registry.get(id)?.post({ type: 'watched' }),
    requestPairingCode,
    change,
    async diagnose(id, { probes, signal }) {
      const { record, standing } = registry.existing(id)
      const [{ rows }, probed] = await Promise.all([
        timeline.page(id, { offset: 0, limit: diagnosedRows }),
        probes ? deps.probe(record.settings.proxy, signal) : [],
      ])
      const dials = dialsIn(rows, diagnosedDials)
      const lookUp = rows.find(({ kind }) => kind === 'version_look_up')
      return {
        findings: diagnose({
          state: standing.state,
          linked: standing.linked,
          dials,
          probes: probed,
          lookUpFailed: lookUp !== undefined && lookUp.detail['found'] === null,
        }),
        dials,
        probes: probed,
      }
    },
    stored: () => timeline.flushed(),
    timeline: (id, page) => timeline.page(id, page),

    async [Symbol.asyncDispose]() {
      stopping.abort()
      activity[Symbol.dispose]()
      const all = [...registry.all()]
      for (const actor of all) actor.post({ type: 'shutdown' })
      await Promise.all(
        all.map(async (actor) => {
          const drained = ({ socket, lease }: Standing) =>
            socket === 'none' && lease !== 'held' ? true : undefined
          await actor.until(drained, drainMs)
          // At once: a lease that comes only now must not start it again.
          actor.retire()
        }),
      )
      await house[Symbol.asyncDispose]()
      await timeline[Symbol.asyncDispose]()
      await engine[Symbol.asyncDispose]()
    },
  }
}

/** The QR that waits for a scan now. */
export function shownQr({ state }: Standing, now: number): ShownQr | undefined {
  return state.at === 'pairing' && state.qr.expiresAt > now ? state.qr : undefined
}

/** Undefined while a QR may still come. */
function qrOutcome(standing: Standing, now: number): QrOutcome | undefined {
  const qr = shownQr(standing, now)
  if (qr !== undefined) return { is: 'shown', qr }
  if (standing.state.at === 'online') return { is: 'connected' }
  return isResting(standing.state) ? { is: 'not_ready' } : undefined
}

function viewOf({ id, ownerId, sessionId, me, settings }: SessionRecord): SessionView {
  return {
    id,
    ownerId,
    sessionId,
    name: settings.name,
    mePn: me?.pn,
    meLid: me?.lid,
    phoneNumber: phoneNumberOf(me),
    webhook: settings.webhook,
    sendToFrappe: settings.sendToFrappe,
  }
}

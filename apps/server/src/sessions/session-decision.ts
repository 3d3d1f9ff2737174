import type { SessionStateName } from '@inbox-hub/contract'
import { type DisconnectCause, factsOf } from '@inbox-hub/whatsapp'

import { announceAfterMs, Change } from './session-change.ts'
import type { Circumstances, Decision, SessionEvent } from './session-events.ts'
import {
  type Cause,
  causeIn,
  type EndedState,
  firstQrMs,
  freshStreak,
  isResting,
  type Me,
  type SessionState,
  type ShownQr,
  type Standing,
  stateFacts,
  type WebVersion,
} from './session-state.ts'

/** QR rounds go on this long after somebody last asked: the desk dialog watches for five minutes (contract rule 6). */
export const watchWindowMs = 5 * 60_000
/** Online this long, a session is well: a brief `open` between evictions must not end the backoff. */
const steadyAfterMs = 60_000
const baseDelayMs = 1_000
const longestDelayMs = 60_000
const slowDelayMs = 5_000
/** A link that worked is redialled at once; the little spread keeps a thousand of them from one instant. */
const firstRedialMs = 100
const evictionRetryMs = 30_000
const evictionMemoryMs = 10 * 60_000
const restrictedDefaultMs = 60 * 60_000
const outdatedRetryMs = 60 * 60_000
/** How soon after a dial a user's connect may bring the next one forward: ten connects at once stay one dial (I8). */
const userRedialMs = 5_000
/** A QR may live this much longer than it says before its socket counts as silent. */
const qrGraceMs = 15_000
const sameFailureLimit = 10
const restartLimit = 5
/** Dials spent on taking a device off a phone that does not let us in. */
const unlinkTries = 3

/** Causes that are nobody's failure. */
const harmless: ReadonlySet<Cause['code']> = new Set([
  'asked',
  'deleted',
  'starting_up',
  'restart_required',
  'codes_used_up',
  'qr_expired',
  'fenced',
])

/**
 * What becomes of a session when something happens to it. Pure: the runner claims, dials, arms and tells.
 * Deadlines, recoveries and the ten invariants (I1–I10): docs/decisions/session-state-machine.md.
 */
export function decide(standing: Standing, event: SessionEvent, circumstances: Circumstances): Decision {
  // I2: a callback of an older socket changes nothing.
  if ('generation' in event && event.generation !== standing.generation) return { standing, effects: [] }
  const change = new Change(standing, circumstances)
  take(change, event)
  settle(change)
  return { standing: change.s, effects: change.effects }
}

function take(change: Change, event: SessionEvent): void {
  const { s, now } = change
  switch (event.type) {
    case 'connect':
      return connect(change)
    case 'restart':
      return restart(change)
    case 'unlink':
      return unlink(change)
    case 'stop':
      return stop(change, event.cause)
    case 'boot':
      return boot(change)
    case 'shutdown':
      return shutdown(change)
    case 'watched':
      s.watchedAt = now
      return
    case 'timer':
      if (event.deadline === s.deadline) deadlinePassed(change, event)
      return
    case 'announce_due':
      if (event.at !== s.announceAt) return
      s.announceAt = undefined
      return change.announceDisconnected(causeIn(s.state) ?? { code: 'connection_lost' })
    case 'claimed':
      return claimed(change, event.outcome)
    case 'lease_lost':
      if (s.lease !== 'held') return
      change.loseLease()
      return yieldToOwner(change)
    case 'dial_turn':
      if (s.queued) dial(change)
      return
    case 'credentials_forgotten':
      s.forgetting = undefined
      return
    case 'version_found':
      return versionFound(change, event.version)
    case 'store_answers':
      // Through a wait, so that a thousand sessions whose store came back pass the dial budget.
      if (s.state.at === 'store_fault' && event.ok)
        wait(change, s.state.cause, now + Math.round(change.jitter * baseDelayMs))
      return
    case 'dial_failed':
      return dialFailed(change, event.why)
    case 'qr':
      return showQr(change, event)
    case 'pairing_code': {
      if (s.state.at !== 'pairing') return
      const { code, expiresAt } = event
      const deadline = Math.max(expiresAt + qrGraceMs, s.deadline ?? 0)
      return change.enter({ ...s.state, code: { code, expiresAt } }, deadline)
    }
    case 'paired':
      if (s.state.at !== 'pairing' && s.state.at !== 'connecting') return
      s.linked = true
      change.do({ do: 'know', me: event.me })
      return change.enter({ at: 'restarting' }, now + limitOf('restarting'))
    case 'logged_in':
      if (s.state.at !== 'connecting' && s.state.at !== 'restarting') return
      s.linked = true
      versionWorked(change)
      return change.enter({ at: 'syncing' }, now + limitOf('syncing'))
    case 'online':
      return comeOnline(change, event.me)
    case 'passkey_required':
      if (s.state.at !== 'connecting' && s.state.at !== 'pairing') return
      return rest(change, { at: 'passkey_required', cause: { code: 'passkey_required' } })
    case 'restricted':
      if (event.scope === 'new_chats') {
        s.newChatsFrom = event.until
        return
      }
      if (!expectsSocket(s.state)) return
      return rest(change, { at: 'restricted', cause: { code: 'restricted' }, until: event.until })
    case 'store_fault':
      if (expectsSocket(s.state)) enterStoreFault(change)
      return
    case 'fenced':
      change.loseLease()
      return yieldToOwner(change)
    case 'closed': {
      const unasked = s.socket === 'open' && expectsSocket(s.state)
      s.socket = 'none'
      if (unasked) afterClose(change, event.cause)
      return
    }
    case 'link_gone':
      s.socket = 'none'
      return
  }
}

// -- what people ask

function connect(change: Change): void {
  const { s, now } = change
  s.wish = 'run'
  s.watchedAt = now
  switch (s.state.at) {
    case 'restricted': // never earlier than WhatsApp says
    case 'elsewhere': // the owner's business
    case 'draining': // goes on when the socket is closed
    case 'store_fault':
    case 'claiming':
    case 'starting':
    case 'connecting':
    case 'pairing':
    case 'restarting':
    case 'syncing':
    case 'online':
      return
    case 'waiting': {
      const soonest = Math.max(now, s.dialledAt + userRedialMs)
      if (soonest >= s.state.until) return
      if (soonest <= now) return begin(change)
      return change.enter({ ...s.state, until: soonest }, soonest)
    }
    case 'never_started':
    case 'stopped':
    case 'qr_expired':
    case 'logged_out':
    case 'replaced':
    case 'client_outdated':
    case 'passkey_required':
    case 'failed':
      startOver(s)
      s.evictedAt = undefined
      return begin(change)
  }
}

function restart(change: Change): void {
  const { s, now } = change
  if (s.state.at === 'store_fault') change.do({ do: 'probe_store' })
  if (!expectsSocket(s.state)) return connect(change)
  s.wish = 'run'
  s.watchedAt = now
  startOver(s)
  begin(change)
}

/** What a person asks for is tried as if nothing had failed before. */
function startOver(s: Standing): void {
  s.streak = freshStreak
  s.version = { current: s.version.current, refused: [], lookUp: 'not_yet' }
}

function stop(change: Change, code: 'asked' | 'deleted'): void {
  const { s } = change
  const state: EndedState = { at: 'stopped', cause: { code } }
  s.wish = 'stop'
  if (s.state.at === 'never_started') return change.enter(state) // nobody heard of it, so nothing is announced
  rest(change, state)
}

/** Takes the device off the phone. WhatsApp must be asked for that, so a session that is not online goes online once more. */
function unlink(change: Change): void {
  const { s } = change
  if (!s.linked) return stop(change, 'asked')
  s.wish = 'unlink'
  s.streak = freshStreak
  if (s.state.at === 'online') return leavePhone(change)
  if (isResting(s.state) || s.state.at === 'waiting') begin(change)
}

function leavePhone(change: Change): void {
  const { s, now } = change
  change.enter({ at: 'draining', why: 'unlinking' }, now + limitOf('draining'))
  if (s.socket !== 'open') return
  s.socket = 'closing'
  change.do({ do: 'unlink', generation: s.generation })
}

function boot(change: Change): void {
  const { s, now } = change
  if (s.announced === 'connected') {
    s.announceAt = now + announceAfterMs
    change.do({ do: 'arm_announcement', at: s.announceAt })
  }
  if (s.wish === 'stop') {
    if (!isResting(s.state)) rest(change, { at: 'stopped', cause: { code: 'asked' } })
    return
  }
  switch (s.state.at) {
    case 'restricted':
      return change.arm(Math.max(s.state.until, now))
    case 'qr_expired':
    case 'logged_out':
    case 'replaced':
    case 'passkey_required':
      return
    case 'failed':
      // A new start may have cured what repeating could not; an unlinked session waits for a person.
      if (!s.linked) return
      break
    case 'never_started':
    case 'stopped':
    case 'claiming':
    case 'elsewhere':
    case 'starting':
    case 'connecting':
    case 'pairing':
    case 'restarting':
    case 'syncing':
    case 'online':
    case 'waiting':
    case 'store_fault':
    case 'draining':
    case 'client_outdated':
      break
  }
  s.watchedAt = now
  startOver(s)
  wait(change, { code: 'starting_up' }, now)
}

function shutdown(change: Change): void {
  if (isResting(change.s.state)) return change.arm(undefined)
  change.enter({ at: 'draining', why: 'shutdown' }, change.now + limitOf('draining'))
  change.close()
}

// -- the way to a socket

/** Starts towards a new socket, from wherever we are. */
function begin(change: Change): void {
  const { s, now } = change
  change.close()
  if (s.lease === 'held') return change.enter({ at: 'starting' }, now + limitOf('starting'))
  change.enter({ at: 'claiming' }, now + limitOf('claiming'))
  claim(change)
}

function claim(change: Change): void {
  if (change.s.lease !== 'none') return
  change.s.lease = 'asked'
  change.do({ do: 'claim' })
}

function claimed(change: Change, outcome: 'granted' | 'denied' | 'failed'): void {
  const { s, now } = change
  s.lease = outcome === 'granted' ? 'held' : 'none'
  if (s.state.at === 'elsewhere' && outcome === 'granted') return begin(change)
  if (s.state.at !== 'claiming') return // settle() gives back what nobody needs
  switch (outcome) {
    case 'granted':
      return change.enter({ at: 'starting' }, now + limitOf('starting'))
    case 'denied':
      return enterElsewhere(change)
    case 'failed':
      return enterStoreFault(change)
  }
}

function dial(change: Change): void {
  const { s, now } = change
  s.queued = false
  s.generation += 1
  s.socket = 'open'
  s.dialledAt = now
  change.enter({ at: 'connecting' }, now + (s.linked ? limitOf('connecting') : firstQrMs))
  change.do({ do: 'dial', generation: s.generation, version: s.version.current })
}

function dialFailed(change: Change, why: 'store_fault' | 'fenced' | 'unreadable' | 'fault'): void {
  const { s } = change
  const unasked = s.socket === 'open' && expectsSocket(s.state)
  s.socket = 'none'
  if (!unasked) return
  switch (why) {
    case 'store_fault':
      return enterStoreFault(change)
    case 'fenced':
      change.loseLease()
      return yieldToOwner(change)
    case 'unreadable':
      // Never taken for "no credentials": a new identity over a good one could not be undone.
      return rest(change, { at: 'failed', cause: { code: 'credentials_unreadable' } })
    case 'fault':
      return retry(change, { origin: 'local', reason: 'unknown', code: 0, message: '' }, 'soon', {
        code: 'internal_fault',
      })
  }
}

/** What follows from the standing alone, whatever happened. */
function settle(change: Change): void {
  const { s } = change
  if (s.socket !== 'none') return
  if (s.forgetting !== undefined && !s.forgetting.runs) {
    s.forgetting = { ...s.forgetting, runs: true }
    change.do({ do: 'forget_credentials', cause: s.forgetting.cause })
  }
  if (s.forgetting !== undefined) return
  if (s.state.at === 'draining') return drained(change, s.state.why)
  if (s.state.at === 'starting') {
    if (s.queued || s.version.lookUp === 'running') return
    s.queued = true
    return change.do({ do: 'queue_dial' })
  }
  if (isResting(s.state) || s.state.at === 'elsewhere') change.releaseLease()
}

function drained(change: Change, why: 'shutdown' | 'yielded' | 'unlinking'): void {
  const { s } = change
  if (why !== 'unlinking') {
    change.releaseLease()
    return enterElsewhere(change)
  }
  if (s.linked) {
    forget(change, { code: 'asked' })
    return settle(change)
  }
  if (s.wish === 'run') begin(change)
  else stop(change, 'asked')
  settle(change)
}

// -- what WhatsApp tells

function showQr(change: Change, told: Extract<SessionEvent, { type: 'qr' }>): void {
  const { s, now } = change
  if (s.state.at !== 'connecting' && s.state.at !== 'pairing') return
  s.linked = false
  if (s.wish === 'unlink') return stop(change, 'asked') // there is no phone to leave
  versionWorked(change)
  const { text, index, of, expiresAt } = told
  const qr: ShownQr = { text, index, of, generatedAt: now, expiresAt }
  const code = s.state.at === 'pairing' && (s.state.code?.expiresAt ?? 0) > now ? s.state.code : undefined
  change.enter({ at: 'pairing', qr, code }, Math.max(expiresAt, now) + qrGraceMs)
  change.cancelAnnouncement()
  s.announced = 'qr'
  change.do({ do: 'tell', what: 'qr', qr })
}

function comeOnline(change: Change, me: Me): void {
  const { s } = change
  if (!expectsSocket(s.state) || s.state.at === 'online') return
  s.linked = true
  s.streak = { ...s.streak, restarts: 0, startedFresh: false }
  versionWorked(change)
  change.do({ do: 'know', me })
  if (s.wish === 'unlink') return leavePhone(change)
  change.enter({ at: 'online' })
  change.cancelAnnouncement()
  if (s.announced === 'connected') return
  s.announced = 'connected'
  change.do({ do: 'tell', what: 'connected' })
}

/** A connection ended by itself. Each reason's recovery is in packages/whatsapp; here it is carried out. */
function afterClose(change: Change, cause: DisconnectCause): void {
  const { s, now } = change
  const told = toldCause(cause)
  if (s.state.at === 'online' && now - s.since >= steadyAfterMs) s.streak = freshStreak
  switch (factsOf(cause.reason).recovery) {
    case 'retry':
      // After pairing WhatsApp may just close instead of asking for the restart.
      if (s.state.at === 'restarting') return redialForRestart(change, cause)
      return retry(change, cause, s.state.at === 'online' || s.state.at === 'pairing' ? 'at_once' : 'soon')
    case 'retry_slowly':
      return retry(change, cause, 'slowly')
    case 'restart':
      return redialForRestart(change, cause)
    case 'wait_until': {
      const until = now + (cause.lastsMs ?? restrictedDefaultMs) + Math.round(change.jitter * longestDelayMs)
      return rest(change, { at: 'restricted', cause: told, until })
    }
    case 'other_version':
      return otherVersion(change, told)
    case 'start_fresh':
      return startFresh(change, told)
    case 'new_codes':
      return newCodes(change)
    case 'retry_once':
      if (s.evictedAt !== undefined && now - s.evictedAt < evictionMemoryMs)
        return rest(change, { at: 'replaced', cause: told })
      s.evictedAt = now
      return wait(change, told, now + evictionRetryMs)
    case 'pair_again':
      // Nobody ever paired, so nobody logged out: what was refused are half-made credentials.
      if (!s.linked) return startFresh(change, told)
      forget(change, told)
      return rest(change, { at: 'logged_out', cause: told })
    case 'stop':
      // Somebody closed the link, and not through this session: it is to be online, so it goes on.
      if (cause.reason === 'asked') return retry(change, cause, 'soon')
      if (cause.reason === 'passkey_required') return rest(change, { at: 'passkey_required', cause: told })
      if (factsOf(cause.reason).credentials === 'replace') forget(change, told)
      return rest(change, { at: 'failed', cause: told })
    case 'wait_for_store':
      return enterStoreFault(change)
    case 'yield':
      change.loseLease()
      return yieldToOwner(change)
  }
}

/** 515 ends every pairing. One that never stops coming is a failure like any other. */
function redialForRestart(change: Change, cause: DisconnectCause): void {
  const { s } = change
  const restarts = s.streak.restarts + 1
  s.streak = { ...s.streak, restarts }
  if (restarts > restartLimit) return retry(change, cause, 'soon')
  begin(change)
}

type Pace = 'at_once' | 'soon' | 'slowly'

function retry(change: Change, cause: DisconnectCause, pace: Pace, told: Cause = toldCause(cause)): void {
  const { s, now } = change
  const signature = `${cause.origin} ${cause.reason} ${cause.code} ${cause.message}`
  const repeats = signature === s.streak.signature ? s.streak.repeats + 1 : 1
  const failures = s.streak.failures + 1
  s.streak = { ...s.streak, failures, signature, repeats }
  if (cause.reason === 'unknown' && repeats >= sameFailureLimit)
    return rest(change, { at: 'failed', cause: told })
  if (s.wish === 'unlink' && failures >= unlinkTries) return rest(change, { at: 'failed', cause: told })
  // Without a phone, and with nobody watching, there is nothing to come back for.
  if (!s.linked && now - s.watchedAt > watchWindowMs) return rest(change, { at: 'failed', cause: told })
  wait(change, told, now + delayMs(failures, pace, change.jitter))
}

/** Full jitter over a doubling span; a link that worked comes back at once the first time. */
function delayMs(failures: number, pace: Pace, jitter: number): number {
  if (pace === 'at_once' && failures === 1) return Math.round(jitter * firstRedialMs)
  const span = Math.min(longestDelayMs, baseDelayMs * 2 ** Math.min(failures - 1, 16))
  return Math.round((pace === 'slowly' ? slowDelayMs : 0) + jitter * span)
}

function wait(change: Change, cause: Cause, until: number): void {
  noteError(change, cause)
  change.enter({ at: 'waiting', cause, until }, until)
}

/** Ends in a state that stays. The lease goes back when the socket is gone. */
function rest(change: Change, state: EndedState): void {
  const { s } = change
  if (s.wish === 'unlink') {
    // The phone cannot be told any more; what is ours goes all the same.
    if (s.linked) forget(change, { code: 'asked' })
    return stop(change, 'asked')
  }
  noteError(change, state.cause)
  change.enter(state, 'until' in state ? state.until : undefined)
  change.close()
  change.announceDisconnected(state.cause)
}

function noteError(change: Change, cause: Cause): void {
  if (!harmless.has(cause.code)) change.do({ do: 'note_error', cause })
}

function newCodes(change: Change): void {
  const { s, now } = change
  if (now - s.watchedAt <= watchWindowMs) return begin(change)
  rest(change, { at: 'qr_expired', cause: { code: 'qr_expired' } })
}

function startFresh(change: Change, cause: Cause): void {
  const { s } = change
  forget(change, cause)
  if (s.streak.startedFresh) return rest(change, { at: 'failed', cause: { code: 'internal_fault' } })
  s.streak = { ...s.streak, startedFresh: true }
  begin(change)
}

function forget(change: Change, cause: Cause): void {
  const { s } = change
  s.linked = false
  if (s.lease === 'held') s.forgetting = { cause, runs: false }
}

function enterElsewhere(change: Change): void {
  change.enter({ at: 'elsewhere', cause: { code: 'fenced' } }, change.now + limitOf('elsewhere'))
}

/** Another node owns the session: what we still hold is closed, and nothing more is said. */
function yieldToOwner(change: Change): void {
  const { s, now } = change
  if (isResting(s.state) || s.state.at === 'draining' || s.state.at === 'elsewhere') return change.close()
  if (s.socket === 'none') return enterElsewhere(change)
  change.enter({ at: 'draining', why: 'yielded' }, now + limitOf('draining'))
  change.close()
}

function enterStoreFault(change: Change, probes = 0): void {
  const cause: Cause = { code: 'store_fault' }
  if (probes === 0) noteError(change, cause)
  const until = change.now + Math.min(30_000, 1_000 * 2 ** Math.min(probes, 5))
  change.enter({ at: 'store_fault', cause, probes, until }, until)
  change.close()
}

// -- versions of WhatsApp Web

function labelOf(version: WebVersion | undefined): string {
  return version === undefined ? 'pinned' : version.join('.')
}

/** 405: the pinned version, the last known good, then the one WhatsApp serves to browsers; one try each. */
function otherVersion(change: Change, cause: Cause): void {
  const { s, now } = change
  const refused = [...new Set([...s.version.refused, labelOf(s.version.current)])]
  const untried = [undefined, change.knownGood].find((version) => !refused.includes(labelOf(version)))
  if (untried !== undefined || !refused.includes('pinned')) {
    s.version = { ...s.version, current: untried, refused }
    return begin(change)
  }
  if (s.version.lookUp === 'not_yet') {
    s.version = { ...s.version, refused, lookUp: 'running' }
    change.do({ do: 'look_up_version' })
    return begin(change)
  }
  s.version = { current: undefined, refused: [], lookUp: 'not_yet' }
  const until = now + outdatedRetryMs + Math.round(change.jitter * longestDelayMs)
  rest(change, { at: 'client_outdated', cause, until })
}

function versionFound(change: Change, version: WebVersion | undefined): void {
  const { s } = change
  if (s.version.lookUp !== 'running') return
  s.version = { ...s.version, lookUp: 'done' }
  if (s.state.at !== 'starting') return
  if (version !== undefined && !s.version.refused.includes(labelOf(version)))
    s.version = { ...s.version, current: version }
  else otherVersion(change, { code: 'client_outdated' })
}

function versionWorked(change: Change): void {
  const { s } = change
  if (s.version.refused.length === 0) return
  s.version = { current: s.version.current, refused: [], lookUp: 'not_yet' }
  change.do({ do: 'version_worked', version: s.version.current })
}

// -- deadlines

function limitOf(name: SessionStateName): number {
  const { deadlineMs } = stateFacts[name]
  if (typeof deadlineMs !== 'number') throw new Error(`The end of ${name} is set case by case.`)
  return deadlineMs
}

function deadlinePassed(change: Change, event: Extract<SessionEvent, { type: 'timer' }>): void {
  const { s, now } = change
  s.deadline = undefined
  switch (s.state.at) {
    case 'claiming':
      // The lease is a row: a claim without an answer is a store without one.
      return enterStoreFault(change)
    case 'elsewhere':
      // Asked again and again without a word: most of the time the owner is well.
      change.arm(now + limitOf('elsewhere'))
      return claim(change)
    case 'restricted':
    case 'client_outdated':
      return begin(change)
    case 'starting':
    case 'connecting':
    case 'syncing':
      change.close()
      return afterClose(
        change,
        event.silence ?? { origin: 'deadline', reason: 'no_answer', code: 0, message: '' },
      )
    case 'restarting':
      return begin(change)
    case 'pairing':
      // The socket should have brought another QR, or its end, long ago.
      change.close()
      return newCodes(change)
    case 'waiting': {
      const slotAt = event.slotAt ?? now
      if (s.slotTaken || slotAt <= now) return begin(change)
      change.enter({ ...s.state, until: slotAt }, slotAt)
      s.slotTaken = true
      return
    }
    case 'store_fault':
      change.do({ do: 'probe_store' })
      return enterStoreFault(change, s.state.probes + 1)
    case 'draining':
      // The socket does not close. The state moves on; the lease stays until the socket is gone.
      if (s.state.why === 'unlinking') {
        forget(change, { code: 'asked' })
        return s.wish === 'run' ? begin(change) : stop(change, 'asked')
      }
      return enterElsewhere(change)
    case 'never_started':
    case 'stopped':
    case 'online':
    case 'qr_expired':
    case 'logged_out':
    case 'replaced':
    case 'passkey_required':
    case 'failed':
      return
  }
}

/** The states in which the newest generation's socket is the session's. */
function expectsSocket(state: SessionState): boolean {
  return stateFacts[state.at].socket && state.at !== 'draining'
}

function toldCause({ reason, code, details }: DisconnectCause): Cause {
  const shown = code === 0 ? { ...details } : { code, ...details }
  return Object.keys(shown).length === 0 ? { code: reason } : { code: reason, details: shown }
}

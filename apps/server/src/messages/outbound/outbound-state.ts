import type { SendFailureReason } from '@inbox-hub/contract'

/**
 * Where one message that we send stands with WhatsApp: exactly one of these. Times are Unix milliseconds.
 * `asked` is when somebody asked for it (or asked again): its time to live counts from there.
 */
export type OutboundState =
  /** Stored. Nothing of it is on the wire, or WhatsApp said that it did not take it. */
  | { at: 'queued'; asked: number; attempts: number; dueAt: number; refreshDevices: boolean }
  /** Handed to the socket: from here on it may have reached WhatsApp. */
  | { at: 'sending'; asked: number; attempts: number; refreshDevices: boolean; ackBy: number }
  /** WhatsApp did not say whether it took it. It is sent again under the same id, which recipients show once. */
  | { at: 'uncertain'; asked: number; attempts: number; dueAt: number; refreshDevices: boolean }
  /** WhatsApp's server has it. Delivery and reading are the message's status, not ours to wait for. */
  | { at: 'acked' }
  | { at: 'failed'; failure: SendFailure }

/** Why a message will not be sent (again) by itself. */
export interface SendFailure {
  reason: SendFailureReason
  /** The error number of WhatsApp's ack, when one came. */
  ackError: number | undefined
}

/** What happens to a message on its way out. */
export type OutboundEvent =
  /** Its lane hands it to the socket now. */
  | { type: 'relay' }
  /** The hand-over failed before anything was written; `pauseMs` before the next try, which may be a fault of the message (`counts`) or not. */
  | { type: 'not_written'; pauseMs: number; counts: boolean }
  /** The hand-over failed in a way that trying again cannot mend. */
  | { type: 'cannot_be_sent'; reason: SendFailureReason }
  /** WhatsApp's ack without an error, or a receipt of a recipient, which proves it. */
  | { type: 'acked' }
  | { type: 'refused'; error: number }
  /** Its socket is gone without an ack; the next one may carry it at once. */
  | { type: 'link_lost' }
  /** Time passed: the ack did not come by `ackBy`, or the message got too old. */
  | { type: 'tick' }
  /** Its sender took it back. */
  | { type: 'cancel' }
  /** Somebody asks to try a failed message once more. */
  | { type: 'ask_again' }

/** WhatsApp's server acks within a round trip; whatever takes longer is not an ack on its way (engine knowledge §4.3). */
export const ackWithinMs = 30_000
/** Relays of one message before we stop: a receiver that never acks must not be flooded. */
export const maxAttempts = 5
/** A message older than this surprises its recipient more than it helps its sender. */
export const liveMs = 10 * 60_000

/** What the number in an ack's `error` means for its message. Sources: engine knowledge §1.2; whatsmeow `send.go`; Baileys issues 2441, 2707. */
const refusals: Readonly<
  Record<number, { next: 'fail' | 'refresh_devices' | 'retry'; reason: SendFailureReason }>
> = {
  403: { next: 'fail', reason: 'NOT_ALLOWED_IN_CHAT' },
  404: { next: 'fail', reason: 'RECIPIENT_NOT_FOUND' },
  429: { next: 'retry', reason: 'REFUSED_BY_WHATSAPP' },
  // Trying again would count as another reach-out and prolong the restriction.
  463: { next: 'fail', reason: 'NEW_CHATS_RESTRICTED' },
  // The recipient's device list changed under us: fetched anew, it can work, once.
  479: { next: 'refresh_devices', reason: 'RECIPIENT_DEVICES_CHANGED' },
  500: { next: 'retry', reason: 'REFUSED_BY_WHATSAPP' },
  503: { next: 'retry', reason: 'REFUSED_BY_WHATSAPP' },
}

/** How long a session keeps quiet after its nth rate-limit answer in a row, counting from 1. */
export function coolDownMs(nth: number): number {
  return Math.min(60_000 * 2 ** (nth - 1), 15 * 60_000)
}

/** The pause before the next relay of a message that was relayed `attempts` times in vain. */
export function backoffMs(attempts: number): number {
  return Math.min(5_000 * 3 ** Math.max(attempts - 1, 0), 90_000)
}

/** A new message at `now`. */
export function queued(now: number): OutboundState {
  return { at: 'queued', asked: now, attempts: 0, dueAt: now, refreshDevices: false }
}

/**
 * The state that follows when `event` happens at `now`. Pure and total: an event that has no meaning in a state
 * (an ack of a message that failed for good, a late tick) leaves it as it is, except that proof of success always wins.
 */
export function after(state: OutboundState, event: OutboundEvent, now: number): OutboundState {
  // An ack is the truth even when we had given up: the message went out. A second proof, a receipt after the ack, is no news.
  if (event.type === 'acked') return state.at === 'acked' ? state : { at: 'acked' }
  switch (state.at) {
    case 'acked':
      return state
    case 'failed':
      return event.type === 'ask_again' ? queued(now) : state
    case 'queued':
      return whileWaiting(state, event, now)
    case 'uncertain':
      return whileWaiting(state, event, now)
    case 'sending':
      break
  }
  return whileSending(state, event, now)
}

function whileWaiting(
  state: Extract<OutboundState, { at: 'queued' | 'uncertain' }>,
  event: OutboundEvent,
  now: number,
): OutboundState {
  const { asked, attempts, refreshDevices } = state
  switch (event.type) {
    case 'relay':
      return { at: 'sending', asked, attempts: attempts + 1, refreshDevices, ackBy: now + ackWithinMs }
    case 'link_lost':
      // The next socket need not wait for a pause that was meant for this one.
      return state.at === 'uncertain' ? { ...state, dueAt: now } : state
    case 'tick':
      return now >= asked + liveMs ? failed(state.at === 'queued' ? 'EXPIRED' : 'UNCONFIRMED') : state
    case 'refused':
      return afterRefusal(state, event.error, now)
    case 'cannot_be_sent':
      return failed(event.reason)
    case 'cancel':
      // Of an uncertain one we cannot promise that it was never delivered.
      return state.at === 'queued' ? failed('CANCELLED') : state
    case 'acked':
    case 'not_written':
    case 'ask_again':
      break
  }
  return state
}

function whileSending(
  state: Extract<OutboundState, { at: 'sending' }>,
  event: OutboundEvent,
  now: number,
): OutboundState {
  const { asked, attempts, refreshDevices } = state
  switch (event.type) {
    case 'not_written': {
      if (now >= asked + liveMs) return failed('EXPIRED')
      if (event.counts && attempts >= maxAttempts) return failed('NO_DEVICE_REACHABLE')
      return {
        at: 'queued',
        asked,
        attempts: event.counts ? attempts : attempts - 1,
        refreshDevices,
        dueAt: now + event.pauseMs,
      }
    }
    case 'cannot_be_sent':
      return failed(event.reason)
    case 'refused':
      return afterRefusal(state, event.error, now)
    case 'link_lost':
      return unanswered(state, now, now)
    case 'tick':
      return now >= state.ackBy ? unanswered(state, now, now + backoffMs(attempts)) : state
    case 'relay':
    case 'acked':
    case 'cancel':
    case 'ask_again':
      break
  }
  return state
}

function unanswered(
  { asked, attempts, refreshDevices }: Extract<OutboundState, { at: 'sending' }>,
  now: number,
  dueAt: number,
): OutboundState {
  if (attempts >= maxAttempts || now >= asked + liveMs) return failed('UNCONFIRMED')
  return { at: 'uncertain', asked, attempts, refreshDevices, dueAt }
}

function afterRefusal(
  state: Extract<OutboundState, { at: 'queued' | 'sending' | 'uncertain' }>,
  error: number,
  now: number,
): OutboundState {
  const { asked, attempts } = state
  const { next, reason } = refusals[error] ?? { next: 'fail', reason: 'REFUSED_BY_WHATSAPP' }
  const spent = attempts >= maxAttempts || now >= asked + liveMs
  if (next === 'refresh_devices' && !state.refreshDevices && !spent) {
    return { at: 'queued', asked, attempts, dueAt: now, refreshDevices: true }
  }
  if (next === 'retry' && !spent) {
    return { at: 'queued', asked, attempts, dueAt: now + backoffMs(attempts), refreshDevices: false }
  }
  return failed(reason, error)
}

function failed(reason: SendFailureReason, ackError?: number): OutboundState {
  return { at: 'failed', failure: { reason, ackError } }
}

/** Whether nothing more happens to it by itself. */
export function isSettled(state: OutboundState): state is Extract<OutboundState, { at: 'acked' | 'failed' }> {
  return state.at === 'acked' || state.at === 'failed'
}

/** When to look at the message again (`tick`), if ever. */
export function nextTickAt(state: OutboundState): number | undefined {
  switch (state.at) {
    case 'queued':
    case 'uncertain':
      return state.asked + liveMs
    case 'sending':
      return state.ackBy
    case 'acked':
    case 'failed':
      break
  }
  return undefined
}

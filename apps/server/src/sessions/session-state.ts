import type { SessionReason, SessionStateName } from '@inbox-hub/contract'
import type { Jid } from '@inbox-hub/whatsapp'

/** Why a session is where it is. Its texts are in the contract's table of reasons. */
export interface Cause {
  code: SessionReason
  /** Safe to show: an HTTP status, a system code, WhatsApp's own words. */
  details?: Readonly<Record<string, string | number>>
}

/** A QR as WhatsApp gave it. `text` holds the secret that links a device: never stored, never logged. */
export interface ShownQr {
  text: string
  /** Counts from 1 within one round. */
  index: number
  of: number
  generatedAt: number
  expiresAt: number
}

/** A pairing code, for typing into the phone instead of scanning. */
export interface ShownCode {
  code: string
  expiresAt: number
}

/** Where a session stands with WhatsApp: exactly one of these. Times are Unix ms. */
export type SessionState =
  | { at: 'never_started' }
  | { at: 'claiming' }
  | { at: 'elsewhere'; cause: Cause }
  | { at: 'starting' }
  | { at: 'connecting' }
  | { at: 'pairing'; qr: ShownQr; code: ShownCode | undefined }
  | { at: 'restarting' }
  | { at: 'syncing' }
  | { at: 'online' }
  | { at: 'waiting'; cause: Cause; until: number }
  | { at: 'store_fault'; cause: Cause; probes: number; until: number }
  /** `unlinking`: WhatsApp is asked to forget the device; the credentials go when the socket is closed. */
  | { at: 'draining'; why: 'shutdown' | 'yielded' | 'unlinking' }
  | EndedState

/** States that stay until somebody acts, or until the time they name. */
export type EndedState =
  | { at: 'stopped' | 'qr_expired' | 'logged_out' | 'replaced' | 'passkey_required' | 'failed'; cause: Cause }
  | { at: 'restricted' | 'client_outdated'; cause: Cause; until: number }

/** What is true of a state wherever it occurs. Its word on the wire is in the contract (`statusOfState`). */
export interface StateFacts {
  /**
   * `moving`: on its way, with a deadline. `resting`: stays until somebody asks, or until the time it names.
   * `live`: online, ended by events alone.
   */
  kind: 'moving' | 'resting' | 'live'
  /** Ms until the state ends by itself; a word when the end is set case by case. */
  deadlineMs: number | 'until' | 'qr' | undefined
  /** Holds a socket that WhatsApp may still talk to. */
  socket: boolean
  meaning: string
  /** What happens next, or what to do. */
  remedy: string
}

/** How long an unpaired dial may take to get its QR: a desk waits for it (contract §12, pain 5). */
export const firstQrMs = 20_000

/** The states, one line each. docs/reference/session-states.md is made from them. */
export const stateFacts: Record<SessionStateName, StateFacts> = {
  never_started: {
    kind: 'resting',
    deadlineMs: undefined,
    socket: false,
    meaning: 'Created; nothing was started yet.',
    remedy: 'Call connect, or ask for the QR.',
  },
  stopped: {
    kind: 'resting',
    deadlineMs: undefined,
    socket: false,
    meaning: 'Ended on request. Credentials are kept.',
    remedy: 'Call connect; no QR is needed if it was linked.',
  },
  claiming: {
    kind: 'moving',
    deadlineMs: 5_000,
    socket: false,
    meaning: 'This node asks for the right to run the session.',
    remedy: 'Nothing to do.',
  },
  elsewhere: {
    kind: 'moving',
    deadlineMs: 5_000,
    socket: false,
    meaning: 'Another node runs the session; this one asks again every few seconds.',
    remedy: 'Nothing to do.',
  },
  starting: {
    kind: 'moving',
    deadlineMs: 30_000,
    socket: false,
    meaning: 'The right is held; the previous socket is closing, or other dials go first.',
    remedy: 'Nothing to do.',
  },
  connecting: {
    kind: 'moving',
    deadlineMs: 30_000, // 20 s when no phone is linked yet
    socket: true,
    meaning: 'A socket is opening, up to the QR or the login.',
    remedy: 'Nothing to do; a cause is named when the time is over.',
  },
  pairing: {
    kind: 'moving',
    deadlineMs: 'qr',
    socket: true,
    meaning: 'A QR (or a pairing code) waits for the phone.',
    remedy: 'Scan it: WhatsApp > Linked devices > Link a device.',
  },
  restarting: {
    kind: 'moving',
    deadlineMs: 15_000,
    socket: true,
    meaning: 'The phone accepted; WhatsApp asks the socket to come back as a login (515).',
    remedy: 'Nothing to do.',
  },
  syncing: {
    kind: 'moving',
    deadlineMs: 180_000,
    socket: true,
    meaning: 'Logged in; WhatsApp hands over what waited.',
    remedy: 'Nothing to do.',
  },
  online: {
    kind: 'live',
    deadlineMs: undefined,
    socket: true,
    meaning: 'Connected: receives and sends.',
    remedy: 'Nothing to do.',
  },
  waiting: {
    kind: 'moving',
    deadlineMs: 'until',
    socket: false,
    meaning: 'A connection ended for a passing reason; the next dial has its time.',
    remedy: 'Nothing to do; `reason` says why and `retryAt` when.',
  },
  store_fault: {
    kind: 'moving',
    deadlineMs: 'until',
    socket: false,
    meaning: 'Our database does not take writes. Nothing was acknowledged after the first that failed.',
    remedy: 'Free disk space or repair the database; the session goes on by itself.',
  },
  draining: {
    kind: 'moving',
    deadlineMs: 5_000,
    socket: true,
    meaning: 'This node hands the session over: it shuts down, or another took the session.',
    remedy: 'Nothing to do.',
  },
  qr_expired: {
    kind: 'resting',
    deadlineMs: undefined,
    socket: false,
    meaning: 'No phone scanned, and nobody asked for the QR for five minutes.',
    remedy: 'Call connect for new QR codes.',
  },
  logged_out: {
    kind: 'resting',
    deadlineMs: undefined,
    socket: false,
    meaning:
      'The device was unlinked, or the account locked. Its credentials were archived for 7 days and erased.',
    remedy: 'Call connect and scan a new QR.',
  },
  replaced: {
    kind: 'resting',
    deadlineMs: undefined,
    socket: false,
    meaning: 'Another program uses the same credentials and evicted this one twice within ten minutes.',
    remedy: 'Stop the other copy, then call connect.',
  },
  restricted: {
    kind: 'resting',
    deadlineMs: 'until',
    socket: false,
    meaning: 'WhatsApp restricted the account until `retryAt`. It is never dialled earlier.',
    remedy: 'Wait; then it connects by itself.',
  },
  client_outdated: {
    kind: 'resting',
    deadlineMs: 'until',
    socket: false,
    meaning: 'WhatsApp refused every version of WhatsApp Web that we know; tried again every hour.',
    remedy: 'Update the hub, or set WHATSAPP_VERSION.',
  },
  passkey_required: {
    kind: 'resting',
    deadlineMs: undefined,
    socket: false,
    meaning: 'The account asks for a passkey to link devices.',
    remedy: 'Switch the passkey off on the phone, call connect, scan again.',
  },
  failed: {
    kind: 'resting',
    deadlineMs: undefined,
    socket: false,
    meaning: 'Gave up: the same unexplained failure ten times, or one that repeating cannot cure.',
    remedy: 'Read GET …/diagnostics; call connect to try again.',
  },
}

/** A version of WhatsApp Web. */
export type WebVersion = readonly [number, number, number]

/** What is remembered from one dial to the next, until the session was online for a while. */
export interface Streak {
  /** Dials that failed since. */
  failures: number
  /** Restarts (515) in a row without coming online. */
  restarts: number
  /** The last failure's fingerprint, and how often in a row. */
  signature: string
  repeats: number
  /** Half-made credentials were replaced once already. */
  startedFresh: boolean
}

/** What the owner wants. `unlink`: come online once more, take the device off the phone, then stop. */
export type Wish = 'run' | 'stop' | 'unlink'

/** All that is known about one session's life. Changed by `decide` alone. */
export interface Standing {
  state: SessionState
  since: number
  wish: Wish
  /** Counts sockets: what an older one says is not heard. */
  generation: number
  /** The newest generation's socket. */
  socket: 'none' | 'open' | 'closing'
  lease: 'none' | 'asked' | 'held'
  /** A phone accepted these credentials. */
  linked: boolean
  /** Credentials to archive and erase, once no socket uses them; `runs` when the runner is at it. */
  forgetting: { cause: Cause; runs: boolean } | undefined
  /** It stands in the queue of dials. */
  queued: boolean
  /** When the session's one timer fires; undefined when none is set. */
  deadline: number | undefined
  /** The present wait has its place in the dial budget. */
  slotTaken: boolean
  /** When somebody last asked for a QR or a connection: QR codes go on for five minutes after. */
  watchedAt: number
  dialledAt: number
  streak: Streak
  /** When another program last evicted us. */
  evictedAt: number | undefined
  version: {
    /** undefined = the pinned one. */
    current: WebVersion | undefined
    /** Labels of versions refused since one last worked. */
    refused: readonly string[]
    lookUp: 'not_yet' | 'running' | 'done'
  }
  /** New chats may not be started before. */
  newChatsFrom: number | undefined
  /** The last word about connectedness that went out to webhooks. */
  announced: 'nothing' | 'qr' | 'connected' | 'disconnected'
  /** When a drop that lasts is announced. */
  announceAt: number | undefined
}

export interface Me {
  pn: Jid
  lid: Jid | undefined
  name?: string | undefined
}

/** Nothing went wrong lately. */
export const freshStreak: Streak = {
  failures: 0,
  restarts: 0,
  signature: '',
  repeats: 0,
  startedFresh: false,
}

/** A session that was just created. */
export function newStanding(now: number, wish: Standing['wish']): Standing {
  return {
    state: { at: 'never_started' },
    since: now,
    wish,
    generation: 0,
    socket: 'none',
    lease: 'none',
    linked: false,
    forgetting: undefined,
    queued: false,
    deadline: undefined,
    slotTaken: false,
    watchedAt: now,
    dialledAt: 0,
    streak: freshStreak,
    evictedAt: undefined,
    version: { current: undefined, refused: [], lookUp: 'not_yet' },
    newChatsFrom: undefined,
    announced: 'nothing',
    announceAt: undefined,
  }
}

/** Sends may be claimed: the session is online and this node owns it (I7). */
export function maySend({ state, lease, socket }: Standing): boolean {
  return state.at === 'online' && lease === 'held' && socket === 'open'
}

/** Stays as it is until somebody acts, or until the time it names. */
export function isResting(state: SessionState): boolean {
  return stateFacts[state.at].kind === 'resting'
}

/** Why the session is where it is; undefined while nothing is wrong. */
export function causeIn(state: SessionState): Cause | undefined {
  return 'cause' in state ? state.cause : undefined
}

/** When the session tries again by itself. */
export function retryAt(state: SessionState): number | undefined {
  return 'until' in state ? state.until : undefined
}

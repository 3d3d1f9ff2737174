import type { DisconnectCause } from '@inbox-hub/whatsapp'

import type { Cause, Me, SessionState, ShownQr, Standing, WebVersion } from './session-state.ts'

/** What can happen to a session. Those with a `generation` come from a socket: an older one is not heard. */
export type SessionEvent =
  | { type: 'connect' | 'restart' | 'unlink' | 'boot' | 'shutdown' | 'watched' }
  | { type: 'stop'; cause: 'asked' | 'deleted' }
  /** The timer armed for `deadline` fired. `slotAt`: when the dial budget has room (waiting only). `silence`: what a dial that said nothing looks like. */
  | { type: 'timer'; deadline: number; slotAt?: number; silence?: DisconnectCause }
  | { type: 'announce_due'; at: number }
  | { type: 'claimed'; outcome: 'granted' | 'denied' | 'failed' }
  | { type: 'lease_lost' | 'dial_turn' | 'credentials_forgotten' }
  | { type: 'version_found'; version: WebVersion | undefined }
  | { type: 'store_answers'; ok: boolean }
  | { type: 'dial_failed'; generation: number; why: 'store_fault' | 'fenced' | 'unreadable' | 'fault' }
  | { type: 'qr'; generation: number; text: string; index: number; of: number; expiresAt: number }
  | { type: 'pairing_code'; generation: number; code: string; expiresAt: number }
  | { type: 'paired' | 'online'; generation: number; me: Me }
  | { type: 'logged_in' | 'passkey_required' | 'fenced' | 'store_fault'; generation: number }
  | { type: 'restricted'; generation: number; until: number; scope: 'account' | 'new_chats' }
  | { type: 'closed'; generation: number; cause: DisconnectCause }
  /** What we asked to close is closed. */
  | { type: 'link_gone'; generation: number }

/** What the runner has to do, in this order. */
export type Effect =
  /** Answered by `claimed`. */
  | { do: 'claim' }
  /** Gives the lease back; `drop_lease` when it is known to be lost. */
  | { do: 'release' | 'drop_lease' }
  /** Answered by `dial_turn`, unless the queue is left before. */
  | { do: 'queue_dial' }
  | { do: 'leave_queue' }
  | { do: 'dial'; generation: number; version: WebVersion | undefined }
  /** Answered by `link_gone`. `unlink` takes the device off the phone first. */
  | { do: 'close' | 'unlink'; generation: number }
  /** The session's one timer: replaces the one before. */
  | { do: 'arm'; at: number }
  | { do: 'disarm' }
  | { do: 'arm_announcement'; at: number }
  | { do: 'disarm_announcement' }
  /** Archive the credentials, then erase them and the Signal keys. Answered by `credentials_forgotten`, done or not. */
  | { do: 'forget_credentials'; cause: Cause }
  | { do: 'know'; me: Me }
  /** Answered by `version_found`. */
  | { do: 'look_up_version' }
  | { do: 'version_worked'; version: WebVersion | undefined }
  /** Answered by `store_answers`. */
  | { do: 'probe_store' }
  /** One timeline row, one `session.state` event and the mirror row, in one transaction. */
  | { do: 'record'; state: SessionState }
  | { do: 'tell'; what: 'connected' }
  | { do: 'tell'; what: 'disconnected'; cause: Cause }
  | { do: 'tell'; what: 'qr'; qr: ShownQr }
  | { do: 'note_error'; cause: Cause }

/** Everything `decide` may know that is not in the standing. */
export interface Circumstances {
  /** Unix ms. */
  now: number
  /** Uniform in [0, 1). */
  jitter: number
  /** The version some session of this hub last logged in with, when it is not the pinned one. */
  knownGood: WebVersion | undefined
}

export interface Decision {
  standing: Standing
  effects: readonly Effect[]
}

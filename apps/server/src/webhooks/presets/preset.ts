import type { KeyObject } from 'node:crypto'

import type { StoredEvent } from '../../events/index.ts'
import type { SessionView } from '../../sessions/index.ts'
import type { LaneName } from '../tables.ts'
import type { ResponseCheck } from '../verdict.ts'

/** What one receiver is told about one event. */
export interface Telling {
  /** The event's name in this preset. */
  type: string
  lane: LaneName
  /** Exactly what is signed and sent. */
  body: string
  /** Not before so long after the event, ms. */
  holdMs: number
}

/** What the headers of one attempt are made of. */
export interface Attempt {
  id: string
  eventType: string
  sessionName: string
  body: Uint8Array
  /** The current key, and while a secret is being replaced the former one after it. */
  keys: readonly [KeyObject, ...KeyObject[]]
  /** Unix ms. */
  now: number
}

/** The QR that waits for a scan now. */
export interface WaitingQr {
  text: string
  /** A PNG as a data URL. */
  dataUrl: string
  /** Unix ms. */
  expiresAt: number
}

/** Something told that is no event of the log: a test. */
export interface Ping {
  type: string
  id: string
  sessionName: string
  sessionNumber: number
  /** Unix ms. */
  at: number
  data: object
}

/** A dialect of webhooks: how events are told and how a call is signed; and what goes without saying when an endpoint does not say it. Pure. */
export interface Preset {
  /** Whether a delivery waits for the success of the one before it. */
  readonly ordered: boolean
  /** From its start to the last byte of the answer. */
  readonly timeoutMs: number
  /** How an answer is read. */
  readonly check: ResponseCheck
  /** What an endpoint of this preset is told of an event of `session`, if it listens to `events`; to none means to the usual ones. */
  tell(event: StoredEvent, session: SessionView, events: readonly string[]): readonly Telling[]
  /** The body of a test. */
  ping(ping: Ping): string
  /** The body of `session.qr` with the code in it: codes are secrets, so no row holds one. */
  withQr(body: string, qr: WaitingQr): string
  headers(attempt: Attempt): Record<string, string>
}

/** `body` with more fields in its `data`. */
export function withData(body: string, fields: object): string {
  const told = JSON.parse(body) as { data: object } // written by `tell` of the same preset
  return JSON.stringify({ ...told, data: { ...told.data, ...fields } })
}

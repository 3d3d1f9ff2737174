/**
 * The seven words for a session's status that clients know. Never add, rename or re-case one: a CRM keeps them in a
 * select column, and searches unknown ones for parts of words (`not_connected` became "Connected").
 */
export const sessionStatuses = [
  'pending',
  'connecting',
  'qr_code',
  'connected',
  'disconnected',
  'error',
  'rate_limited',
] as const
export type SessionStatus = (typeof sessionStatuses)[number]

/** Every internal state of a session and the word the wire has for it. The richer name is answered as `state`. */
export const statusOfState = {
  never_started: 'pending',
  claiming: 'connecting',
  starting: 'connecting',
  connecting: 'connecting',
  restarting: 'connecting',
  syncing: 'connecting',
  waiting: 'connecting',
  store_fault: 'connecting',
  draining: 'connecting',
  elsewhere: 'connecting',
  pairing: 'qr_code',
  online: 'connected',
  stopped: 'disconnected',
  qr_expired: 'disconnected',
  logged_out: 'disconnected',
  replaced: 'disconnected',
  restricted: 'rate_limited',
  client_outdated: 'error',
  passkey_required: 'error',
  failed: 'error',
} as const satisfies Record<string, SessionStatus>

/** Where a session stands; its row in docs/reference/session-states.md says what leaves it and when. */
export type SessionStateName = keyof typeof statusOfState

/** Every state, in the order of the table. */
export function sessionStateNames(): readonly SessionStateName[] {
  // Object.keys forgets the type of the keys; the table is frozen by `as const`.
  return Object.keys(statusOfState) as SessionStateName[]
}

/** Other spellings that clients send in filters. Never emitted. */
const aliases: Readonly<Record<string, SessionStatus>> = {
  qr: 'qr_code',
  qrcode: 'qr_code',
  qr_code_required: 'qr_code',
  qr_required: 'qr_code',
  timeout: 'disconnected',
}

/** The status a client means, whatever the case and spelling; undefined when it is none. */
export function parseSessionStatus(text: string): SessionStatus | undefined {
  const word = text
    .trim()
    .toLowerCase()
    .replace(/[\s-]+/g, '_')
  return (
    sessionStatuses.find((status) => status === word) ??
    (Object.hasOwn(aliases, word) ? aliases[word] : undefined)
  )
}

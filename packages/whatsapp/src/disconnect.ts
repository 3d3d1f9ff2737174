/**
 * Where the end of a connection came from. The same number means different things from different origins,
 * so a disconnect is classified by origin first and code second.
 */
export type DisconnectOrigin =
  /** WhatsApp answered the login or registration with `<failure reason=…>`. */
  | 'failure'
  /** WhatsApp ended a running stream with `<stream:error>`. */
  | 'stream_error'
  /** Name resolution, TCP, TLS or the proxy failed. */
  | 'transport'
  /** The WebSocket upgrade was answered with something other than 101. */
  | 'upgrade'
  /** The Noise handshake did not verify, or a frame could not be decrypted. */
  | 'noise'
  /** The other side closed without a word, or we found the connection dead. */
  | 'closed'
  /** A deadline of ours passed. */
  | 'deadline'
  /** We ended it ourselves. */
  | 'local'

/** What a session does after a disconnect. */
export type Recovery =
  /** Dial again after a backoff that grows. */
  | 'retry'
  /** Dial again, at least 5 s later. */
  | 'retry_slowly'
  /** Dial again within a second: this is how pairing ends, not a failure. */
  | 'restart'
  /** Dial again when the time that WhatsApp named has passed, never earlier. */
  | 'wait_until'
  /** Try the next known WhatsApp Web version; when none is left, once an hour. */
  | 'other_version'
  /** Forget the half-made credentials and pair from the start, once. */
  | 'start_fresh'
  /** Show a new round of QR codes while somebody watches. */
  | 'new_codes'
  /** Dial once more after 30 s; a second time within 10 minutes means another program uses the credentials: stop. */
  | 'retry_once'
  /** Stop until the user pairs again. */
  | 'pair_again'
  /** Stop until the user or the operator changes something. */
  | 'stop'
  /** Wait until the store can commit, then dial. */
  | 'wait_for_store'
  /** Do nothing: another node of this hub owns the session. */
  | 'yield'

/** What becomes of the session's credentials. */
export type CredentialsFate =
  | 'keep'
  /** Dead at WhatsApp: moved to the archive, then erased. */
  | 'archive'
  /** Never completed: replaced by new ones. */
  | 'replace'

/** What is known about one reason. */
export interface DisconnectFacts {
  origins: readonly DisconnectOrigin[]
  /** Codes that carry it, as WhatsApp, HTTP or the operating system name them. Empty: recognised by other signs. */
  codes: readonly (number | string)[]
  /** What happened, for whoever operates the hub. */
  meaning: string
  recovery: Recovery
  credentials: CredentialsFate
}

/**
 * Every way a connection with WhatsApp ends, and what follows. Sources: measured against baileys 7.0.0-rc14,
 * whatsmeow's `types/events` for the failure codes, field reports where the meaning says so
 * (docs/reference/disconnects.md is generated from this table).
 */
export const disconnects = {
  logged_out: {
    origins: ['failure', 'stream_error'],
    codes: [401, 'device_removed'],
    meaning:
      'The device was unlinked from the phone, or by WhatsApp (phone unused for 14 days, device idle for 30).',
    recovery: 'pair_again',
    credentials: 'archive',
  },
  half_registered: {
    origins: ['failure', 'stream_error'],
    codes: [401],
    meaning:
      'The login was refused because pairing never completed: a pairing code was asked for and not used. Not a logout.',
    recovery: 'start_fresh',
    credentials: 'replace',
  },
  restricted: {
    origins: ['failure'],
    codes: [402],
    meaning: 'WhatsApp banned the account for a while and says for how long.',
    recovery: 'wait_until',
    credentials: 'keep',
  },
  locked: {
    origins: ['failure', 'stream_error'],
    codes: [403],
    meaning:
      'WhatsApp locked the account, or its main phone is gone. Seen for bans and for moves to another phone.',
    recovery: 'pair_again',
    credentials: 'archive',
  },
  client_outdated: {
    origins: ['failure'],
    codes: [405],
    meaning: 'WhatsApp refused the version of WhatsApp Web that the hub speaks, or its registration payload.',
    recovery: 'other_version',
    credentials: 'keep',
  },
  banned: {
    origins: ['failure'],
    codes: [406],
    meaning: 'WhatsApp banned the account, or ended the login for a reason it does not name.',
    recovery: 'pair_again',
    credentials: 'archive',
  },
  bad_user_agent: {
    origins: ['failure'],
    codes: [409],
    meaning: 'WhatsApp refused how the hub names itself. Our configuration is at fault.',
    recovery: 'stop',
    credentials: 'keep',
  },
  phone_outdated: {
    origins: ['failure', 'stream_error'],
    codes: [411],
    meaning: 'The WhatsApp on the phone is too old to link devices of today.',
    recovery: 'stop',
    credentials: 'replace',
  },
  unexpected_failure: {
    origins: ['failure'],
    codes: [413, 414, 415, 418],
    meaning: 'WhatsApp refused the login with a code that its web client is not expected to meet.',
    recovery: 'stop',
    credentials: 'keep',
  },
  restart_required: {
    origins: ['stream_error', 'failure'],
    codes: [515],
    meaning: 'WhatsApp asks to connect again. It follows every successful pairing.',
    recovery: 'restart',
    credentials: 'keep',
  },
  connection_replaced: {
    origins: ['stream_error'],
    codes: [440, 'conflict', 'replaced'],
    meaning: 'Another connection logged in with the same credentials, so WhatsApp ended ours.',
    recovery: 'retry_once',
    credentials: 'keep',
  },
  service_unavailable: {
    origins: ['failure', 'stream_error'],
    codes: [503],
    meaning: 'WhatsApp is restarting or overloaded.',
    recovery: 'retry_slowly',
    credentials: 'keep',
  },
  dns_failed: {
    origins: ['transport'],
    codes: ['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'ENODATA'],
    meaning: "The name of WhatsApp's server (or of the proxy) could not be resolved.",
    recovery: 'retry',
    credentials: 'keep',
  },
  unreachable: {
    origins: ['transport'],
    codes: ['ECONNREFUSED', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENETDOWN', 'EACCES', 'EPERM'],
    meaning:
      "No connection to WhatsApp's server could be made: a firewall, no route, or the network is down.",
    recovery: 'retry',
    credentials: 'keep',
  },
  proxy_refused: {
    origins: ['transport', 'upgrade'],
    codes: [407],
    meaning: 'The configured proxy did not let the connection through.',
    recovery: 'retry',
    credentials: 'keep',
  },
  tls_refused: {
    origins: ['transport'],
    codes: [
      'SELF_SIGNED_CERT_IN_CHAIN',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'UNABLE_TO_GET_ISSUER_CERT',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'ERR_TLS_CERT_ALTNAME_INVALID',
      'CERT_SIGNATURE_FAILURE',
      'CERT_UNTRUSTED',
      'CERT_REVOKED',
      'EPROTO',
    ],
    meaning: 'The TLS certificate is not one of WhatsApp: something on the way opens the traffic.',
    recovery: 'retry',
    credentials: 'keep',
  },
  clock_wrong: {
    origins: ['transport'],
    codes: ['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED'],
    meaning: "WhatsApp's certificate is not valid at the time this machine believes it is.",
    recovery: 'retry',
    credentials: 'keep',
  },
  upgrade_refused: {
    origins: ['upgrade'],
    codes: [200, 301, 302, 307, 308, 400, 401, 403, 404, 405, 429, 500, 502, 503, 504],
    meaning:
      'The WebSocket upgrade was answered with another HTTP status: a proxy, a captive portal, or WhatsApp turning this address away.',
    recovery: 'retry_slowly',
    credentials: 'keep',
  },
  noise_mismatch: {
    origins: ['noise'],
    codes: [400],
    meaning:
      "The encrypted handshake did not verify: a middlebox answers in WhatsApp's place, or the protocol changed.",
    recovery: 'retry_slowly',
    credentials: 'keep',
  },
  bad_frame: {
    origins: ['noise'],
    codes: [],
    meaning: 'A frame could not be decrypted or decoded. Only this connection is affected.',
    recovery: 'retry',
    credentials: 'keep',
  },
  connection_lost: {
    origins: ['closed', 'transport'],
    codes: [408, 'ECONNRESET', 'EPIPE', 'ECONNABORTED'],
    meaning: 'The connection died: keep-alives went unanswered, or it was cut.',
    recovery: 'retry',
    credentials: 'keep',
  },
  connection_closed: {
    origins: ['closed'],
    codes: [428],
    meaning: 'WhatsApp closed the connection without giving a reason.',
    recovery: 'retry',
    credentials: 'keep',
  },
  handshake_timeout: {
    origins: ['deadline'],
    codes: [408],
    meaning: "The connection was made, and WhatsApp's server then said nothing.",
    recovery: 'retry',
    credentials: 'keep',
  },
  no_answer: {
    origins: ['deadline'],
    codes: [],
    meaning: 'A step of connecting or synchronising took longer than it may.',
    recovery: 'retry',
    credentials: 'keep',
  },
  codes_used_up: {
    origins: ['closed', 'deadline'],
    codes: [408],
    meaning: "Nobody scanned a QR code before WhatsApp's six codes ran out (160 s).",
    recovery: 'new_codes',
    credentials: 'keep',
  },
  passkey_required: {
    origins: ['local'],
    codes: ['passkey_prologue_request'],
    meaning: 'The account asks for a passkey to link a device, which cannot be given here.',
    recovery: 'stop',
    credentials: 'keep',
  },
  store_fault: {
    origins: ['local'],
    codes: [],
    meaning:
      'Our database did not take a write, so nothing more was acknowledged and the connection was cut.',
    recovery: 'wait_for_store',
    credentials: 'keep',
  },
  fenced: {
    origins: ['local'],
    codes: [],
    meaning: 'Another node of this hub took the session over.',
    recovery: 'yield',
    credentials: 'keep',
  },
  asked: {
    origins: ['local'],
    codes: [],
    meaning: 'We ended the connection because somebody asked for it.',
    recovery: 'stop',
    credentials: 'keep',
  },
  unknown: {
    origins: ['failure', 'stream_error', 'transport', 'closed', 'local'],
    codes: [500, 501],
    meaning:
      'None of the signs we know. A 500 of baileys means "unknown", never "delete the session". Repeated ten times alike, it ends the session with a diagnosis.',
    recovery: 'retry',
    credentials: 'keep',
  },
} as const satisfies Record<string, DisconnectFacts>

export type DisconnectReason = keyof typeof disconnects

/** The facts about a reason, typed as the union of what facts there are. */
export function factsOf(reason: DisconnectReason): DisconnectFacts {
  return disconnects[reason]
}

/** Why a connection ended, understood. */
export interface DisconnectCause {
  origin: DisconnectOrigin
  reason: DisconnectReason
  /** The number that came with it; 0 when none did. */
  code: number
  /** What the library or the system said, safe to log: no user data. */
  message: string
  /** How long WhatsApp says the restriction lasts, ms. */
  lastsMs?: number
  /** What else is worth showing: `banCode`, `location`, `httpStatus`, `systemCode`, … */
  details?: Readonly<Record<string, string | number>>
}

/** What is known of an end before it is understood. */
export interface RawDisconnect {
  /** When the observer knows it; recognised from `message` otherwise. */
  origin?: DisconnectOrigin
  /** Boom's `output.statusCode`, a close code, an HTTP status, or a system code such as `ENOTFOUND`. */
  code?: number | string | undefined
  /** The error's message. */
  message?: string | undefined
  /** Boom's `data`: a node's attributes, `{tag}` of a stream error's first child, or the system's error. */
  data?: unknown
  /** Whether the credentials have an account that never completed pairing (`creds.me && !creds.account`). */
  halfRegistered?: boolean
}

/**
 * Understands the end of a connection. Pure. Reads what baileys puts into `lastDisconnect.error`
 * (`lib/Socket/socket.js`, `lib/Utils/generics.js` of 7.0.0-rc14) as well as what our own observers saw.
 */
export function classifyDisconnect(raw: RawDisconnect): DisconnectCause {
  const message = raw.message ?? ''
  const data = fieldsOf(raw.data)
  const origin = raw.origin ?? originOf(message, data, raw.code)
  const systemCode = systemCodeOf(data['code']) ?? systemCodeOf(raw.code) ?? namedIn(message)
  const code = numberOf(origin === 'failure' ? (data['reason'] ?? raw.code) : raw.code) ?? 0
  const reason = decisions[origin]({ origin, code, systemCode, message, data, raw })
  const details: Record<string, string | number> = {}
  if (systemCode !== undefined) details['systemCode'] = systemCode
  if (origin === 'upgrade' && code !== 0) details['httpStatus'] = code
  if (typeof data['tag'] === 'string') details['tag'] = data['tag']
  if (typeof data['location'] === 'string') details['location'] = data['location']
  const cause: DisconnectCause = { origin, reason, code, message: message.slice(0, 300) }
  if (origin === 'failure') {
    // What WhatsApp shows its own users: logout_message_header, logout_message_subtext, …
    for (const [key, value] of Object.entries(data)) {
      if (key.startsWith('logout_message_') && typeof value === 'string') details[key] = value.slice(0, 300)
    }
    const banCode = numberOf(data['code'])
    const expireSeconds = numberOf(data['expire'])
    if (reason === 'restricted') {
      if (banCode !== undefined) details['banCode'] = banCode
      if (expireSeconds !== undefined && expireSeconds >= 0) cause.lastsMs = expireSeconds * 1000
    }
  }
  if (Object.keys(details).length > 0) cause.details = details
  return cause
}

/** Why WhatsApp restricted an account, by the `code` beside a 402 (whatsmeow `types/events`, TempBanReason). */
export const banCodes: Readonly<Record<number, string>> = {
  101: 'Messages were sent to too many people who do not have the number in their contacts.',
  102: 'Too many people blocked the number.',
  103: 'Too many groups were made with people who do not have the number in their contacts.',
  104: 'The same message was sent to too many people.',
  106: 'Too many messages were sent to a broadcast list.',
}

interface Signs {
  origin: DisconnectOrigin
  code: number
  systemCode: string | undefined
  message: string
  data: Readonly<Record<string, unknown>>
  raw: RawDisconnect
}

/** One decision per origin. An origin without a line here does not compile. */
const decisions: Record<DisconnectOrigin, (signs: Signs) => DisconnectReason> = {
  failure: ofFailure,
  stream_error: ofStreamError,
  transport: ofTransport,
  upgrade: ({ code }) => (code === 407 ? 'proxy_refused' : 'upgrade_refused'),
  noise: ({ message }) => (/certificate|handshake|noise/i.test(message) ? 'noise_mismatch' : 'bad_frame'),
  closed: ({ code, message }) => {
    if (codesEnded.test(message)) return 'codes_used_up'
    // 428 is baileys' word for a close without reason; 1000 and up are WebSocket close codes.
    return code === 428 || (code >= 1000 && code < 5000) ? 'connection_closed' : 'connection_lost'
  },
  deadline: ({ code, message }) => {
    if (codesEnded.test(message)) return 'codes_used_up'
    return code === 408 ? 'handshake_timeout' : 'no_answer'
  },
  local: ({ message }) => {
    if (message.startsWith('Intentional Logout')) return 'asked'
    const named = reasonNames().find((reason) => reason === message)
    return named !== undefined && factsOf(named).origins.includes('local') ? named : 'unknown'
  },
}

const codesEnded = /QR refs attempts ended/i

function ofFailure({ code, raw }: Signs): DisconnectReason {
  switch (code) {
    case 401:
      return raw.halfRegistered === true ? 'half_registered' : 'logged_out'
    case 402:
      return 'restricted'
    case 403:
      return 'locked'
    case 405:
      return 'client_outdated'
    case 406:
      return 'banned'
    case 409:
      return 'bad_user_agent'
    case 411:
      return 'phone_outdated'
    case 413:
    case 414:
    case 415:
    case 418:
      return 'unexpected_failure'
    case 503:
      return 'service_unavailable'
    case 515:
      return 'restart_required'
    default:
      return 'unknown'
  }
}

function ofStreamError({ code, data, raw, message }: Signs): DisconnectReason {
  const child = typeof data['tag'] === 'string' ? data['tag'] : ''
  const type = fieldsOf(data['attrs'])['type']
  if (child === 'conflict' || /\(conflict\)/.test(message)) {
    if (type === 'device_removed' || code === 401)
      return raw.halfRegistered === true ? 'half_registered' : 'logged_out'
    return 'connection_replaced'
  }
  switch (code) {
    case 401:
      return raw.halfRegistered === true ? 'half_registered' : 'logged_out'
    case 403:
      return 'locked'
    case 411:
      return 'phone_outdated'
    case 440:
      return 'connection_replaced'
    case 503:
      return 'service_unavailable'
    case 515:
      return 'restart_required'
    default:
      return 'unknown'
  }
}

/** System codes by reason, read from the table so that it stays the only list. */
const bySystemCode: ReadonlyMap<string, DisconnectReason> = new Map(
  reasonNames().flatMap((reason) =>
    factsOf(reason)
      .codes.filter((code) => typeof code === 'string' && /^[A-Z]/.test(code))
      .map((code) => [String(code), reason] as const),
  ),
)

function systemCodeOf(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Z][A-Z\d_]{3,}$/.test(value) ? value : undefined
}

/** The system code that a message names: libraries between us and the socket (SOCKS) keep the text and lose the field. */
function namedIn(message: string): string | undefined {
  return message.match(/\b[A-Z][A-Z\d_]{4,}\b/g)?.find((word) => bySystemCode.has(word))
}

function ofTransport({ systemCode, message, code }: Signs): DisconnectReason {
  const known = systemCode === undefined ? undefined : bySystemCode.get(systemCode)
  if (known !== undefined) return known
  if (/proxy|socks/i.test(message)) return 'proxy_refused'
  if (/certificate/i.test(message) || systemCode?.startsWith('ERR_SSL_')) return 'tls_refused'
  if (/timed out|timeout/i.test(message)) return 'unreachable'
  return code === 408 || /socket hang up|reset|disconnected/i.test(message) ? 'connection_lost' : 'unknown'
}

function originOf(message: string, data: Readonly<Record<string, unknown>>, code: unknown): DisconnectOrigin {
  if (message === 'Connection Failure') return 'failure'
  if (message.startsWith('Stream Errored')) return 'stream_error'
  if (message.startsWith('Multi-device beta')) return 'stream_error' // <ib><downgrade_webclient>
  if (message.includes('Unexpected server response')) return 'upgrade'
  if (message.startsWith('WebSocket Error')) return 'transport'
  if (/certificate|unable to authenticate data|noise/i.test(message)) return 'noise'
  if (message.startsWith('Timed Out')) return 'deadline'
  if (typeof code === 'string' || typeof data['code'] === 'string') return 'transport'
  if (/Connection was lost|QR refs attempts ended|Connection Terminated|Connection Closed/i.test(message))
    return 'closed'
  return code === 408 || code === 428 ? 'closed' : 'local'
}

/** Every reason, in the order of the table. */
export function reasonNames(): readonly DisconnectReason[] {
  // Object.keys forgets the type of the keys; the table is frozen by `as const`.
  return Object.keys(disconnects) as DisconnectReason[]
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  // Boom's data is whatever was thrown into it; its fields are checked one by one where they are read.
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function numberOf(value: unknown): number | undefined {
  const number =
    typeof value === 'number'
      ? value
      : typeof value === 'string' && /^\d{1,12}$/.test(value)
        ? Number(value)
        : Number.NaN
  return Number.isFinite(number) ? number : undefined
}

import type { BinaryNode, WASocket } from '../baileys.ts'

import { HubError } from '@inbox-hub/contract'
import type { DisconnectCause, Jid, RawDisconnect } from '@inbox-hub/whatsapp'
import { classifyDisconnect, tryParseJid } from '@inbox-hub/whatsapp'

import type { Lease } from '../../../cluster/index.ts'
import { Fenced } from '../../../cluster/index.ts'
import type { Clock } from '../../../platform/clock.ts'
import { QueryRefused } from '../../query-refused.ts'
import type { DialStep, LinkEvent } from './dial.ts'
import type { LinkParts } from './parts.ts'
import { Wire } from './wire.ts'

/** Connecting, up to the answer to our payload: baileys runs without a timer of its own (`connectTimeoutMs: 0`). */
const CONNECT_MS = 20_000
const HANDSHAKE_MS = 20_000
const ANSWER_MS = 20_000
/** A query of ours waits no longer: clients give up after 30 s. */
const QUERY_ANSWER_MS = 20_000
/** Then the connection is cut, politely closed or not. */
const POLITE_CLOSE_MS = 2_000
/** … and by then it is over for the session. */
const CLOSE_LIMIT_MS = 3_000

/**
 * One socket's life, from the dial to its end: the deadlines of connecting, what the session is told, queries, and the end with its cause.
 * Order of ending: our own death first (nothing is told any more but the end), then flush, polite close, cut after 2 s, settled after 3 s
 * at the latest. baileys alone waits 30 s for a dead peer.
 */
export class Connection {
  readonly generation: number
  readonly lease: Lease
  readonly clock: Clock
  readonly #parts: LinkParts
  #sock: WASocket | undefined
  #wire: Wire | undefined
  #phase: 'connecting' | 'handshake' | 'answer' | 'settled' = 'connecting'
  #deadline: Disposable | undefined
  #ending: Promise<void> | undefined
  #closed = false
  readonly #socketClosed = Promise.withResolvers<void>()
  #written = 0
  #offAbort: (() => void) | undefined

  constructor(parts: LinkParts) {
    this.#parts = parts
    this.clock = parts.clock
    this.generation = parts.options.generation
    this.lease = parts.options.lease
  }

  /** Takes the socket and listens. No frame is written before what `hold` answers, a promise or undefined, has settled. */
  attach(sock: WASocket, hold: () => Promise<void> | undefined): Wire {
    this.#sock = sock
    const wire = new Wire(sock)
    this.#wire = wire
    this.#wait(CONNECT_MS, { origin: 'transport', code: 'ETIMEDOUT', message: 'no connection within 20 s' })

    wire.inOrder((error) => this.onBadFrame(error))
    wire.beforeWriting(() => {
      this.#beforeWriting()
      return hold()
    })
    wire.on('open', () => {
      this.step('upgrade', {})
      this.#phase = 'handshake'
      this.#wait(HANDSHAKE_MS, {
        origin: 'deadline',
        code: 408,
        message: 'the handshake was not answered within 20 s',
      })
    })
    wire.on('unexpected-response', (_request: unknown, response: { statusCode?: number; resume(): void }) => {
      // baileys has no listener of its own for this, and would wait for ever (measured: proofs e2).
      response.resume()
      const status = response.statusCode ?? 0
      this.step('unexpected_response', { status })
      this.#end({ origin: 'upgrade', code: status, message: `the upgrade was answered with HTTP ${status}` })
    })
    wire.once('frame', () => this.step('first_frame', {}))
    this.#attachAnswers(wire)
    return wire
  }

  #attachAnswers(wire: Wire): void {
    wire.before('CB:success', () => {
      this.settled()
      this.step('success', {})
      this.tell({ type: 'logged_in' })
    })
    wire.before('CB:failure', ({ attrs }) => {
      this.settled()
      this.step('failure', { reason: attrs['reason'] ?? null, location: attrs['location'] ?? null })
      // A reason that is no number makes baileys throw inside its own handler, and the socket hang (proofs e2).
      const reason = Number(attrs['reason'])
      if (!Number.isInteger(reason) || reason < 400)
        this.#end({ origin: 'failure', code: 500, message: 'Connection Failure', data: attrs })
    })
    wire.before('CB:stream:error', (node) => {
      this.settled()
      const [child] = Array.isArray(node.content) ? node.content : []
      this.step('stream_error', { code: node.attrs['code'] ?? null, child: child?.tag ?? null })
    })
  }

  /** Ends with the lease: nothing may be written without it. */
  followLease(): void {
    const { lost } = this.lease
    const onLost = (): void => this.onFault(new Fenced('the lease was lost'))
    if (lost.aborted) return queueMicrotask(onLost)
    lost.addEventListener('abort', onLost, { once: true })
    this.#offAbort = () => lost.removeEventListener('abort', onLost)
  }

  /** WhatsApp has answered the login: no deadline runs any more. */
  settled(): void {
    this.#phase = 'settled'
    this.#deadline?.[Symbol.dispose]()
  }

  #wait(ms: number, raw: RawDisconnect): void {
    this.#deadline?.[Symbol.dispose]()
    this.#deadline = this.clock.after(ms, () => this.#end(raw))
  }

  #beforeWriting(): void {
    this.#written += 1
    // The client hello, then the payload: registration or login.
    if (this.#written === 2) {
      this.step('payload', { kind: this.#parts.creds.me === undefined ? 'register' : 'login' })
      this.#phase = 'answer'
      this.#parts.context.handshake = undefined
      this.#wait(ANSWER_MS, { origin: 'deadline', message: 'WhatsApp did not answer the login within 20 s' })
    }
  }

  // -- what is wrong

  /** A write failed or the lease is gone: cut first, so that nothing is acknowledged, then tell. */
  onFault(error: unknown): void {
    this.#wire?.terminate()
    if (this.#ending !== undefined) return
    if (error instanceof Fenced) {
      this.tell({ type: 'fenced' })
      this.#end({ origin: 'local', message: 'fenced' })
    } else {
      const fault = error instanceof Error ? error : new Error(String(error))
      this.#parts.log.error({ ...this.names, error: fault }, 'the store failed; the socket was cut')
      this.tell({ type: 'store_fault', error: fault })
      this.#end({ origin: 'local', message: 'store_fault' })
    }
  }

  /** A rejection that nobody handled came from this socket's work. */
  onStray(reason: unknown): void {
    // A write that came too late (`sendRawMessage`): the socket itself tells its end, with the true cause.
    if (reason instanceof Error && reason.message === 'Connection Closed') return
    this.onBadFrame(reason)
  }

  onBadFrame(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error)
    this.step('bad_frame', { message: message.slice(0, 120) })
    this.#end({
      origin: 'noise',
      message: this.#phase === 'settled' ? message : `noise handshake: ${message}`,
    })
  }

  // -- the end

  /** Resolves when it is over for the session, within 3 s. */
  close(): Promise<void> {
    this.#end({ origin: 'local', message: 'asked' })
    return this.#ending ?? Promise.resolve()
  }

  onSocketClosed(error: unknown): void {
    // In baileys' own turn, before it throws its buffered events away.
    this.#sock?.ev.flush()
    this.#socketClosed.resolve()
    const raw = rawOf(error)
    // What baileys refuses while it checks the server's certificates is a 400 of its own making.
    const isHandshake = this.#phase === 'handshake' && raw.code === 400
    this.#end(
      isHandshake ? { ...raw, origin: 'noise', message: `noise handshake: ${raw.message ?? ''}` } : raw,
    )
  }

  /** The first cause is the cause. */
  #end(raw: RawDisconnect): void {
    if (this.#ending !== undefined) return
    const cause = classifyDisconnect({
      ...raw,
      halfRegistered: this.#parts.creds.me !== undefined && this.#parts.creds.account === undefined,
    })
    // Set before anything can call back: ending a socket that is closed already closes it in the same turn.
    const ended = Promise.withResolvers<void>()
    this.#ending = ended.promise
    void this.#teardown(cause).finally(() => ended.resolve())
  }

  async #teardown(cause: DisconnectCause): Promise<void> {
    this.#deadline?.[Symbol.dispose]()
    this.#offAbort?.()
    const sock = this.#sock
    if (sock !== undefined) {
      sock.ev.flush()
      // Its promise settles when the peer has said goodbye, up to 30 s later; close is told before that, or we do not wait.
      sock.end(undefined).catch(() => {})
      using _cut = this.clock.after(POLITE_CLOSE_MS, () => this.#wire?.terminate())
      await Promise.race([this.#socketClosed.promise, this.after(CLOSE_LIMIT_MS)])
    }
    // A 515 redials with what pairing gave us: it must be there.
    await this.#parts.credentials.durable().catch(() => {})
    this.step('closed', { reason: cause.reason, code: cause.code })
    this.#parts.onClosed()
    this.#tellLast({ type: 'closed', cause })
  }

  get isEnding(): boolean {
    return this.#ending !== undefined
  }

  /** Resolves when the socket has closed. */
  get socketClosed(): Promise<void> {
    return this.#socketClosed.promise
  }

  // -- what it takes to use it

  /** The socket, once there is one, though it may be ending. */
  get sock(): WASocket | undefined {
    return this.#sock
  }

  /** The socket; throws `SESSION_NOT_CONNECTED` when there is none yet, or it is ending. */
  connected(): WASocket {
    if (this.#sock === undefined || this.#ending !== undefined) throw new HubError('SESSION_NOT_CONNECTED')
    return this.#sock
  }

  /** The socket's events, once there is one. */
  get wire(): Wire | undefined {
    return this.#wire
  }

  connectedAs(): { pn: Jid; lid: Jid | undefined } {
    this.connected()
    const me = this.me()
    if (me === undefined) throw new HubError('SESSION_NOT_CONNECTED')
    return me
  }

  me(): { pn: Jid; lid: Jid | undefined } | undefined {
    const { me } = this.#parts.creds
    const pn = tryParseJid(me?.id ?? '')
    return pn === undefined ? undefined : { pn, lid: tryParseJid(me?.lid ?? '') }
  }

  /** Rejects with `QueryRefused` for an `<error>`, with `WHATSAPP_ERROR` (`NO_ANSWER`) when nobody answers in time. */
  async ask(node: BinaryNode, withinMs = QUERY_ANSWER_MS): Promise<BinaryNode> {
    const sock = this.connected()
    let answer: unknown
    try {
      answer = await sock.query(node, withinMs)
    } catch (error) {
      const status = refusalIn(error)
      if (status !== undefined && this.#ending === undefined) throw new QueryRefused(status)
      this.connected()
      throw new HubError('WHATSAPP_ERROR', { reason: 'NO_ANSWER' }, { cause: error })
    }
    // A query that timed out resolves with undefined (Socket/socket.js:107).
    if (answer === undefined) {
      this.connected()
      throw new HubError('WHATSAPP_ERROR', { reason: 'NO_ANSWER' })
    }
    return answer as BinaryNode
  }

  after(ms: number): Promise<undefined> {
    return new Promise((resolve) => {
      this.clock.after(ms, () => resolve(undefined))
    })
  }

  // -- what the session is told

  step(step: DialStep['step'], detail: DialStep['detail']): void {
    const told: LinkEvent = { type: 'step', step: { at: this.clock.now(), step, detail } }
    if (step === 'closed') this.#tellLast(told)
    else this.tell(told)
  }

  /** Nothing is heard of a socket that is ending but its end. */
  tell(event: LinkEvent): void {
    if (this.#ending === undefined) this.#tellLast(event)
  }

  #tellLast(event: LinkEvent): void {
    if (this.#closed) return
    if (event.type === 'closed') this.#closed = true
    try {
      this.#parts.options.onEvent(event)
    } catch (error) {
      this.#parts.log.error({ ...this.names, error }, 'a session threw on an event of its link')
    }
  }

  /** Whose it is, in the log. */
  get names() {
    return { sessionId: this.lease.sessionId, generation: this.generation }
  }
}

/** WhatsApp's number for the query that a call of baileys' needed and it refused; undefined when the call failed otherwise. */
export function refusalIn(error: unknown): number | undefined {
  const { data } = rawOf(error)
  return typeof data === 'number' ? data : undefined
}

/** What baileys puts into `lastDisconnect.error`: a Boom, mostly. */
function rawOf(error: unknown): RawDisconnect {
  if (!(error instanceof Error)) return { origin: 'closed', code: 428, message: 'Connection Terminated' }
  const boom = error as Error & { output?: { statusCode?: number }; data?: unknown }
  return { code: boom.output?.statusCode, message: error.message, data: boom.data }
}

import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import { type BinaryNode, proto } from '../baileys.ts'
import type { Clock } from '../clock.ts'
import type { Action, Fault, Stage } from '../faults.ts'
import { certify, type CertificateFlaw, type ServerIdentity } from '../noise/certificates.ts'
import type { CounterCipher } from '../noise/cipher.ts'
import { frame, FrameReader } from '../noise/framing.ts'
import { Handshake } from '../noise/handshake.ts'
import { serverJid } from '../jid.ts'
import { decodeStanza, encodeStanza, node } from '../stanza.ts'
import type { KeyPair } from '../signal/index.ts'
import type { Dial, Truth } from '../truth.ts'

/** Who serves a connection once the client has said who it is. */
export interface ConnectionHandler {
  stanza(stanza: BinaryNode): void
  ended(): void
}

export interface ConnectionContext {
  identity: ServerIdentity
  root: KeyPair
  clock: Clock
  truth: Truth
  /** The handshake is done. May refuse by ending the connection. */
  arrived(
    connection: Connection,
    clientKey: Buffer,
    payload: proto.ClientPayload,
  ): ConnectionHandler | undefined
}

type State =
  | { at: 'hello' }
  | { at: 'finish'; handshake: Handshake }
  | { at: 'open'; incoming: CounterCipher; outgoing: CounterCipher; handler: ConnectionHandler | undefined }
  | { at: 'ended' }

/** One client's connection, from the WebSocket's opening to its end: handshake, frames, and what goes wrong on it. */
export class Connection {
  readonly dial: Dial
  readonly #context: ConnectionContext
  readonly #ws: WebSocket
  readonly #tcp: Socket
  readonly #reader = new FrameReader()
  readonly #timers = new Set<Disposable>()
  #faults: readonly Fault[]
  #state: State = { at: 'hello' }
  /** Frames that came while a fault held the connection up. */
  #held: Buffer[] | undefined
  #silent = false
  #corked = false

  constructor(context: ConnectionContext, ws: WebSocket, tcp: Socket, dial: Dial, faults: readonly Fault[]) {
    this.#context = context
    this.#ws = ws
    this.#tcp = tcp
    this.dial = dial
    this.#faults = faults
    ws.on('message', (data: Buffer) => this.#received(data))
    ws.on('close', (code) => this.#closed(code === 1006 ? 'network' : 'client', undefined))
    ws.on('error', () => this.#closed('network', undefined))
  }

  /** Bytes that wait to be sent. */
  get backlog(): number {
    return this.#ws.bufferedAmount
  }

  get ended(): boolean {
    return this.#state.at === 'ended'
  }

  send(stanza: BinaryNode): void {
    this.sendPlaintext(encodeStanza(stanza))
  }

  /** Sends a frame with this plaintext: a flag byte and a binary node. */
  sendPlaintext(plaintext: Uint8Array): void {
    if (this.#state.at !== 'open' || this.#silent) return
    this.#write(this.#state.outgoing.encrypt(plaintext))
  }

  /** Adds faults that became known later: those of the account that logged in. */
  addFaults(faults: readonly Fault[]): void {
    this.#faults = [...this.#faults, ...faults]
  }

  /** Notes that a stage is reached and does what goes wrong there, else `proceed`. */
  reach(stage: Exclude<Stage, 'tcp' | 'upgrade'>, proceed: () => void): void {
    if (stage === 'login' || stage === 'open') this.dial.stage = stage
    this.#context.truth.touched()
    const due = this.#faults.filter((fault) => fault.at === stage)
    if (due.length === 0) {
      proceed()
      return
    }
    for (const fault of due)
      if (fault.afterMs !== undefined) this.#after(fault.afterMs, () => this.act(fault))
    const now = due.filter((fault) => fault.afterMs === undefined)
    for (const fault of now) if (instead.has(fault.do)) return this.act(fault)
    const delay = now.find((fault) => fault.do === 'delay')
    const goOn = (): void => {
      if (this.ended) return
      proceed()
      for (const fault of now) if (fault.do !== 'delay') this.act(fault)
    }
    if (delay === undefined) goOn()
    else this.#holdUp(delay.ms, goOn)
  }

  /** Makes something go wrong now. */
  act(action: Action): void {
    if (this.ended) return
    switch (action.do) {
      case 'reset':
        this.#tcp.resetAndDestroy()
        return this.#closed('server', 'reset')
      case 'close':
        return this.close('close')
      case 'end_stream':
        this.send(node('xmlstreamend'))
        return this.close('end_stream')
      case 'silence':
        this.#silent = true
        return
      case 'failure':
        this.send(node('failure', { reason: String(action.reason), location: 'cln', ...action.attrs }))
        return this.close(`failure ${action.reason}`)
      case 'stream_error':
        this.streamError(action)
        return
      case 'garbage':
        // Noise's counter goes on, as if the frame had been damaged on its way.
        if (this.#state.at === 'open') this.#state.outgoing.skip()
        this.#write(randomBytes(40))
        return
      case 'malformed':
        // No flags, a list of three, and no such token.
        this.sendPlaintext(action.plaintext ?? Buffer.from([0, 0xf8, 3, 0xff, 0xff, 0xff]))
        return
      case 'stanza':
        this.send(action.stanza)
        return
      case 'companion_reg_refresh':
      case 'passkey_prologue':
        this.send(this.#registrationNotice(action.do))
        return
      case 'delay':
        return this.#holdUp(action.ms, () => {})
      case 'http':
      case 'certificate':
        return // of their stage only, which does them
    }
  }

  /** `<stream:error>`, then the close. */
  streamError({ code, child }: Omit<Extract<Action, { do: 'stream_error' }>, 'do'>): void {
    const attrs: Record<string, string> = code === undefined ? {} : { code: String(code) }
    const content = child === undefined ? undefined : [node(child.tag, child.attrs ?? {})]
    this.send(node('stream:error', attrs, content))
    this.close(`stream error ${code ?? ''} ${child?.attrs?.['type'] ?? child?.tag ?? ''}`.trim())
  }

  /** Closes in good order. What was sent before arrives. */
  close(reason: string): void {
    if (this.ended) return
    if (!this.#silent) this.#ws.close()
    this.#closed('server', reason)
  }

  /** Ends at once and says nothing. */
  terminate(reason: string): void {
    this.#ws.terminate()
    this.#closed('server', reason)
  }

  #received(data: Buffer): void {
    if (this.#silent || this.ended) return
    this.#guarded(() => this.#frames(this.#reader.push(data)))
  }

  #frames(frames: readonly Buffer[]): void {
    for (const each of frames) {
      if (this.#held === undefined) this.#frame(each)
      else this.#held.push(each)
    }
  }

  /** What cannot be understood ends this connection, and no other. */
  #guarded(read: () => void): void {
    try {
      read()
    } catch (error) {
      this.#context.truth.protocolErrors.add({ dial: this.dial.number, error, at: this.#context.clock.now() })
      this.terminate(`protocol error: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  #frame(bytes: Buffer): void {
    const state = this.#state
    switch (state.at) {
      case 'hello': {
        this.dial.stage = 'noise'
        this.#context.truth.touched()
        const flaw = this.#flaw()
        this.reach('noise', () => {
          const handshake = new Handshake(this.#identityWith(flaw))
          this.#write(handshake.answer(bytes))
          this.#state = { at: 'finish', handshake }
        })
        return
      }
      case 'finish': {
        const { clientKey, payload, incoming, outgoing } = state.handshake.finish(bytes)
        const open: State = { at: 'open', incoming, outgoing, handler: undefined }
        this.#state = open
        const handler = this.#context.arrived(this, clientKey, proto.ClientPayload.decode(payload))
        // A fault may have ended the connection while it was being taken in.
        if (this.ended) handler?.ended()
        else open.handler = handler
        return
      }
      case 'open': {
        const stanza = decodeStanza(state.incoming.decrypt(bytes))
        if (!this.#silent) state.handler?.stanza(stanza)
        return
      }
      case 'ended':
    }
  }

  #flaw(): CertificateFlaw | undefined {
    const fault = this.#faults.find((each) => each.at === 'noise' && each.do === 'certificate')
    return fault?.do === 'certificate' ? fault.flaw : undefined
  }

  #identityWith(flaw: CertificateFlaw | undefined): ServerIdentity {
    const { identity, root, clock } = this.#context
    if (flaw === undefined) return identity
    return { key: identity.key, certificates: certify(root, identity.key, clock.now() / 1000, flaw) }
  }

  #registrationNotice(kind: 'companion_reg_refresh' | 'passkey_prologue'): BinaryNode {
    const t = String(Math.floor(this.#context.clock.now() / 1000))
    const id = randomBytes(8).toString('hex').toUpperCase()
    if (kind === 'companion_reg_refresh') {
      return node('notification', { from: serverJid, id, type: kind, t }, [node(kind)])
    }
    // What WebAuthn is to be asked with (Baileys issue 2672, whatsmeow pair-passkey.go).
    const challenge = randomBytes(32).toString('base64url')
    const options = { challenge, rpId: 'whatsapp.com', userVerification: 'required' }
    return node('notification', { from: serverJid, id, type: 'passkey_prologue_request', t }, [
      node('passkey_request_options', {}, Buffer.from(JSON.stringify(options))),
    ])
  }

  /** What was sent in this turn leaves now. */
  flush(): void {
    if (this.#corked) this.#tcp.uncork()
  }

  /** Frames sent in one turn of the event loop leave in one write. */
  #write(bytes: Uint8Array): void {
    if (this.#silent) return
    if (!this.#corked) {
      this.#corked = true
      this.#tcp.cork()
      process.nextTick(() => {
        this.#corked = false
        this.#tcp.uncork()
      })
    }
    this.#ws.send(frame(bytes))
  }

  /** Reads nothing for a while, then what came meanwhile. */
  #holdUp(ms: number, then: () => void): void {
    this.#held ??= []
    this.#after(ms, () => {
      const held = this.#held ?? []
      this.#held = undefined
      then()
      this.#guarded(() => this.#frames(held))
    })
  }

  #after(ms: number, run: () => void): void {
    const timer = this.#context.clock.after(ms, () => {
      this.#timers.delete(timer)
      if (!this.ended) run()
    })
    this.#timers.add(timer)
  }

  #closed(by: Dial['endedBy'], reason: string | undefined): void {
    if (this.ended) return
    const handler = this.#state.at === 'open' ? this.#state.handler : undefined
    this.#state = { at: 'ended' }
    for (const timer of this.#timers) timer[Symbol.dispose]()
    this.dial.endedAt = this.#context.clock.now()
    this.dial.endedBy = by
    this.dial.reason = reason
    this.#context.truth.touched()
    handler?.ended()
  }
}

/** What happens in place of the stage's own business. */
const instead: ReadonlySet<Action['do']> = new Set([
  'reset',
  'close',
  'end_stream',
  'silence',
  'failure',
  'stream_error',
])

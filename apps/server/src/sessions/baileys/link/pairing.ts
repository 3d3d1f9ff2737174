import { randomBytes } from 'node:crypto'

import type { BinaryNode } from '../baileys.ts'
import { getBinaryNodeChild, getBinaryNodeChildren } from '../baileys.ts'

import { HubError } from '@inbox-hub/contract'

import type { Connection } from './connection.ts'
import type { LinkParts } from './parts.ts'
import { pairingWindowMs, qrLifeMs, withSecret } from './qr.ts'
import type { Wire } from './wire.ts'

/** How long the first QR is waited for, from when a code is asked for. */
const FIRST_QR_MS = 20_000
/** How long a code's refusal is waited for: baileys answers a code whatever the server said. */
const CODE_REFUSAL_MS = 5_000

interface ShownQr {
  text: string
  index: number
  of: number
  expiresAt: number
}

/** Becoming a device of an account on one socket: by QR or by code. */
export class Pairing {
  readonly #connection: Connection
  readonly #parts: LinkParts
  readonly #firstQr = Promise.withResolvers<void>()
  #qr: ShownQr | undefined
  #qrsFrom = 0
  #refs = 0
  #isPaired: boolean
  #hold: Promise<void> | undefined

  constructor(connection: Connection, parts: LinkParts) {
    this.#connection = connection
    this.#parts = parts
    this.#isPaired = parts.creds.account !== undefined
  }

  /** What the next frame has to wait for: once paired, the credentials. */
  get hold(): Promise<void> | undefined {
    return this.#hold
  }

  attach(wire: Wire): void {
    const connection = this.#connection
    wire.before('CB:iq,type:set,pair-device', (node) => {
      const pairDevice = getBinaryNodeChild(node, 'pair-device')
      this.#refs = pairDevice === undefined ? 0 : getBinaryNodeChildren(pairDevice, 'ref').length
      this.#qrsFrom = connection.clock.now()
      connection.settled()
      connection.step('pair_device', { refs: this.#refs })
    })
    wire.on(
      'CB:notification,type:companion_reg_refresh',
      (node: BinaryNode) => void this.#refreshSecret(node),
    )
    wire.on('CB:notification,type:passkey_prologue_request', () => {
      connection.step('passkey_prologue', {})
      connection.tell({ type: 'passkey_required' })
    })
  }

  /** baileys often says that all credentials changed; the account is new once. */
  onCredentials(): void {
    const { credentials, creds } = this.#parts
    if (this.#isPaired || creds.account === undefined) return
    this.#isPaired = true
    // Signed and sent only when we could come back with it: a crash must not leave a device that nobody has the keys of.
    this.#hold = credentials.durable()
    void this.#tellPaired(this.#hold)
  }

  async #tellPaired(durable: Promise<void>): Promise<void> {
    try {
      await durable
    } catch {
      return // The writer told its fault.
    }
    const me = this.#connection.me()
    if (me !== undefined) this.#connection.tell({ type: 'paired', me })
  }

  onQr(qr: string): void {
    const index = (this.#qr?.index ?? 0) + 1
    const expiresAt = this.#connection.clock.now() + qrLifeMs(index)
    this.#qr = { text: qr, index, of: Math.max(this.#refs, index), expiresAt }
    this.#firstQr.resolve()
    const { pairing } = this.#parts.options
    if (pairing.method === 'qr') this.#showQr(this.#qr)
    // Once per dial, not on every QR: each request shows a notification on the phone.
    else if (index === 1) this.requestCode(pairing.phone).catch(() => {})
  }

  #showQr({ text, index, of, expiresAt }: ShownQr): void {
    if (this.#parts.options.pairing.method !== 'qr') return
    const current = withSecret(text, this.#parts.creds.advSecretKey)
    this.#connection.tell({ type: 'qr', text: current, index, of, expiresAt })
  }

  /**
   * The server wants a new QR secret while a code is shown (since July 2026; baileys PR 2765, whatsmeow 9ec8f76). rc14
   * neither knows the notification nor can acknowledge it unpaired, and the scan would fail without a word.
   */
  async #refreshSecret(node: BinaryNode): Promise<void> {
    const { sock, isEnding } = this.#connection
    if (sock === undefined || isEnding) return
    this.#connection.step('companion_reg_refresh', {})
    sock.ev.emit('creds.update', { advSecretKey: randomBytes(32).toString('base64') })
    const { id, from, type } = node.attrs
    try {
      await sock.sendNode({
        tag: 'ack',
        attrs: { id: id ?? '', to: from ?? '', class: 'notification', type: type ?? '' },
      })
    } catch {
      return // The connection is going; the next dial has its own secret.
    }
    if (this.#qr !== undefined) this.#showQr(this.#qr)
  }

  /** As `Link.requestPairingCode`. */
  async requestCode(phone: string): Promise<{ code: string; expiresAt: number }> {
    const connection = this.#connection
    const sock = connection.connected()
    // Before the first QR the server has not asked us to pair, and closes on a request.
    await Promise.race([this.#firstQr.promise, connection.after(FIRST_QR_MS), connection.socketClosed])
    if (this.#qr === undefined) {
      connection.connected()
      throw new HubError('PAIRING_CODE_REFUSED')
    }
    const wire = connection.wire
    if (wire === undefined) throw new HubError('SESSION_NOT_CONNECTED')
    const answer = Promise.withResolvers<number | undefined>()
    using _refused = wire.on('CB:iq,type:error', (node: BinaryNode) => {
      const error = getBinaryNodeChild(node, 'error')
      answer.resolve(Number(error?.attrs['code'] ?? 500))
    })
    using _accepted = wire.on('CB:iq,,link_code_companion_reg', () => answer.resolve(undefined))
    const code = await sock.requestPairingCode(phone).catch((cause: unknown) => {
      // It writes before it looks: on a socket that has just closed it throws a Boom of its own.
      throw new HubError('SESSION_NOT_CONNECTED', {}, { cause })
    })
    const refusal = await Promise.race([
      answer.promise,
      connection.after(CODE_REFUSAL_MS),
      connection.socketClosed,
    ])
    if (connection.isEnding) throw new HubError('SESSION_NOT_CONNECTED')
    if (typeof refusal === 'number') {
      connection.tell({ type: 'pairing_code_refused', status: refusal })
      throw new HubError('PAIRING_CODE_REFUSED', { status: refusal })
    }
    const expiresAt = this.#qrsFrom + pairingWindowMs(this.#refs)
    connection.tell({ type: 'pairing_code', code, expiresAt })
    return { code, expiresAt }
  }
}

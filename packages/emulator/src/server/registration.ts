import { randomBytes } from 'node:crypto'
import { type BinaryNode, proto } from '../baileys.ts'
import type { Clock } from '../clock.ts'
import {
  type CodePairing,
  type Companion,
  type CompanionFinish,
  type Pairing,
  PairingError,
} from '../line.ts'
import { bytesOf, child, children, node, numberOf, serverNode, textOf } from '../stanza.ts'
import type { Truth } from '../truth.ts'
import { type Account, type Accounts, type ClientKeys, LinkedDevice } from './account.ts'
import type { Connection, ConnectionHandler } from './connection.ts'
import { newId, type Router } from './router.ts'

/** As WhatsApp sends; a client shows each for a while, the first for 60 s, the others for 20 s. */
const refCount = 6

export interface RegistrationServices {
  accounts: Accounts
  router: Router
  clock: Clock
  truth: Truth
  maxCompanions: number
  /** Refs by which a phone finds the client that shows them. */
  waiting: Map<string, Registration>
  linked(device: LinkedDevice): void
}

/** A client that is not linked to any account yet: shows refs, or asks for a code, until a phone takes it. */
export class Registration implements ConnectionHandler {
  /** Shown one after the other in QR codes. */
  readonly refs: readonly string[] = Array.from(
    { length: refCount },
    () => `2@${randomBytes(48).toString('base64')}`,
  )
  /** What it calls itself, `Mac OS`. */
  readonly platform: string
  readonly #wantsFullHistory: boolean
  readonly #services: RegistrationServices
  readonly #connection: Connection
  readonly #keys: ClientKeys
  /** Waiting for the client's answers to our queries, by id. */
  readonly #answers = new Map<
    string,
    { resolve: (answer: BinaryNode) => void; reject: (error: Error) => void }
  >()
  /** The ref by which a code pairing goes on, and who waits for its last step. */
  #code:
    | {
        ref: string
        finished: ((finish: CompanionFinish) => void) | undefined
        failed: (error: Error) => void
      }
    | undefined
  #taken = false

  constructor(
    services: RegistrationServices,
    connection: Connection,
    noiseKey: Buffer,
    data: proto.ClientPayload.IDevicePairingRegistrationData,
  ) {
    this.#services = services
    this.#connection = connection
    this.#keys = {
      noiseKey,
      registrationId: numberBE(data.eRegid),
      identityKey: Buffer.from(data.eIdent ?? []),
      signedPreKey: {
        id: numberBE(data.eSkeyId),
        publicKey: Buffer.from(data.eSkeyVal ?? []),
        signature: Buffer.from(data.eSkeySig ?? []),
      },
    }
    const props = data.deviceProps ? proto.DeviceProps.decode(data.deviceProps) : undefined
    this.platform = props?.os ?? ''
    this.#wantsFullHistory = props?.requireFullSync === true
  }

  /** Offers the refs. */
  begin(): void {
    for (const ref of this.refs) this.#services.waiting.set(ref, this)
    const refs = this.refs.map((ref) => node('ref', {}, Buffer.from(ref)))
    const attrs = { id: newId(), type: 'set', xmlns: 'md' }
    this.#connection.send(serverNode('iq', [node('pair-device', {}, refs)], attrs))
    this.#connection.reach('qr', () => {})
  }

  stanza(stanza: BinaryNode): void {
    if (stanza.tag !== 'iq') return // Acks of notices, telemetry.
    const { id = '', type = '', xmlns = '' } = stanza.attrs
    if (type === 'result' || type === 'error') {
      this.#answers.get(id)?.resolve(stanza)
      this.#answers.delete(id)
      return
    }
    const request = children(stanza)[0]
    if (xmlns === 'w:p') this.#result(stanza)
    else if (xmlns === 'md' && request?.tag === 'link_code_companion_reg') this.#codeStep(stanza, request)
    else {
      this.#services.truth.unknownQuery(`unregistered ${xmlns} ${type} ${request?.tag ?? ''}`)
      this.#result(stanza)
    }
  }

  ended(): void {
    for (const ref of this.refs) this.#services.waiting.delete(ref)
    const gone = new PairingError('companion_gone')
    for (const { reject } of this.#answers.values()) reject(gone)
    this.#answers.clear()
    this.#code?.failed(gone)
  }

  /** Sets a device number aside for this client. @throws {PairingError} */
  pairing(account: Account): Pairing {
    if (this.#taken || this.#connection.ended) throw new PairingError('expired_ref')
    if (account.linked.size >= this.#services.maxCompanions) throw new PairingError('too_many_devices')
    const device = account.takeDeviceNumber()
    return {
      device,
      identityKey: this.#keys.identityKey,
      platform: this.platform,
      finish: (deviceIdentity) => this.#finish(account, device, deviceIdentity),
    }
  }

  async #finish(account: Account, device: number, deviceIdentity: Uint8Array): Promise<Companion> {
    if (this.#taken || this.#connection.ended) throw new PairingError('expired_ref')
    this.#taken = true
    for (const ref of this.refs) this.#services.waiting.delete(ref)
    const { clock, truth, router } = this.#services
    const id = newId()
    const answered = new Promise<BinaryNode>((resolve, reject) => this.#answers.set(id, { resolve, reject }))
    const client = { platform: this.platform, wantsFullHistory: this.#wantsFullHistory }
    const linked = new LinkedDevice(account, device, this.#keys, client, clock, truth)
    this.#connection.send(
      serverNode(
        'iq',
        [
          node('pair-success', {}, [
            node('device-identity', {}, deviceIdentity),
            node('device', { jid: linked.pn, lid: linked.lid }),
            node('platform', { name: account.platform }),
          ]),
        ],
        { id, type: 'set', xmlns: 'md', t: router.time },
      ),
    )
    const answer = await answered
    if (answer.attrs['type'] !== 'result' || child(answer, 'pair-device-sign') === undefined) {
      throw new PairingError('companion_gone')
    }
    account.linked.set(device, linked)
    this.#connection.dial.device = linked.pn
    this.#services.linked(linked)
    this.#connection.streamError({ code: 515 })
    return linked
  }

  #codeStep(iq: BinaryNode, request: BinaryNode): void {
    const account = this.#services.accounts.find(request.attrs['jid'] ?? '')
    switch (request.attrs['stage'] ?? '') {
      case 'companion_hello': {
        const wrapped = bytesOf(child(request, 'link_code_pairing_wrapped_companion_ephemeral_pub'))
        const companionAuthKey = bytesOf(child(request, 'companion_server_auth_key_pub'))
        if (account?.registered !== true || wrapped?.length !== 80 || companionAuthKey === undefined) {
          return this.#error(iq, 400, 'bad-request')
        }
        const ref = randomBytes(16).toString('base64')
        this.#code = { ref, finished: undefined, failed: () => {} }
        const platform = textOf(child(request, 'companion_platform_display')) ?? ''
        this.#result(iq, [
          node('link_code_companion_reg', { stage: 'companion_hello' }, [
            node('link_code_pairing_ref', {}, Buffer.from(ref)),
          ]),
        ])
        account.phone.codeRequested(this.#codePairing(account, ref, wrapped, companionAuthKey, platform))
        return
      }
      case 'companion_finish': {
        const wrappedKeyBundle = bytesOf(child(request, 'link_code_pairing_wrapped_key_bundle'))
        const companionIdentity = bytesOf(child(request, 'companion_identity_public'))
        const ref = textOf(child(request, 'link_code_pairing_ref'))
        if (wrappedKeyBundle === undefined || companionIdentity?.length !== 32 || ref !== this.#code?.ref) {
          return this.#error(iq, 400, 'bad-request')
        }
        this.#result(iq)
        this.#code?.finished?.({ wrappedKeyBundle, companionIdentity })
        return
      }
      default:
        this.#error(iq, 400, 'bad-request')
    }
  }

  #codePairing(
    account: Account,
    ref: string,
    wrappedCompanionEphemeral: Buffer,
    companionAuthKey: Buffer,
    platform: string,
  ): CodePairing {
    return {
      ref,
      wrappedCompanionEphemeral,
      companionAuthKey,
      platform,
      primaryHello: (wrappedPrimaryEphemeral, primaryIdentity) => {
        if (this.#connection.ended || this.#code?.ref !== ref) throw new PairingError('expired_ref')
        const { promise, resolve, reject } = Promise.withResolvers<CompanionFinish>()
        this.#code = { ref, finished: resolve, failed: reject }
        const type = 'link_code_companion_reg'
        const attrs = { id: newId(), type, t: this.#services.router.time }
        const content = [
          node('link_code_pairing_wrapped_primary_ephemeral_pub', {}, wrappedPrimaryEphemeral),
          node('primary_identity_pub', {}, primaryIdentity),
          node('link_code_pairing_ref', {}, Buffer.from(ref)),
        ]
        this.#connection.send(
          serverNode('notification', [node(type, { stage: 'primary_hello' }, content)], attrs),
        )
        return promise
      },
      pairing: () => this.pairing(account),
    }
  }

  #result(iq: BinaryNode, content: BinaryNode[] = []): void {
    this.#connection.send(serverNode('iq', content, { id: iq.attrs['id'] ?? '', type: 'result' }))
  }

  #error(iq: BinaryNode, code: number, text: string): void {
    const error = node('error', { code: String(code), text })
    this.#connection.send(serverNode('iq', [error], { id: iq.attrs['id'] ?? '', type: 'error' }))
  }
}

function numberBE(bytes: Uint8Array | null | undefined): number {
  return numberOf(node('number', {}, bytes ?? Buffer.alloc(0))) ?? 0
}

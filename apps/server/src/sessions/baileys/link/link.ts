import type { BinaryNode, ConnectionState, proto, WASocket } from '../baileys.ts'

import { HubError } from '@inbox-hub/contract'
import type { Jid } from '@inbox-hub/whatsapp'
import { withoutDevice } from '@inbox-hub/whatsapp'

import type { Lease } from '../../../cluster/index.ts'
import type { AppStateCalls } from './app-state.ts'
import type { DialStep, Link } from './dial.ts'
import type { GroupCalls } from './groups.ts'
import type { NewsletterCalls } from './newsletters.ts'
import type { OutboundContent } from './outbound.ts'
import type { PhoneCalls } from './phone-requests.ts'
import type { StatusCalls } from './statuses.ts'
import type { FileToUpload, UploadedFile } from './upload.ts'
import { accountCalls } from './account.ts'
import { Acks } from './acks.ts'
import { LinkAppState } from './app-state.ts'
import { businessCalls } from './business.ts'
import { rejectionOf } from './calls.ts'
import { Connection } from './connection.ts'
import { answerIn, type FileAgain, requestFor } from './file-again.ts'
import { groupCalls } from './groups.ts'
import { newsletterCalls } from './newsletters.ts'
import { Notices } from './notices.ts'
import type { NumberAnswer } from './numbers.ts'
import { askNumbers } from './numbers.ts'
import { Pairing } from './pairing.ts'
import type { LinkParts } from './parts.ts'
import { peopleCalls } from './people.ts'
import { phoneCalls } from './phone-requests.ts'
import { Sending } from './sending.ts'

/** The phone has to upload a file in it, and whoever asked for the file waits meanwhile. */
const FILE_ANSWER_MS = 15_000
const LOGOUT_MS = 5_000

/**
 * One generation's socket as its session sees it: its life (`Connection`), pairing, what its stanzas tell, app state, sending, and the
 * calls that are queries. `attach` must run in the turn that made the socket: its emitters replay nothing.
 */
export class SocketLink implements Link {
  readonly #parts: LinkParts
  readonly #connection: Connection
  readonly #pairing: Pairing
  readonly #notices: Notices
  readonly #appState: LinkAppState
  readonly #acks: Acks
  readonly #sending: Sending
  #isOpen = false
  #isCaughtUp = false
  #isOnline = false
  readonly phone: PhoneCalls
  readonly groups: GroupCalls
  readonly statuses: StatusCalls
  readonly newsletters: NewsletterCalls
  readonly business: Link['business']
  readonly people: Link['people']
  readonly account: Link['account']

  constructor(parts: LinkParts) {
    this.#parts = parts
    const connection = new Connection(parts)
    this.#connection = connection
    this.#pairing = new Pairing(connection, parts)
    this.#notices = new Notices(connection, parts)
    this.#appState = new LinkAppState(connection, parts, () => this.#isOnline)
    this.#acks = new Acks(connection, this.#notices)
    this.#sending = new Sending(connection, parts, this.#acks)

    const ask = (node: BinaryNode, withinMs?: number): Promise<BinaryNode> => connection.ask(node, withinMs)
    const connected = (): WASocket => connection.connected()
    const me = () => connection.me()
    this.phone = phoneCalls((id, message) => this.#sending.askPhone(id, message))
    this.groups = groupCalls(ask)
    this.statuses = this.#sending.statusCalls()
    this.newsletters = newsletterCalls({
      ask,
      send: (node) => connected().sendNode(node),
      acks: this.#acks.parts,
      now: () => parts.clock.now(),
    })
    this.business = businessCalls(ask)
    this.people = peopleCalls({
      ask,
      connected,
      me,
      download: (url, limits) => parts.download(url, limits),
    })
    this.account = accountCalls({ ask, connected, me })
  }

  get generation(): number {
    return this.#connection.generation
  }

  get lease(): Lease {
    return this.#connection.lease
  }

  get appState(): AppStateCalls {
    return this.#appState.calls
  }

  /** Takes the socket and listens, before the turn ends. `media`: where what is too long for an answer lies, and how to get there. */
  attach(sock: WASocket, media: { mediaHost: string; fetchOptions: RequestInit }): void {
    this.#appState.attach(sock, media)
    const wire = this.#connection.attach(sock, () => this.#pairing.hold)
    this.#pairing.attach(wire)
    this.#notices.attach(wire, (node) => this.#appState.follow(node))
    this.#acks.attach(wire)
    this.#attachEvents(sock)
    this.#connection.followLease()
  }

  #attachEvents(sock: WASocket): void {
    sock.ev.on('connection.update', (update) => this.#onConnection(update))
    sock.ev.on('creds.update', (update) => {
      this.#parts.credentials.changed()
      this.#pairing.onCredentials()
      if (update.myAppStateKeyId !== undefined) void this.#appState.onKey()
      const name = update.me?.name
      if (name !== undefined && this.#isOnline) this.#connection.tell({ type: 'renamed', name })
    })
  }

  /** A write failed or the lease is gone: cut first, so that nothing is acknowledged, then tell. */
  onFault(error: unknown): void {
    this.#connection.onFault(error)
  }

  /** A rejection that nobody handled came from this socket's work. */
  onStray(reason: unknown): void {
    this.#connection.onStray(reason)
  }

  step(step: DialStep['step'], detail: DialStep['detail']): void {
    this.#connection.step(step, detail)
  }

  // -- what baileys says

  #onConnection(update: Partial<ConnectionState>): void {
    if (update.connection === 'close') return this.#connection.onSocketClosed(update.lastDisconnect?.error)
    if (update.qr !== undefined) this.#pairing.onQr(update.qr)
    const lock = update.reachoutTimeLock
    if (lock?.isActive === true)
      this.#connection.tell({
        type: 'restricted',
        scope: 'new_chats',
        until: lock.timeEnforcementEnds?.getTime() ?? this.#parts.clock.now() + 60_000,
      })
    if (update.connection === 'open') this.#isOpen = true
    if (update.receivedPendingNotifications === true) this.#isCaughtUp = true
    if (this.#isOpen && this.#isCaughtUp) this.#comeOnline()
  }

  #comeOnline(): void {
    const me = this.#connection.me()
    if (this.#isOnline || me === undefined) return
    this.#isOnline = true
    const { creds, onOnline } = this.#parts
    this.#connection.tell({ type: 'online', me: { ...me, name: creds.me?.name } })
    onOnline()
    if (creds.accountSyncCounter === 0 && creds.myAppStateKeyId !== undefined) void this.#appState.fetch()
  }

  // -- what the hub asks

  close(): Promise<void> {
    return this.#connection.close()
  }

  async logout(): Promise<void> {
    const sock = this.#connection.connected()
    const gone = sock.logout().catch(() => {})
    await Promise.race([gone, this.#connection.after(LOGOUT_MS)])
    await this.close()
  }

  requestPairingCode(phone: string): Promise<{ code: string; expiresAt: number }> {
    return this.#pairing.requestCode(phone)
  }

  send(
    message: { id: string; to: Jid; content: OutboundContent; refreshDevices: boolean },
    beforeWire: (bytes: Uint8Array) => Promise<void>,
  ): Promise<void> {
    return this.#sending.send(message, beforeWire)
  }

  setDisappearing(chat: Jid, seconds: number): Promise<void> {
    return this.#sending.setDisappearing(chat, seconds)
  }

  /** A message of ours that stands in no chat, for a retry. */
  unstored(id: string): proto.IMessage | undefined {
    return this.#sending.unstored(id)
  }

  upload(file: FileToUpload, signal: AbortSignal): Promise<UploadedFile> {
    return this.#sending.upload(file, signal)
  }

  onAck(listener: Parameters<Link['onAck']>[0]): Disposable {
    return this.#acks.onAck(listener)
  }

  async rejectCall(call: { id: string; creator: Jid }): Promise<void> {
    const me = this.#connection.me()
    if (me === undefined) throw new HubError('SESSION_NOT_CONNECTED')
    await this.#connection.ask(rejectionOf(call, withoutDevice(me.pn)))
  }

  async fileAgain({ id, chat, sender, fromMe, key }: Parameters<Link['fileAgain']>[0]): Promise<FileAgain> {
    const connection = this.#connection
    const sock = connection.connected()
    const { wire } = connection
    const me = connection.me()
    if (wire === undefined || me === undefined) throw new HubError('SESSION_NOT_CONNECTED')
    const answer = Promise.withResolvers<FileAgain>()
    using _answered = wire.on('CB:notification,type:mediaretry', (node: BinaryNode) => {
      if (node.attrs['id'] === id) answer.resolve(answerIn(node, key))
    })
    const participant = sender === undefined || sender === chat ? {} : { participant: sender }
    await sock.sendNode(requestFor({ id, remoteJid: chat, fromMe, ...participant }, key, me.pn))
    const silent: FileAgain = { is: 'silent' }
    // Awaited here: what listens for the answer ends with this function.
    return await Promise.race([
      answer.promise,
      connection.after(FILE_ANSWER_MS).then(() => silent),
      connection.socketClosed.then(() => silent),
    ])
  }

  async markRead(keys: readonly { chat: Jid; sender: Jid | undefined; id: string }[]): Promise<void> {
    await this.#connection.connected().readMessages(
      keys.map(({ chat, sender, id }) => ({
        remoteJid: chat,
        id,
        fromMe: false,
        ...(sender !== undefined && sender !== chat && { participant: sender }),
      })),
    )
  }

  /** baileys knows the type, but leaves out the time that WhatsApp Web writes (whatsmeow receipt.go, `MarkRead`). */
  async markPlayed({ chat, sender, id }: Parameters<Link['markPlayed']>[0]): Promise<void> {
    const { clock } = this.#connection
    const attrs = {
      id,
      to: chat,
      ...(sender !== chat && { participant: sender }),
      type: 'played',
      t: String(Math.floor(clock.now() / 1000)),
    }
    await this.#connection.connected().sendNode({ tag: 'receipt', attrs })
  }

  async typing(chat: Jid, state: 'composing' | 'recording' | 'paused'): Promise<void> {
    await this.#connection.connected().sendPresenceUpdate(state, chat)
  }

  async numbers(digits: readonly string[]): Promise<readonly NumberAnswer[]> {
    const sock = this.#connection.connected()
    const answers = await askNumbers(sock, digits)
    const pairs = answers.flatMap(({ pn, lid }) =>
      pn === undefined || lid === undefined ? [] : [{ pn: String(pn), lid: String(lid) }],
    )
    await sock.signalRepository.lidMapping.storeLIDPNMappings(pairs)
    return answers
  }
}

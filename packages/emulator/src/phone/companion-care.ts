import { type BinaryNode, proto } from '../baileys.ts'
import { parseUser } from '../jid.ts'
import type { Companion, Line } from '../line.ts'
import { isGoodRequest, mediaOf, type MediaRetryAnswer, retryErrors, retryResult } from '../media/index.ts'
import { child, node } from '../stanza.ts'
import {
  appStateKeyShare,
  historyNotification,
  initialHistory,
  olderHistory,
  type Remembered,
} from './bootstrap.ts'
import type { Later } from './later.ts'
import type { Linking } from './linking.ts'
import type { Memory } from './memory.ts'
import { newId } from './message-id.ts'
import type { Names } from './names.ts'
import type { PhoneDevice } from './phone-device.ts'
import { type PhoneMessage, toWebMessage } from './phone-message.ts'
import type { SyncedSettings } from './synced-settings.ts'

interface CompanionCareParts {
  line: Line
  memory: Memory
  names: Names
  settings: SyncedSettings
  linking: Linking
  /** The phone itself. */
  device: () => PhoneDevice
  /** What it does when a linked client asks for a file again. */
  mediaRetries: () => MediaRetryAnswer
  later: Later
}

/** What a phone tells the devices linked to it, by itself and when they ask: keys, history, messages and files again. */
export class CompanionCare {
  readonly #line: Line
  readonly #memory: Memory
  readonly #parts: CompanionCareParts
  /** What it told of its history, by the id of the message that did. */
  readonly #told = new Map<string, proto.IHistorySync>()

  constructor(parts: CompanionCareParts) {
    this.#line = parts.line
    this.#memory = parts.memory
    this.#parts = parts
  }

  /** A device is online for the first time: it gets the keys of the app state and the history. */
  welcome(companion: Companion, pushName: string): void {
    const { number, pn, lid } = this.#line
    const remembered = this.#remembered()
    const contacts = [...remembered.contacts, { number, pn, lid, pushName }]
    this.#tell(companion.pn, this.#keyShare())
    for (const part of initialHistory({ ...remembered, contacts }, companion.wantsFullHistory))
      this.tellHistory(companion.pn, historyNotification(part, this.#line.media), part)
  }

  /** `history` is told again when the device asks for it. */
  tellHistory(
    companion: string,
    historySyncNotification: proto.Message.IHistorySyncNotification,
    history?: proto.IHistorySync,
  ): void {
    const { HISTORY_SYNC_NOTIFICATION: type } = proto.Message.ProtocolMessage.Type
    const id = newId()
    if (history !== undefined) this.#told.set(id, history)
    this.#tell(companion, { protocolMessage: { type, historySyncNotification } }, id)
  }

  /** What a linked device asks its phone for. */
  answer(companion: string, requestId: string, { protocolMessage }: proto.IMessage): void {
    const { later, names } = this.#parts
    const { Type } = proto.Message.ProtocolMessage
    if (protocolMessage?.type === Type.APP_STATE_SYNC_KEY_REQUEST) {
      later(() => this.#tell(companion, this.#keyShare()))
    }
    const request = protocolMessage?.peerDataOperationRequestMessage
    for (const { messageKey } of request?.placeholderMessageResendRequest ?? []) {
      const [message] = this.#memory.own(({ id }) => id === messageKey?.id)
      if (message !== undefined) later(() => this.#resendPlaceholder(companion, message))
    }
    const lost = this.#told.get(request?.historySyncChunkRetryRequest?.chunkNotificationId ?? '')
    if (lost !== undefined)
      later(() => this.tellHistory(companion, historyNotification(lost, this.#line.media), lost))
    const older = request?.historySyncOnDemandRequest
    if (older) {
      const { messages, isAll } = this.#olderThan(older)
      const chat = names.chatWith(older.chatJid ?? '')
      const history = olderHistory({ ...this.#remembered(), messages }, chat, isAll)
      const notification = historyNotification(history, this.#line.media, requestId)
      later(() => this.tellHistory(companion, notification))
    }
  }

  /** A linked client cannot download a file any more. The phone has it, and uploads it again. */
  answerMediaRetry(receipt: BinaryNode): void {
    const { id = '', from = '' } = receipt.attrs
    const asker = parseUser(from)?.device
    const how = this.#parts.mediaRetries()
    if (asker === undefined || how === 'silence') return
    const rmr = child(receipt, 'rmr')
    const answer = (content: BinaryNode): void =>
      this.#line.notify(asker, { type: 'mediaretry', id }, [content, ...(rmr === undefined ? [] : [rmr])])
    const refuse = (why: keyof typeof retryErrors): void =>
      answer(node('error', { code: String(retryErrors[why]) }))
    if (how !== 'uploads') return refuse(how)
    const { messages } = this.#memory
    const media = mediaOf(messages.find((each) => each.id === id && each.device === 0)?.message)
    const file = media && this.#line.media.store.find(media.reference.directPath)?.file
    if (media === undefined || file === undefined) return refuse('not_found')
    const { mediaKey } = media.reference
    if (!isGoodRequest(receipt, mediaKey, id)) return refuse('decryption_error')
    answer(retryResult(mediaKey, id, this.#line.media.store.put(file, media.kind)))
  }

  #olderThan({
    chatJid,
    oldestMsgTimestampMs,
    onDemandMsgCount,
  }: proto.Message.PeerDataOperationRequestMessage.IHistorySyncOnDemandRequest): {
    messages: PhoneMessage[]
    isAll: boolean
  } {
    const chat = this.#parts.names.chatWith(chatJid ?? '')
    const before = Number(oldestMsgTimestampMs ?? this.#line.clock.now())
    const older = this.#memory
      .own((message) => message.chat === chat && message.at < before)
      .sort((a, b) => a.at - b.at)
    const messages = older.slice(-(onDemandMsgCount ?? 50))
    return { messages, isAll: messages.length === older.length }
  }

  #remembered(): Remembered {
    const { contacts, chats } = this.#memory
    return { messages: this.#memory.own(), contacts: [...contacts.values()], chats }
  }

  #resendPlaceholder(companion: string, message: PhoneMessage): void {
    const webMessageInfoBytes = proto.WebMessageInfo.encode(toWebMessage(message, message.chat)).finish()
    this.#tell(companion, {
      protocolMessage: {
        type: proto.Message.ProtocolMessage.Type.PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE,
        peerDataOperationRequestResponseMessage: {
          peerDataOperationRequestType: proto.Message.PeerDataOperationRequestType.PLACEHOLDER_MESSAGE_RESEND,
          stanzaId: message.id,
          peerDataOperationResult: [{ placeholderMessageResendResponse: { webMessageInfoBytes } }],
        },
      },
    })
  }

  #keyShare(): proto.IMessage {
    const { settings, linking } = this.#parts
    const companions = this.#line.companions().map(({ device }) => device)
    return appStateKeyShare(settings.key, linking.rawId, companions, this.#line.clock.now())
  }

  #tell(jid: string, message: proto.IMessage, id = newId()): void {
    this.#parts.device().writePeer(jid, message, id)
  }
}

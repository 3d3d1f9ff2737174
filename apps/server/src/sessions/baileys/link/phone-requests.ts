import { randomBytes } from 'node:crypto'

import { proto } from '../baileys.ts'

import { type Jid, isGroup } from '@inbox-hub/whatsapp'

/** A message as the phone knows it. */
export interface PhoneMessageKey {
  id: string
  chat: Jid
  /** Who wrote it, in groups; undefined when we did. */
  sender: Jid | undefined
  fromMe: boolean
}

/**
 * What can be asked of the account's own phone. Each resolves when the request is written: the phone answers when it is online, be it
 * tomorrow. Rejects with `SESSION_NOT_CONNECTED`.
 */
export interface PhoneCalls {
  newRequestId(): string
  /** Messages of a chat before `oldest`; they come as history that names the request. `sentAt` is Unix ms. */
  olderMessages(
    requestId: string,
    wanted: { chat: Jid; oldest: { id: string; fromMe: boolean; sentAt: number }; count: number },
  ): Promise<void>
  /** A part of its history whose file is gone; it comes as a part of its own. */
  historyAgain(part: ExpiredPart): Promise<void>
  /** Messages that could not be opened; they come as if they had just been sent. */
  resend(keys: readonly PhoneMessageKey[]): Promise<void>
}

/** A part of a history, as the notification that told of it names it. */
export interface ExpiredPart {
  /** Of the message that the notification came in. */
  notificationId: string
  syncType: proto.Message.HistorySyncType
  chunkOrder: number | undefined
}

/** The phone gives no more at a time, and baileys' own examples ask for fifty. */
const MAX_RESENDS = 50

type Request = proto.Message.IPeerDataOperationRequestMessage

/**
 * What can be asked of the account's own phone: messages to it, as baileys' `sendPeerDataOperationMessage` writes them
 * (Socket/messages-send.js:342), but under an id that is known before the answer can come.
 */
export function phoneCalls(relay: (id: string, message: proto.IMessage) => Promise<void>): PhoneCalls {
  async function ask(id: string, peerDataOperationRequestMessage: Request): Promise<void> {
    const { PEER_DATA_OPERATION_REQUEST_MESSAGE: type } = proto.Message.ProtocolMessage.Type
    await relay(id, { protocolMessage: { type, peerDataOperationRequestMessage } })
  }
  const { HISTORY_SYNC_ON_DEMAND, HISTORY_SYNC_CHUNK_RETRY, PLACEHOLDER_MESSAGE_RESEND } =
    proto.Message.PeerDataOperationRequestType

  return {
    newRequestId: () => `3EB0${randomBytes(9).toString('hex').toUpperCase()}`,
    olderMessages: (requestId, { chat, oldest, count }) =>
      ask(requestId, {
        peerDataOperationRequestType: HISTORY_SYNC_ON_DEMAND,
        historySyncOnDemandRequest: {
          chatJid: chat,
          oldestMsgId: oldest.id,
          oldestMsgFromMe: oldest.fromMe,
          oldestMsgTimestampMs: oldest.sentAt,
          onDemandMsgCount: count,
        },
      }),
    historyAgain({ notificationId, syncType, chunkOrder }) {
      return ask(this.newRequestId(), {
        peerDataOperationRequestType: HISTORY_SYNC_CHUNK_RETRY,
        historySyncChunkRetryRequest: {
          syncType,
          ...(chunkOrder !== undefined && { chunkOrder }),
          chunkNotificationId: notificationId,
          regenerateChunk: true,
        },
      })
    },
    async resend(keys) {
      for (let from = 0; from < keys.length; from += MAX_RESENDS) {
        await ask(this.newRequestId(), {
          peerDataOperationRequestType: PLACEHOLDER_MESSAGE_RESEND,
          placeholderMessageResendRequest: keys
            .slice(from, from + MAX_RESENDS)
            .map((key) => ({ messageKey: messageKey(key) })),
        })
      }
    },
  }
}

function messageKey({ id, chat, sender, fromMe }: PhoneMessageKey): proto.IMessageKey {
  const participant: Jid | undefined = isGroup(chat) && !fromMe ? sender : undefined
  return { id, remoteJid: chat, fromMe, ...(participant !== undefined && { participant }) }
}

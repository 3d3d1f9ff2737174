import { deflateSync } from 'node:zlib'

import { proto } from '../baileys.ts'
import { isGroup } from '../jid.ts'
import type { Addresses } from '../line.ts'
import type { AppStateKey } from './app-state.ts'
import { type PhoneMessage, toWebMessage } from './phone-message.ts'

// What a phone tells a device it has just linked: the key of the app state, then the history in parts. With
// the last part (RECENT, progress 100) Baileys leaves its initial sync. Sources: Baileys `Socket/chats.js`
// (upsertMessage), `Utils/history.js`; docs/protocol/pairing.md.

const { HistorySyncType } = proto.HistorySync
const { Type } = proto.Message.ProtocolMessage

/** @param at - Unix ms */
export function appStateKeyShare(
  key: AppStateKey,
  rawId: number,
  devices: readonly number[],
  at: number,
): proto.IMessage {
  const fingerprint = { rawId, currentIndex: 0, deviceIndexes: [0, ...devices] }
  const keyData = { keyData: key.keyData, fingerprint, timestamp: at }
  return {
    protocolMessage: {
      type: Type.APP_STATE_SYNC_KEY_SHARE,
      appStateSyncKeyShare: { keys: [{ keyId: { keyId: key.keyId }, keyData }] },
    },
  }
}

/** A contact, with the name it calls itself. */
export interface KnownContact extends Addresses {
  pushName: string | undefined
}

/** The three parts of history a device waits for. */
export function initialHistory(
  messages: readonly PhoneMessage[],
  contacts: readonly KnownContact[],
): proto.IMessage[] {
  const phoneNumberToLidMappings = contacts.map(({ pn, lid }) => ({ pnJid: pn, lidJid: lid }))
  const conversations = toConversations(messages, contacts)
  const pushnames = contacts.flatMap(({ pn, pushName }) =>
    pushName === undefined ? [] : [{ id: pn, pushname: pushName }],
  )
  return [
    part({ syncType: HistorySyncType.INITIAL_BOOTSTRAP, conversations, phoneNumberToLidMappings }, 1, 100),
    part({ syncType: HistorySyncType.PUSH_NAME, pushnames }, 1, 100),
    part({ syncType: HistorySyncType.RECENT, phoneNumberToLidMappings }, 1, 100),
  ]
}

/** Messages of one chat, because a device asked for older ones. */
export function olderHistory(
  messages: readonly PhoneMessage[],
  contacts: readonly KnownContact[],
  requestId: string,
): proto.IMessage {
  const conversations = toConversations(messages, contacts)
  return part({ syncType: HistorySyncType.ON_DEMAND, conversations }, 1, 100, requestId)
}

function part(
  history: proto.IHistorySync,
  chunkOrder: number,
  progress: number,
  peerDataRequestSessionId?: string,
): proto.IMessage {
  const encoded = proto.HistorySync.encode({ ...history, chunkOrder, progress }).finish()
  return {
    protocolMessage: {
      type: Type.HISTORY_SYNC_NOTIFICATION,
      historySyncNotification: {
        // The same numbers in both enums.
        syncType: history.syncType as number as proto.Message.HistorySyncType,
        chunkOrder,
        progress,
        initialHistBootstrapInlinePayload: deflateSync(encoded),
        ...(peerDataRequestSessionId !== undefined && { peerDataRequestSessionId }),
      },
    },
  }
}

/** One per chat, newest message first, people under their LID. */
function toConversations(
  messages: readonly PhoneMessage[],
  contacts: readonly KnownContact[],
): proto.IConversation[] {
  const byChat = Map.groupBy(messages, ({ chat }) => chat)
  return [...byChat].map(([chat, inChat]) => {
    const contact = contacts.find(({ pn }) => pn === chat)
    const id = contact === undefined || isGroup(chat) ? chat : contact.lid
    const newestFirst = inChat.toSorted((a, b) => b.at - a.at)
    const conversationTimestamp = Math.floor((newestFirst[0]?.at ?? 0) / 1000)
    return {
      id,
      messages: newestFirst.map((message) => ({ message: toWebMessage(message, id) })),
      conversationTimestamp,
      lastMsgTimestamp: conversationTimestamp,
      ...(contact !== undefined && { pnJid: contact.pn, lidJid: contact.lid }),
      ...(contact?.pushName !== undefined && { displayName: contact.pushName }),
    }
  })
}

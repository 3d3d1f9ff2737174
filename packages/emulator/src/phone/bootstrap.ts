import { deflateSync } from 'node:zlib'

import { proto } from '../baileys.ts'
import { isGroup } from '../jid.ts'
import type { Addresses } from '../line.ts'
import { type MediaHost, toHistoryReference } from '../media/index.ts'
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

/** What a phone knows when it tells its history. */
export interface Remembered {
  messages: readonly PhoneMessage[]
  contacts: readonly KnownContact[]
  /** Settings of chats, by the name {@link PhoneMessage.chat} has. */
  chats: ReadonlyMap<string, proto.IConversation>
}

/** Messages of one part: what does not fit into the first follows in as many as it takes. Phones make them of some thousands. */
const messagesPerPart = 5_000

/** The parts of history a device waits for: the newest messages at once, then the others, then, if it asked, all of them. */
export function initialHistory(remembered: Remembered, wantsFull: boolean): proto.IHistorySync[] {
  const { contacts } = remembered
  const phoneNumberToLidMappings = contacts.map(({ pn, lid }) => ({ pnJid: pn, lidJid: lid }))
  const pushnames = contacts.flatMap(({ pn, pushName }) =>
    pushName === undefined ? [] : [{ id: pn, pushname: pushName }],
  )
  const newestFirst = sorted(remembered.messages)
  const first = newestFirst.slice(0, messagesPerPart)
  return [
    {
      syncType: HistorySyncType.INITIAL_BOOTSTRAP,
      conversations: toConversations({ ...remembered, messages: first }, true),
      phoneNumberToLidMappings,
      chunkOrder: 1,
      progress: 100,
    },
    { syncType: HistorySyncType.PUSH_NAME, pushnames, chunkOrder: 1, progress: 100 },
    ...inParts(HistorySyncType.RECENT, remembered, newestFirst.slice(messagesPerPart)).map((part) => ({
      ...part,
      phoneNumberToLidMappings,
    })),
    ...(wantsFull ? inParts(HistorySyncType.FULL, remembered, newestFirst) : []),
  ]
}

function inParts(
  syncType: proto.HistorySync.HistorySyncType,
  remembered: Remembered,
  newestFirst: readonly PhoneMessage[],
): proto.IHistorySync[] {
  const parts = Math.max(1, Math.ceil(newestFirst.length / messagesPerPart))
  return Array.from({ length: parts }, (_, index) => {
    const messages = newestFirst.slice(index * messagesPerPart, (index + 1) * messagesPerPart)
    return {
      syncType,
      conversations: toConversations({ ...remembered, messages }),
      chunkOrder: index + 1,
      progress: Math.floor(((index + 1) * 100) / parts),
    }
  })
}

/** Messages of one chat, because a device asked for older ones. */
export function olderHistory(remembered: Remembered, chat: string, isAll: boolean): proto.IHistorySync {
  const {
    COMPLETE_AND_NO_MORE_MESSAGE_REMAIN_ON_PRIMARY,
    COMPLETE_ON_DEMAND_SYNC_BUT_MORE_MSG_REMAIN_ON_PRIMARY,
  } = proto.Conversation.EndOfHistoryTransferType
  const endOfHistoryTransferType = isAll
    ? COMPLETE_AND_NO_MORE_MESSAGE_REMAIN_ON_PRIMARY
    : COMPLETE_ON_DEMAND_SYNC_BUT_MORE_MSG_REMAIN_ON_PRIMARY
  const chats = new Map([[chat, { ...remembered.chats.get(chat), endOfHistoryTransferType }]])
  return {
    syncType: HistorySyncType.ON_DEMAND,
    conversations: toConversations({ ...remembered, messages: sorted(remembered.messages), chats }, true),
    chunkOrder: 1,
    progress: 100,
  }
}

/** Up to so many bytes a part travels inside its notification; larger ones lie on the media host. */
const maxInlineBytes = 64 * 1024

/** The notification of a part of history, with the part inside it or on the media host. */
export function historyNotification(
  history: proto.IHistorySync,
  media: MediaHost,
  requestId?: string,
  inline = maxInlineBytes,
): proto.Message.IHistorySyncNotification {
  const { syncType, chunkOrder, progress } = history
  const deflated = deflateSync(proto.HistorySync.encode(history).finish())
  return {
    ...(syncType !== undefined && { syncType }),
    ...(chunkOrder !== undefined && { chunkOrder }),
    ...(progress !== undefined && { progress }),
    ...(deflated.length > inline
      ? toHistoryReference(deflated, media)
      : { initialHistBootstrapInlinePayload: deflated }),
    ...(requestId !== undefined && { peerDataRequestSessionId: requestId }),
  }
}

/** One per chat, its messages in the order given (newest first), people under their LID; with `all`, also those that have settings and no messages. */
function toConversations({ messages, contacts, chats }: Remembered, all = false): proto.IConversation[] {
  const byChat = Map.groupBy(messages, ({ chat }) => chat)
  if (all) for (const chat of chats.keys()) if (!byChat.has(chat)) byChat.set(chat, [])
  return [...byChat].map(([chat, newestFirst]) => {
    const contact = contacts.find(({ pn }) => pn === chat)
    const id = contact === undefined || isGroup(chat) ? chat : contact.lid
    const conversationTimestamp = Math.floor((newestFirst[0]?.at ?? 0) / 1000)
    return {
      id,
      messages: newestFirst.map((message) => ({ message: toWebMessage(message, id) })),
      conversationTimestamp,
      lastMsgTimestamp: conversationTimestamp,
      ...(contact !== undefined && { pnJid: contact.pn, lidJid: contact.lid }),
      ...(contact?.pushName !== undefined && { displayName: contact.pushName }),
      ...chats.get(chat),
    }
  })
}

/** Newest first; of the same moment the one that came last. */
function sorted(messages: readonly PhoneMessage[]): PhoneMessage[] {
  return messages.toReversed().sort((a, b) => b.at - a.at)
}

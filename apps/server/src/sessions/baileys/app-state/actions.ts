import type { proto } from '../baileys.ts'

import { isGroup, isLid, isPn, type Jid, tryParseJid, withoutDevice } from '@inbox-hub/whatsapp'

import type { Acquaintance } from '../acquaintances.ts'
import { pastCallOf } from '../history/past-call.ts'
import type { Self } from '../journal/envelope.ts'
import { isMissing } from '../missing.ts'
import type { Collection, Mutation } from './collection.ts'

/*
 * What the entries of app state mean. Index, format version and collection of each: baileys Utils/chat-utils.js
 * (`chatModificationToAppPatch`) and whatsmeow appstate/encode.go; docs/protocol/app-state.md has the table.
 */

/** A message as app state names it. */
export interface NamedMessage {
  id: string
  fromMe: boolean
  /** Who wrote it: told of messages of others in groups, where the chat does not say it. */
  sender: Jid | undefined
}

/** The newest message of a chat: up to it, what is done to the chat counts. Undefined for a chat without messages. */
export type LastMessage = (NamedMessage & { sentAt: number }) | undefined

/** What can be set for all devices of the account. Times are Unix ms. */
export type AppStateChange =
  | { set: 'archived'; chat: Jid; to: boolean; last: LastMessage }
  | { set: 'pinned'; chat: Jid; to: boolean }
  /** Until when; null: no longer. */
  | { set: 'muted'; chat: Jid; until: number | 'always' | null }
  | { set: 'read'; chat: Jid; to: boolean; last: LastMessage }
  /** All its messages go, for this account; the chat itself too when `removed`. */
  | { set: 'emptied'; chat: Jid; removed: boolean; last: LastMessage }
  | { set: 'starred'; chat: Jid; message: NamedMessage; to: boolean }
  /** Gone for this account alone. */
  | { set: 'deleted_for_me'; chat: Jid; message: NamedMessage; sentAt: number }
  /** The phone's address book; null takes somebody out of it. `pn` is their address with the number. */
  | { set: 'contact'; pn: Jid; lid: Jid | undefined; name: { full: string; first: string } | null }
  | {
      set: 'label'
      id: string
      label: { name: string; color: number; predefinedId: number | undefined } | null
    }
  | { set: 'chat_label'; label: string; chat: Jid; to: boolean }
  | { set: 'message_label'; label: string; chat: Jid; message: NamedMessage; to: boolean }
  | {
      set: 'quick_reply'
      id: string
      reply: { shortcut: string; text: string; keywords: readonly string[] } | null
    }
  /** What the account calls itself. */
  | { set: 'push_name'; to: string }

/** WhatsApp's "for ever" is -1; ours is the last moment a date can name. */
export const always = 8_640_000_000_000_000

/** The entries that a change sets, all in one collection. */
export function mutationsOf(
  change: AppStateChange,
  now: number,
): { collection: Collection; mutations: readonly Mutation[] } {
  const entry = (
    index: readonly string[],
    version: number,
    action: proto.ISyncActionValue,
    isRemoved = false,
  ): Mutation => ({ index, version, value: { ...action, timestamp: now }, isRemoved })
  const unpin = (chat: Jid): Mutation => entry(['pin_v1', chat], 5, { pinAction: { pinned: false } })

  switch (change.set) {
    case 'archived': {
      const { chat, to, last } = change
      const archiveChatAction = { archived: to, messageRange: rangeTo(chat, last) }
      const archived = entry(['archive', chat], 3, { archiveChatAction })
      // As the phone does: an archived chat is not at the top any more.
      return { collection: 'regular_low', mutations: to ? [archived, unpin(chat)] : [archived] }
    }
    case 'pinned': {
      const { chat, to } = change
      return {
        collection: 'regular_low',
        mutations: [entry(['pin_v1', chat], 5, { pinAction: { pinned: to } })],
      }
    }
    case 'muted': {
      const { chat, until } = change
      const muteAction = {
        muted: until !== null,
        ...(until !== null && { muteEndTimestamp: until === 'always' ? -1 : until }),
      }
      return { collection: 'regular_high', mutations: [entry(['mute', chat], 2, { muteAction })] }
    }
    case 'read': {
      const { chat, to, last } = change
      const markChatAsReadAction = { read: to, messageRange: rangeTo(chat, last) }
      return {
        collection: 'regular_low',
        mutations: [entry(['markChatAsRead', chat], 3, { markChatAsReadAction })],
      }
    }
    case 'emptied': {
      const { chat, removed, last } = change
      const messageRange = rangeTo(chat, last)
      // The flags: starred messages go too, files stay on the phone.
      return {
        collection: 'regular_high',
        mutations: [
          removed
            ? entry(['deleteChat', chat, '1'], 6, { deleteChatAction: { messageRange } })
            : entry(['clearChat', chat, '1', '0'], 6, { clearChatAction: { messageRange } }),
        ],
      }
    }
    case 'starred': {
      const { chat, message, to } = change
      const index = ['star', chat, ...segmentsOf(chat, message)]
      return { collection: 'regular_low', mutations: [entry(index, 2, { starAction: { starred: to } })] }
    }
    case 'deleted_for_me': {
      const { chat, message, sentAt } = change
      const index = ['deleteMessageForMe', chat, ...segmentsOf(chat, message)]
      const deleteMessageForMeAction = { deleteMedia: false, messageTimestamp: Math.floor(sentAt / 1000) }
      return { collection: 'regular_high', mutations: [entry(index, 3, { deleteMessageForMeAction })] }
    }
    case 'contact': {
      const { pn, lid, name } = change
      const contactAction =
        name === null
          ? {}
          : {
              fullName: name.full,
              firstName: name.first,
              saveOnPrimaryAddressbook: true,
              ...(lid !== undefined && { lidJid: lid }),
            }
      return {
        collection: 'critical_unblock_low',
        mutations: [entry(['contact', pn], 2, { contactAction }, name === null)],
      }
    }
    case 'label': {
      const { id, label } = change
      const labelEditAction =
        label === null
          ? { deleted: true }
          : {
              name: label.name,
              color: label.color,
              deleted: false,
              ...(label.predefinedId !== undefined && { predefinedId: label.predefinedId }),
            }
      return { collection: 'regular', mutations: [entry(['label_edit', id], 3, { labelEditAction })] }
    }
    case 'chat_label': {
      const { label, chat, to } = change
      const labelAssociationAction = { labeled: to }
      return {
        collection: 'regular',
        mutations: [entry(['label_jid', label, chat], 3, { labelAssociationAction })],
      }
    }
    case 'message_label': {
      const { label, chat, message, to } = change
      const index = ['label_message', label, chat, ...segmentsOf(chat, message)]
      const labelAssociationAction = { labeled: to }
      return { collection: 'regular', mutations: [entry(index, 3, { labelAssociationAction })] }
    }
    case 'quick_reply': {
      const { id, reply } = change
      const quickReplyAction =
        reply === null
          ? { deleted: true, keywords: [] }
          : {
              shortcut: reply.shortcut,
              message: reply.text,
              keywords: [...reply.keywords],
              count: 0,
              deleted: false,
            }
      return { collection: 'regular', mutations: [entry(['quick_reply', id], 2, { quickReplyAction })] }
    }
    case 'push_name':
      break
  }
  const pushNameSetting = { name: change.to }
  return { collection: 'critical_block', mutations: [entry(['setting_pushName'], 1, { pushNameSetting })] }
}

/** Message id, whether it is ours, and its author where the chat does not name them. */
function segmentsOf(chat: Jid, { id, fromMe, sender }: NamedMessage): readonly string[] {
  const author = isGroup(chat) && !fromMe && sender !== undefined ? withoutDevice(sender) : '0'
  return [id, fromMe ? '1' : '0', author]
}

function rangeTo(chat: Jid, last: LastMessage): proto.SyncActionValue.ISyncActionMessageRange | null {
  if (last === undefined) return null
  const { id, fromMe, sender, sentAt } = last
  const timestamp = Math.floor(sentAt / 1000)
  const participant = isGroup(chat) && !fromMe && sender !== undefined ? sender : undefined
  const key = { remoteJid: chat, id, fromMe, ...(participant !== undefined && { participant }) }
  return { lastMessageTimestamp: timestamp, messages: [{ key, timestamp }] }
}

/** What a mutation tells; nothing for settings that we do not keep. `self`: our own addresses. */
export function factsOf(sessionId: number, mutation: Mutation, self: Self): readonly Acquaintance[] {
  const { index, value, isRemoved } = mutation
  const [type = '', first = '', ...rest] = index
  const at = timeOf(value.timestamp) ?? 0
  const jid = addressOf(first)
  const aboutChat = (settings: object): readonly Acquaintance[] =>
    jid === undefined ? [] : [{ type: 'chat', sessionId, jid, ...settings }]

  switch (type) {
    case 'archive':
      return aboutChat({ archived: !isRemoved && value.archiveChatAction?.archived === true })
    case 'pin_v1':
      return aboutChat({ pinned: !isRemoved && value.pinAction?.pinned === true })
    case 'mute': {
      const { muted, muteEndTimestamp } = value.muteAction ?? {}
      const until = Number(muteEndTimestamp ?? 0)
      const mutedUntil = isRemoved || muted !== true ? null : until <= 0 ? always : until
      return aboutChat({ mutedUntil })
    }
    case 'markChatAsRead': {
      const { read, messageRange } = value.markChatAsReadAction ?? {}
      if (read !== true && !isRemoved) return aboutChat({ markedUnread: true })
      if (jid === undefined) return []
      return [
        { type: 'chat', sessionId, jid, markedUnread: false },
        { type: 'chat_read', sessionId, jid, through: endOf(messageRange, at) },
      ]
    }
    case 'clearChat':
    case 'deleteChat': {
      if (jid === undefined || isRemoved) return []
      const range = value.clearChatAction?.messageRange ?? value.deleteChatAction?.messageRange
      const removed = type === 'deleteChat'
      return [{ type: 'chat_emptied', sessionId, jid, removed, through: endOf(range, at) }]
    }
    case 'star':
    case 'deleteMessageForMe': {
      const message = messageIn(rest)
      if (jid === undefined || message === undefined) return []
      if (type === 'deleteMessageForMe') {
        return isRemoved ? [] : [{ type: 'message_deleted_for_me', sessionId, jid, message }]
      }
      const starred = !isRemoved && value.starAction?.starred === true
      return [{ type: 'message_starred', sessionId, jid, message, starred }]
    }
    case 'contact':
    case 'lid_contact':
      return contactFacts(sessionId, jid, mutation)
    case 'pn_for_lid_chat': {
      const pn = addressOf(value.pnForLidChatAction?.pnJid ?? '')
      if (jid === undefined || pn === undefined || !isLid(jid) || !isPn(pn)) return []
      return [{ type: 'lid_mapping', sessionId, lid: jid, pn }]
    }
    case 'label_edit': {
      const { name, color, predefinedId, deleted } = value.labelEditAction ?? {}
      if (first === '') return []
      const isGone = isRemoved || deleted === true || isMissing(name)
      const label = isGone ? null : { name, color: color ?? 0, predefinedId: predefinedId ?? undefined }
      return [{ type: 'label', sessionId, id: first, label }]
    }
    case 'label_jid':
    case 'label_message': {
      const chat = addressOf(rest[0] ?? '')
      const message = type === 'label_message' ? messageIn(rest.slice(1)) : undefined
      if (chat === undefined || (type === 'label_message' && message === undefined)) return []
      const labelled = !isRemoved && value.labelAssociationAction?.labeled === true
      return [{ type: 'label_use', sessionId, label: first, jid: chat, message, labelled }]
    }
    case 'call_log': {
      const record = value.callLogAction?.callLogRecord
      if (isRemoved || isMissing(record)) return []
      const call = pastCallOf(record, self, { creator: first, callId: rest[0] })
      return call === undefined ? [] : [{ type: 'past_call', sessionId, call }]
    }
    case 'quick_reply': {
      const { shortcut, message, keywords, deleted } = value.quickReplyAction ?? {}
      if (first === '') return []
      const isGone = isRemoved || deleted === true || isMissing(shortcut) || isMissing(message)
      const reply = isGone ? null : { shortcut, text: message, keywords: keywords ?? [] }
      return [{ type: 'quick_reply', sessionId, id: first, reply }]
    }
    default:
      return []
  }
}

function contactFacts(
  sessionId: number,
  jid: Jid | undefined,
  { value, isRemoved }: Mutation,
): readonly Acquaintance[] {
  if (jid === undefined) return []
  const action = value.contactAction ?? value.lidContactAction ?? {}
  const saved = isRemoved ? null : action.fullName || action.firstName || null
  const lid = addressOf(value.contactAction?.lidJid ?? '')
  const pair: readonly Acquaintance[] =
    lid !== undefined && isLid(lid) && isPn(jid) ? [{ type: 'lid_mapping', sessionId, lid, pn: jid }] : []
  return [...pair, { type: 'contact', sessionId, jid, savedName: saved }]
}

/** The name that an account gives itself in these; undefined when they have none. */
export function pushNameIn(mutations: readonly Mutation[]): string | undefined {
  return (
    mutations.findLast(({ value }) => !isMissing(value.pushNameSetting))?.value.pushNameSetting?.name ||
    undefined
  )
}

/** Whether archived chats come back with a new message, when these say so. */
export function unarchivingIn(mutations: readonly Mutation[]): boolean | undefined {
  return (
    mutations.findLast(({ value }) => !isMissing(value.unarchiveChatsSetting))?.value.unarchiveChatsSetting
      ?.unarchiveChats ?? undefined
  )
}

function addressOf(text: string): Jid | undefined {
  const jid = tryParseJid(text)
  return jid && withoutDevice(jid)
}

function messageIn([id = '', fromMe, author = '0']: readonly string[]): NamedMessage | undefined {
  return id === '' ? undefined : { id, fromMe: fromMe === '1', sender: addressOf(author) }
}

/** Up to when what is done to a chat counts, Unix ms, its whole last second included. */
function endOf(range: proto.SyncActionValue.ISyncActionMessageRange | null | undefined, at: number): number {
  const last = Math.max(
    Number(range?.lastMessageTimestamp ?? 0),
    Number(range?.lastSystemMessageTimestamp ?? 0),
  )
  return last > 0 ? last * 1000 + 999 : at
}

function timeOf(value: proto.ISyncActionValue['timestamp']): number | undefined {
  const at = Number(value ?? Number.NaN)
  return Number.isSafeInteger(at) && at > 0 ? at : undefined
}

import { proto } from '../baileys.ts'
import type { Addresses } from '../line.ts'
import type { Recipient } from './phone-options.ts'
import type { PhoneMessage } from './phone-message.ts'
import type { SyncedSettings } from './synced-settings.ts'

/** A label of WhatsApp Business, or a list. */
export interface Label {
  name: string
  /** 0 to 19, as WhatsApp numbers its colours. */
  color?: number
}

/** A call that is over, as the phone lists it. */
export interface LoggedCall {
  callId: string
  /** Whom it was with; of a group somebody in it. */
  person: Recipient
  group?: string
  /** The account called. */
  outgoing: boolean
  result: keyof typeof proto.CallLogRecord.CallResult
  /** Unix ms. */
  at: number
  /** Of talk. */
  seconds?: number
  video?: boolean
}

/** How the phone names chats and people in app state. */
interface Named {
  /** A chat by whatever names it, in the form that the phone addresses it by. */
  chat: (chat: Recipient) => string
  person: (address: Recipient) => Addresses
  own: () => Addresses
}

/**
 * What a person sets on the phone for all devices of the account: each is an entry of app state. Index, version and collection of each
 * as in Baileys `Utils/chat-utils.js`; `appState` of the phone tells what is set, whoever set it.
 */
export class ChatSettings {
  readonly #settings: SyncedSettings
  readonly #named: Named

  constructor(settings: SyncedSettings, named: Named) {
    this.#settings = settings
    this.#named = named
  }

  archives(chat: Recipient, archived = true): void {
    const value = { archiveChatAction: { archived } }
    this.#settings.set('regular_low', { index: ['archive', this.#named.chat(chat)], value, version: 3 })
  }

  pins(chat: Recipient, pinned = true): void {
    const value = { pinAction: { pinned } }
    this.#settings.set('regular_low', { index: ['pin_v1', this.#named.chat(chat)], value, version: 5 })
  }

  /** Until a moment (Unix ms), always, or no longer. */
  mutes(chat: Recipient, until: number | 'always' | 'no'): void {
    const muteAction =
      until === 'no' ? { muted: false } : { muted: true, muteEndTimestamp: until === 'always' ? -1 : until }
    const index = ['mute', this.#named.chat(chat)]
    this.#settings.set('regular_high', { index, value: { muteAction }, version: 2 })
  }

  /** `upTo`: the newest message, Unix ms. */
  marksRead(chat: Recipient, read: boolean, upTo?: number): void {
    const value = { markChatAsReadAction: { read, ...range(upTo) } }
    this.#settings.set('regular_low', {
      index: ['markChatAsRead', this.#named.chat(chat)],
      value,
      version: 3,
    })
  }

  /** Empties a chat; `upTo`: its newest message, Unix ms. */
  clears(chat: Recipient, upTo: number): void {
    const index = ['clearChat', this.#named.chat(chat), '1', '0']
    this.#settings.set('regular_high', { index, value: { clearChatAction: range(upTo) }, version: 6 })
  }

  deletesChat(chat: Recipient, upTo: number): void {
    const index = ['deleteChat', this.#named.chat(chat), '1']
    this.#settings.set('regular_high', { index, value: { deleteChatAction: range(upTo) }, version: 6 })
  }

  stars(message: PhoneMessage, starred = true): void {
    const index = ['star', ...this.#naming(message)]
    this.#settings.set('regular_low', { index, value: { starAction: { starred } }, version: 2 })
  }

  deletesForMe(message: PhoneMessage): void {
    const index = ['deleteMessageForMe', ...this.#naming(message)]
    const action = { deleteMedia: false, messageTimestamp: Math.floor(message.at / 1000) }
    this.#settings.set('regular_high', { index, value: { deleteMessageForMeAction: action }, version: 3 })
  }

  /** Makes a label, or changes what it is called. */
  labels(id: string, { name, color = 0 }: Label): void {
    const value = { labelEditAction: { name, color, deleted: false } }
    this.#settings.set('regular', { index: ['label_edit', id], value, version: 3 })
  }

  deletesLabel(id: string): void {
    const value = { labelEditAction: { deleted: true } }
    this.#settings.set('regular', { index: ['label_edit', id], value, version: 3 })
  }

  labelsChat(id: string, chat: Recipient, labeled = true): void {
    const value = { labelAssociationAction: { labeled } }
    this.#settings.set('regular', { index: ['label_jid', id, this.#named.chat(chat)], value, version: 3 })
  }

  labelsMessage(id: string, message: PhoneMessage, labeled = true): void {
    const value = { labelAssociationAction: { labeled } }
    const index = ['label_message', id, ...this.#naming(message)]
    this.#settings.set('regular', { index, value, version: 3 })
  }

  /** Keeps a text to answer with, or (undefined) no longer. */
  keepsQuickReply(id: string, reply: { shortcut: string; text: string } | undefined): void {
    const quickReplyAction =
      reply === undefined
        ? { deleted: true, keywords: [] }
        : { shortcut: reply.shortcut, message: reply.text, keywords: [], count: 0, deleted: false }
    this.#settings.set('regular', { index: ['quick_reply', id], value: { quickReplyAction }, version: 2 })
  }

  /** Puts a call that is over into the list that all devices have; a call to a group names it. */
  logsCall({ callId, person, group, outgoing, result, at, seconds, video }: LoggedCall): void {
    const { lid: own } = this.#named.own()
    const { lid: other } = this.#named.person(person)
    const creator = outgoing ? own : other
    const callResult = proto.CallLogRecord.CallResult[result]
    const callLogRecord: proto.ICallLogRecord = {
      callId,
      callCreatorJid: creator,
      isIncoming: !outgoing,
      callResult,
      isVideo: video === true,
      startTime: Math.floor(at / 1000),
      duration: seconds ?? 0,
      participants: [{ userJid: other, callResult }],
      ...(group !== undefined && { groupJid: group }),
    }
    const index = ['call_log', creator, callId, outgoing ? '0' : '1']
    this.#settings.set('regular', { index, value: { callLogAction: { callLogRecord } }, version: 1 })
  }

  /** Saves somebody in the address book. */
  savesContact(address: Recipient, fullName: string): void {
    const { pn, lid } = this.#named.person(address)
    const firstName = fullName.split(' ')[0] ?? fullName
    const contactAction = { fullName, firstName, lidJid: lid, saveOnPrimaryAddressbook: true }
    const index = ['contact', pn]
    this.#settings.set('critical_unblock_low', { index, value: { contactAction }, version: 2 })
  }

  removesContact(address: Recipient): void {
    this.#settings.remove('critical_unblock_low', ['contact', this.#named.person(address).pn], 2)
  }

  #naming({ chat, id, fromMe, from }: PhoneMessage): readonly string[] {
    const inGroup = chat.endsWith('@g.us') && !fromMe
    return [this.#named.chat(chat), id, fromMe ? '1' : '0', inGroup ? from : '0']
  }
}

function range(upTo: number | undefined): { messageRange?: proto.SyncActionValue.ISyncActionMessageRange } {
  return upTo === undefined ? {} : { messageRange: { lastMessageTimestamp: Math.floor(upTo / 1000) } }
}

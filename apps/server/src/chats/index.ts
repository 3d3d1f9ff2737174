import './tables.ts'

import { type KeyObject, randomUUID } from 'node:crypto'

import { type EventData, type EventType, isoOf } from '@inbox-hub/contract'
import { isGroup, type Jid } from '@inbox-hub/whatsapp'

import type { Events, NewEvent } from '../events/index.ts'
import { boundedCache } from '../platform/bounded-cache.ts'
import type { Clock } from '../platform/clock.ts'
import type { Database, Tx } from '../platform/database/index.ts'
import type { Log } from '../platform/log.ts'
import type { Acquaintance } from '../sessions/baileys/index.ts'
import type { Sessions } from '../sessions/index.ts'
import { type Address, type Addresses, createAddresses, hold, type LidMapping } from './addresses.ts'
import {
  adoptName,
  type ChatChange,
  type ChatLoss,
  type ChatSetting,
  type ChatSettings,
  type ChangedChat,
  changeChats,
  disappearAfter,
  findChat,
  lessUnread,
  loseMessages,
  removeChat,
  setChat,
  setUnread,
  settingsOf,
} from './chat-rows.ts'
import {
  adopt,
  type ContactFact,
  type Contacts,
  contactUpdatedEvent,
  createContacts,
  findContact,
} from './contacts.ts'
import { createErasedPeople, type ErasedPeople } from './erased.ts'
import { type PastChatState, takePastChat } from './past-chats.ts'
import { rekey, type RekeyedMessages, type Rekeying } from './rekey.ts'

export { contactWire, type ExtrasOf } from './contact-wire.ts'
export { identityRoutes } from './identity-routes.ts'
export { contactRoutes } from './routes.ts'
export { byNumber, personOf, type ShownPerson, showPeople } from './people.ts'
export { createPeopleSearch, type PeopleSearch } from './people-search.ts'
export type { Address, LidMapping } from './addresses.ts'
export type { ChangedChat, ChatChange, ChatLoss, ChatSetting, ChatSettings } from './chat-rows.ts'
export { type ContactFact, findContact, folded, nameOf } from './contacts.ts'
export type { PastChatState } from './past-chats.ts'
export type { RekeyedMessages, Rekeying } from './rekey.ts'

/** Chats, contacts, and which LID belongs to which number: rows kept from what passes by. */
export interface Chats extends Disposable {
  readonly addresses: Pick<Addresses, 'canonical' | 'shown'>
  /** Whose data was erased. */
  readonly erased: ErasedPeople
  /** Forgets what this process remembers of people, after their rows were removed elsewhere. */
  forgetPeople(sessionId: number, jids: readonly Jid[]): void
  /** Keeps addresses as they are until `tx` ends. First thing in every transaction that writes rows under canonical addresses. */
  hold(tx: Tx, sessionIds: readonly number[]): Promise<void>
  /**
   * Stores which LIDs and numbers belong together, moving what stood under a number to its LID; answers the events to append.
   * Before `hold`, in the same transaction.
   */
  learn(tx: Tx, mappings: readonly LidMapping[]): Promise<readonly NewEvent[]>
  /** Stores names; answers the events to append. Addresses are canonical. */
  meet(tx: Tx, facts: readonly ContactFact[]): Promise<readonly NewEvent[]>
  /** Applies what messages do to their chats, at most one change per chat. Addresses are canonical. */
  change(tx: Tx, changes: readonly ChatChange[]): Promise<readonly ChangedChat[]>
  /** After how many seconds the messages of a chat disappear from now on; 0: they stay. */
  disappearAfter(tx: Tx, chat: { sessionId: number; jid: string; seconds: number }): Promise<void>
  /** Stores a chat as the phone has it from before; answers whether history tells of it for the first time. Tells nobody. */
  takePast(tx: Tx, sessionId: number, chat: PastChatState): Promise<boolean>
  /** Stores names from before, old ones only where none is known; answers how many people were not known. Tells nobody. */
  introduce(tx: Tx, facts: readonly ContactFact[], mode: 'news' | 'missing'): Promise<number>
  /** Takes read messages off the unread count of a chat. */
  read(tx: Tx, sessionId: number, chat: Jid, messages: number): Promise<void>
  /** Sets how many messages of a chat are unread. */
  setUnread(tx: Tx, sessionId: number, chat: Jid, messages: number): Promise<void>
  /** Takes messages that are no longer shown off their chat. */
  lose(tx: Tx, loss: ChatLoss): Promise<void>
  /** Takes a chat away, if it has no message. Addresses are canonical, here and below. */
  remove(tx: Tx, sessionId: number, chat: Jid): Promise<void>
  /** Stores what is set on a chat; answers the events to append. */
  set(tx: Tx, setting: ChatSetting): Promise<readonly NewEvent[]>
  /**
   * Takes over what is known of a chat and its person in another session of the same owner: what is known here already stays. Answers
   * the events to append. Addresses are canonical, each in its session.
   */
  adopt(tx: Tx, from: Address, to: Address): Promise<readonly NewEvent[]>
  /** What is set on a chat; undefined when nothing is known of it. */
  settings(on: Tx | Pick<Database, 'sql'>, sessionId: number, chat: Jid): Promise<ChatSettings | undefined>
  /** Who moves messages when an account's address changes. */
  moveMessagesWith(move: (tx: Tx, rekeying: Rekeying) => Promise<RekeyedMessages>): void
  /** Adds work to the transaction in which what stands under a number moves to its LID. Doing it again must change nothing. */
  whileRekeying(work: (tx: Tx, rekeying: Rekeying) => Promise<void>): void
  /** Who names the chat of a group: asked when this process first sees one change, in the transaction that changes it. */
  nameGroupsWith(name: (tx: Tx, sessionId: number, group: Jid) => Promise<void>): void
}

export interface ChatsDeps {
  database: Database
  events: Events
  sessions: Pick<Sessions, 'onAcquaintances' | 'onOnline' | 'view' | 'whilePurging'>
  /** Makes the notes of erased people unreadable. */
  erasedKey: KeyObject
  clock: Clock
  log: Log
}

/** Chats of groups that are remembered to have been named, of all sessions together. */
const rememberedGroups = 50_000

export function createChats({ database, events, sessions, erasedKey, clock, log }: ChatsDeps): Chats {
  const addresses = createAddresses()
  const contacts: Contacts = createContacts(addresses)
  const erased = createErasedPeople(erasedKey)
  const movers: ((tx: Tx, rekeying: Rekeying) => Promise<void>)[] = []
  const namedGroups = boundedCache<string, true>(rememberedGroups)
  let nameGroup: (tx: Tx, sessionId: number, group: Jid) => Promise<void> = async () => {}
  let moveMessages: (tx: Tx, rekeying: Rekeying) => Promise<RekeyedMessages> = async () => ({
    shownLost: 0,
    unreadLost: 0,
    last: undefined,
  })

  const chats: Chats = {
    addresses,
    erased,
    forgetPeople(sessionId, jids) {
      for (const jid of jids) contacts.forget(sessionId, jid)
      addresses.forget(sessionId)
    },
    hold: (tx, sessionIds) => hold(tx, sessionIds, 'use'),
    async learn(tx, mappings) {
      const news = addresses.news(mappings)
      if (news.length === 0) return []
      await hold(
        tx,
        news.map(({ sessionId }) => sessionId),
        'change',
      )
      const told: NewEvent[] = []
      for (const mapping of await addresses.store(tx, news)) {
        told.push(...(await rekey(tx, mapping, clock.now(), moveMessages)))
        const { sessionId, pn, lid } = mapping
        for (const jid of [pn, lid]) contacts.forget(sessionId, jid)
        for (const move of movers) await move(tx, { sessionId, from: pn, to: lid })
      }
      return told
    },
    meet: async (tx, facts) => (await contacts.keep(tx, facts, clock.now())).told,
    takePast: (tx, sessionId, chat) => takePastChat(tx, sessionId, chat, clock.now()),
    introduce: async (tx, facts, mode) => (await contacts.keep(tx, facts, clock.now(), mode)).made,
    disappearAfter,
    async change(tx, changes) {
      const changed = await changeChats(tx, changes)
      for (const { sessionId, jid } of changes) {
        if (!isGroup(jid)) continue
        const key = `${sessionId} ${jid}`
        if (namedGroups.has(key)) continue
        await nameGroup(tx, sessionId, jid)
        tx.afterCommit(() => namedGroups.set(key, true))
      }
      return changed
    },
    async read(tx, sessionId, chat, messages) {
      if (messages > 0) await lessUnread.run(tx, { sessionId, jid: chat, by: messages })
    },
    async setUnread(tx, sessionId, chat, messages) {
      await setUnread.run(tx, { sessionId, jid: chat, unread: messages })
    },
    lose: loseMessages,
    remove: removeChat,
    set: keepSetting,
    async adopt(tx, from, to) {
      await adoptName(tx, from, to)
      const row = await adopt(tx, from, to, clock.now())
      contacts.forget(to.sessionId, to.jid)
      return row === undefined ? [] : [contactUpdatedEvent(row)]
    },
    async settings(on, sessionId, jid) {
      const row = await findChat.first(on, { sessionId, jid })
      return row && settingsOf(row)
    },
    moveMessagesWith: (move) => void (moveMessages = move),
    whileRekeying: (work) => void movers.push(work),
    nameGroupsWith: (name) => void (nameGroup = name),
    [Symbol.dispose]: () => online[Symbol.dispose](),
  }

  async function keepAcquaintances(tx: Tx, all: readonly Acquaintance[]): Promise<void> {
    const facts = await withoutErased(tx, all)
    const told = [...(await chats.learn(tx, facts.filter(isMapping)))]
    const others = facts.filter((fact) => isContact(fact) || isChat(fact))
    if (others.length > 0) {
      await chats.hold(
        tx,
        others.map(({ sessionId }) => sessionId),
      )
      const canonical = await addresses.canonical(tx, others)
      const known = others.map((fact) => ({ ...fact, jid: canonical(fact.sessionId, fact.jid) }))
      told.push(...(await chats.meet(tx, known.filter(isContact))))
      for (const settings of known.filter(isChat)) told.push(...(await keepSetting(tx, settings)))
    }
    if (told.length > 0) await events.append(tx, told)
  }

  /** Without what the phone tells of people who were erased and have not written since. */
  async function withoutErased(tx: Tx, facts: readonly Acquaintance[]): Promise<readonly Acquaintance[]> {
    const kept: Acquaintance[] = []
    for (const fact of facts) {
      const about = isMapping(fact) ? [fact.lid, fact.pn] : isContact(fact) || isChat(fact) ? [fact.jid] : []
      const since = await erased.since(tx, fact.sessionId)
      const isOut = about.some((jid) => since(jid) !== undefined)
      if (!isOut || (await isKnown(tx, fact.sessionId, about))) kept.push(fact)
    }
    return kept
  }

  async function isKnown(tx: Tx, sessionId: number, jids: readonly Jid[]): Promise<boolean> {
    const found = await Promise.all(jids.map((jid) => findContact.first(tx, { sessionId, jid })))
    return found.some((row) => row !== undefined)
  }

  async function keepSetting(tx: Tx, setting: ChatSetting): Promise<readonly NewEvent[]> {
    const { sessionId, jid } = setting
    const { archived, mutedUntil, ...others } = await setChat(tx, setting)
    const changes = {
      ...others,
      ...(mutedUntil !== undefined && { mutedUntil: mutedUntil === null ? null : isoOf(mutedUntil) }),
    }
    const isUpdated = Object.keys(changes).length > 0
    if (archived === undefined && !isUpdated) return []
    const chatId = (await addresses.shown(tx, [setting]))(sessionId, jid)
    const at = clock.now()
    const about = <Type extends EventType>(type: Type, data: EventData<Type>): NewEvent => ({
      sessionId,
      type,
      at,
      // Nothing names one change of a setting: told once, because it is told only when it changes the row.
      id: `${type.replace('.', '_')}_${randomUUID()}`,
      data,
    })
    return [
      ...(archived === undefined
        ? []
        : [
            about(archived ? 'chat.archived' : 'chat.unarchived', {
              chatId,
              isArchived: archived,
              timestamp: at,
            }),
          ]),
      ...(isUpdated ? [about('chat.updated', { chatId, changes, timestamp: at })] : []),
    ]
  }
  sessions.onAcquaintances(keepAcquaintances)
  sessions.whilePurging(async (tx, sessionId) => {
    for (const table of [
      'chat',
      'contact',
      'contact_tally',
      'lid_mapping',
      'number_check',
      'erased_contact',
    ] as const) {
      await tx.db.deleteFrom(table).where('session_id', '=', sessionId).execute()
    }
    tx.afterCommit(() => {
      addresses.forget(sessionId)
      erased.forget(sessionId)
    })
  })

  /** Our own two addresses: a chat with oneself, and mentions of us. */
  const online = sessions.onOnline((sessionId) => {
    // Another process may have owned the session, and learnt more, since we last looked.
    addresses.forget(sessionId)
    const view = sessions.view(sessionId)
    if (view?.mePn === undefined || view.meLid === undefined) return
    const own: LidMapping = { sessionId, lid: view.meLid, pn: view.mePn }
    database
      .write(async (tx) => {
        const told = await chats.learn(tx, [own])
        if (told.length > 0) await events.append(tx, told)
      })
      .catch((error: unknown) => log.warn({ sessionId, error }, 'own addresses could not be stored'))
  })

  return chats
}

const isMapping = (fact: Acquaintance): fact is Extract<Acquaintance, { type: 'lid_mapping' }> =>
  fact.type === 'lid_mapping'
const isChat = (fact: Acquaintance): fact is Extract<Acquaintance, { type: 'chat' }> => fact.type === 'chat'
const isContact = (fact: Acquaintance): fact is Extract<Acquaintance, { type: 'contact' }> =>
  fact.type === 'contact'

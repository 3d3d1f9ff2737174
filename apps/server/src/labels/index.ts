import './tables.ts'

import { randomUUID } from 'node:crypto'

import { type EventData, type EventType, HubError } from '@inbox-hub/contract'
import { type Jid, tryParseJid } from '@inbox-hub/whatsapp'

import type { Chats } from '../chats/index.ts'
import type { Events, NewEvent } from '../events/index.ts'
import type { MessageRow } from '../messages/index.ts'
import type { Clock } from '../platform/clock.ts'
import type { Database, Tx } from '../platform/database/index.ts'
import type { Acquaintance, AppStateChange, NamedMessage } from '../sessions/baileys/index.ts'
import { askWhatsApp, type Sessions, type SessionView } from '../sessions/index.ts'
import {
  createLabelList,
  deleteLabel,
  dropQuickReply,
  findLabel,
  findQuickReply,
  keywordsOf,
  type LabelList,
  type LabelRow,
  moveUses,
  purgeLabels,
  putLabel,
  putQuickReply,
  type QuickReplyRow,
  useLabel,
} from './label-rows.ts'

export { labelRoutes } from './routes.ts'

/** WhatsApp numbers its colours 0 to 19. */
const colors = 20

/**
 * Labels of WhatsApp Business, what they are on, and texts to answer with: the account's own, the same on all its devices. What another
 * device does is stored as it is told. Changes throw `BUSINESS_ONLY`, `SESSION_NOT_CONNECTED`, and what `AppStateCalls` rejects with.
 */
export interface Labels {
  readonly list: LabelList
  /** Throws `LABEL_NOT_FOUND`. */
  get(sessionId: number, id: string): Promise<LabelRow>
  /** Answers its id. */
  create(session: SessionView, wish: { name: string; color: number | undefined }): Promise<string>
  update(
    session: SessionView,
    id: string,
    wish: { name: string | undefined; color: number | undefined },
  ): Promise<void>
  remove(session: SessionView, id: string): Promise<void>
  /** `chat` is canonical. */
  onChat(session: SessionView, id: string, chat: Jid, labelled: boolean): Promise<void>
  onMessage(session: SessionView, id: string, message: MessageRow, labelled: boolean): Promise<void>
  /** Throws `QUICK_REPLY_NOT_FOUND`. */
  quickReply(sessionId: number, id: string): Promise<QuickReplyRow>
  /** Makes one, or changes the one with this id; answers its id. Throws `QUICK_REPLY_NOT_FOUND`. */
  keepQuickReply(
    session: SessionView,
    id: string | undefined,
    wish: {
      shortcut: string | undefined
      text: string | undefined
      keywords: readonly string[] | undefined
    },
  ): Promise<string>
  removeQuickReply(session: SessionView, id: string): Promise<void>
}

export interface LabelsDeps {
  database: Database
  events: Pick<Events, 'append'>
  sessions: Pick<Sessions, 'linkWithin' | 'onAcquaintances' | 'whilePurging'>
  chats: Pick<Chats, 'addresses' | 'hold' | 'whileRekeying'>
  clock: Clock
}

type LabelFact = Extract<Acquaintance, { type: 'label' | 'label_use' | 'quick_reply' }>

export function createLabels({ database, events, sessions, chats, clock }: LabelsDeps): Labels {
  const list = createLabelList(database)

  // -- what WhatsApp tells

  sessions.onAcquaintances(async (tx, facts) => {
    const told: NewEvent[] = []
    for (const fact of facts) {
      if (fact.type === 'label') told.push(...(await keepLabel(tx, fact)))
      else if (fact.type === 'label_use') told.push(...(await keepUse(tx, fact)))
      else if (fact.type === 'quick_reply') told.push(...(await keepReply(tx, fact)))
    }
    if (told.length > 0) await events.append(tx, told)
  })
  sessions.whilePurging(purgeLabels)
  chats.whileRekeying(moveUses)

  function event<Type extends EventType>(
    sessionId: number,
    type: Type,
    data: Omit<EventData<Type>, 'timestamp'>,
  ): NewEvent {
    const at = clock.now()
    // Nothing names one change: told once, because it is told only when it changes a row.
    const id = `${type.replace('.', '_')}_${randomUUID()}`
    return { sessionId, type, at, id, data: { ...data, timestamp: at } }
  }

  async function keepLabel(
    tx: Tx,
    { sessionId, id, label }: Extract<LabelFact, { type: 'label' }>,
  ): Promise<readonly NewEvent[]> {
    if (label === null) {
      const wasThere = await deleteLabel(tx, sessionId, id)
      return wasThere ? [event(sessionId, 'label.deleted', { labelId: id })] : []
    }
    const { name, color, predefinedId = null } = label
    const known = await findLabel.first(tx, { sessionId, id })
    if (known?.name === name && known.color === color) return []
    const row = {
      session_id: sessionId,
      id,
      name,
      color,
      predefined_id: predefinedId,
      updated_at: clock.now(),
    }
    await putLabel.run(tx, [row])
    return [event(sessionId, 'label.updated', { labelId: id, name, color })]
  }

  async function keepUse(
    tx: Tx,
    { sessionId, label, jid, message, labelled }: Extract<LabelFact, { type: 'label_use' }>,
  ): Promise<readonly NewEvent[]> {
    await chats.hold(tx, [sessionId])
    const chat = (await chats.addresses.canonical(tx, [{ sessionId, jid }]))(sessionId, jid)
    const use = { sessionId, label, chat, whatsappId: message?.id ?? '' }
    if (!(await useLabel(tx, use, labelled, clock.now()))) return []
    const [shown, known] = await Promise.all([
      chats.addresses.shown(tx, [{ sessionId, jid: chat }]),
      findLabel.first(tx, { sessionId, id: label }),
    ])
    return [
      event(sessionId, labelled ? 'label.assigned' : 'label.unassigned', {
        labelId: label,
        name: known?.name ?? null,
        chatId: shown(sessionId, chat),
        messageId: message?.id ?? null,
      }),
    ]
  }

  async function keepReply(
    tx: Tx,
    { sessionId, id, reply }: Extract<LabelFact, { type: 'quick_reply' }>,
  ): Promise<readonly NewEvent[]> {
    if (reply === null) {
      const wasThere = (await dropQuickReply.run(tx, { sessionId, id })) > 0
      return wasThere ? [event(sessionId, 'quick_reply.deleted', { replyId: id })] : []
    }
    const { shortcut, text } = reply
    const keywords = JSON.stringify(reply.keywords)
    const known = await findQuickReply.first(tx, { sessionId, id })
    if (known?.shortcut === shortcut && known.text === text && known.keywords === keywords) return []
    await putQuickReply.run(tx, [
      { session_id: sessionId, id, shortcut, text, keywords, updated_at: clock.now() },
    ])
    return [
      event(sessionId, 'quick_reply.updated', {
        replyId: id,
        shortcut,
        text,
        keywords: [...reply.keywords],
      }),
    ]
  }

  // -- what the hub does

  const change = ({ id }: SessionView, what: AppStateChange): Promise<void> =>
    askWhatsApp(sessions, id, async ({ appState }) => {
      if (appState.isBusiness === false) throw new HubError('BUSINESS_ONLY')
      await appState.change(what)
    })

  async function get(sessionId: number, id: string): Promise<LabelRow> {
    const row = await findLabel.first(database, { sessionId, id })
    if (row === undefined) throw new HubError('LABEL_NOT_FOUND')
    return row
  }

  async function quickReply(sessionId: number, id: string): Promise<QuickReplyRow> {
    const row = await findQuickReply.first(database, { sessionId, id })
    if (row === undefined) throw new HubError('QUICK_REPLY_NOT_FOUND')
    return row
  }

  return {
    list,
    get,
    quickReply,
    async create(session, { name, color }) {
      const labels = await list.labels(session.id)
      // As the phone numbers them: one more than the last.
      const id = String(labels.reduce((last, label) => Math.max(last, Number(label.id) || 0), 0) + 1)
      const unused = Array.from({ length: colors }, (_, at) => at).find(
        (one) => !labels.some((label) => label.color === one),
      )
      const label = { name, color: color ?? unused ?? labels.length % colors, predefinedId: undefined }
      await change(session, { set: 'label', id, label })
      return id
    },
    async update(session, id, { name, color }) {
      const row = await get(session.id, id)
      const label = {
        name: name ?? row.name,
        color: color ?? row.color,
        predefinedId: row.predefined_id ?? undefined,
      }
      await change(session, { set: 'label', id, label })
    },
    async remove(session, id) {
      await get(session.id, id)
      await change(session, { set: 'label', id, label: null })
    },
    async onChat(session, id, chat, to) {
      await get(session.id, id)
      await change(session, { set: 'chat_label', label: id, chat, to })
    },
    async onMessage(session, id, row, to) {
      await get(session.id, id)
      // Columns that only canonical addresses are written to.
      const chat = row.chat_jid as Jid
      const sender = tryParseJid(row.sender_jid)
      const message: NamedMessage = { id: row.whatsapp_id, fromMe: row.from_me === 1, sender }
      await change(session, { set: 'message_label', label: id, chat, message, to })
    },
    async keepQuickReply(session, id, wish) {
      const known = id === undefined ? undefined : await quickReply(session.id, id)
      const taken = new Set((await list.quickReplies(session.id)).map((reply) => reply.id))
      // As the phone names them: by the second they were made in.
      let second = Math.floor(clock.now() / 1000)
      while (taken.has(String(second))) second += 1
      const replyId = id ?? String(second)
      const reply = {
        shortcut: wish.shortcut ?? known?.shortcut ?? '',
        text: wish.text ?? known?.text ?? '',
        keywords: wish.keywords ?? keywordsOf(known),
      }
      await change(session, { set: 'quick_reply', id: replyId, reply })
      return replyId
    },
    async removeQuickReply(session, id) {
      await quickReply(session.id, id)
      await change(session, { set: 'quick_reply', id, reply: null })
    },
  }
}

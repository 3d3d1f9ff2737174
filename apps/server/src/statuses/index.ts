import './tables.ts'

import { type EventData, type EventType, HubError, type Language, messageTypes } from '@inbox-hub/contract'
import { isLid, type Jid, statusJid, textOf } from '@inbox-hub/whatsapp'

import type { Chats } from '../chats/index.ts'
import type { Events, NewEvent } from '../events/index.ts'
import {
  contentWire,
  eventId,
  forgetMessages,
  isOwn,
  keepOwnReaction,
  type Messages,
  type Own,
  type ReceivedStatus,
  type StatusChange,
  type StatusKeeper,
} from '../messages/index.ts'
import type { MessageFiles, MessageLinks } from '../media/index.ts'
import type { Clock } from '../platform/clock.ts'
import type { Database, Tx } from '../platform/database/index.ts'
import { keepHouse, type Turn } from '../platform/housekeeping.ts'
import type { Log } from '../platform/log.ts'
import { askWhatsApp, type Sessions, type SessionView } from '../sessions/index.ts'
import { audienceFor, type AudienceWish } from './audience.ts'
import { statusContent, statusKindOf, type StatusSays } from './status-content.ts'
import { createStatusList, type ListedStatus, type StatusList } from './status-list.ts'
import {
  audienceOf,
  countView,
  expiredStatuses,
  findStatus,
  findStatusByNumber,
  insertStatuses,
  insertViews,
  markArchived,
  markDeleted,
  markViewed,
  newStatus,
  ownStatuses,
  statusLifeMs,
  type StatusRow,
} from './status-rows.ts'
import { styleWire } from './status-wire.ts'

export { statusRoutes } from './routes.ts'

/** A status to be posted. */
export interface StatusToPost extends AudienceWish {
  says: StatusSays
  idempotencyKey: string | undefined
}

/** The statuses of sessions: those that people post for the account, and its own. Kept for their day, longer when archived. */
export interface Statuses extends AsyncDisposable {
  readonly list: StatusList
  /** By WhatsApp's id or our number. Throws `STATUS_NOT_FOUND`. */
  get(session: SessionView, statusId: string): Promise<ListedStatus>
  /** Answers when WhatsApp has it, or after 20 s. Throws `STATUS_WITHOUT_AUDIENCE`, `STATUS_FILE_NOT_SHOWN`, and as `Messages.post`. */
  post(
    session: SessionView,
    status: StatusToPost,
    call: { language: Language; signal: AbortSignal | undefined },
  ): Promise<ListedStatus>
  /** Tells its author that we saw it, once. Throws `SESSION_NOT_CONNECTED`. */
  view(session: SessionView, statusId: string): Promise<ListedStatus>
  archive(session: SessionView, statusId: string, archived: boolean): Promise<ListedStatus>
  /** An empty emoji takes our reaction back. Throws `SESSION_NOT_CONNECTED`, `WHATSAPP_ERROR`. */
  react(session: SessionView, statusId: string, emoji: string): Promise<ListedStatus>
  /** Takes ours back from everybody; only forgets those of others. Answers its WhatsApp id. */
  remove(session: SessionView, statusId: string): Promise<string>
}

export interface StatusesDeps {
  database: Database
  events: Pick<Events, 'append'>
  sessions: Pick<Sessions, 'linkWithin'>
  chats: Pick<Chats, 'addresses'>
  messages: Pick<Messages, 'post' | 'keepStatusesWith' | 'files'>
  files: Pick<MessageFiles, 'links' | 'forget'>
  own: (sessionId: number) => Own
  clock: Clock
  log: Log
}

const sweepEveryMs = 600_000
/** Statuses removed in one transaction. */
const batch = 500

export function createStatuses({
  database,
  events,
  sessions,
  chats,
  messages,
  files,
  own,
  clock,
  log,
}: StatusesDeps): Statuses {
  const list = createStatusList(database)

  // -- what arrives

  const keeper: StatusKeeper = {
    async received(tx, received) {
      const fresh = new Set(
        (await insertStatuses.run(tx, received.map(rowOf))).map(({ message_id: id }) => id),
      )
      const news = received.filter(
        ({ messageId, author, sentAt, receivedAt }) =>
          // What waited for us longer than its day nobody can see any more.
          fresh.has(messageId) && author !== '' && sentAt + statusLifeMs > receivedAt,
      )
      const shown = await chats.addresses.shown(tx, news.flatMap(addressOf))
      return news.map((status) => receivedEvent(status, shown, files.links))
    },

    async seen(tx, receipts) {
      const told: NewEvent[] = []
      const authors = receipts.flatMap(({ sessionId, participant }) =>
        participant === undefined ? [] : [{ sessionId, jid: participant }],
      )
      const canonical = await chats.addresses.canonical(tx, authors)
      const viewers = authors.map(({ sessionId, jid }) => ({ sessionId, jid: canonical(sessionId, jid) }))
      const shown = await chats.addresses.shown(tx, viewers)
      for (const { sessionId, participant, ids, sentAt, receivedAt } of receipts) {
        if (participant === undefined || isOwn(own(sessionId), participant)) continue
        const viewer = canonical(sessionId, participant)
        for (const { message_id: messageId, whatsapp_id: statusId } of await ownStatuses.all(tx, {
          sessionId,
          ids,
        })) {
          const view = { message_id: messageId, viewer_jid: viewer, viewed_at: sentAt }
          if ((await insertViews.run(tx, [view])).length === 0) continue
          await countView.run(tx, { messageId })
          told.push({
            sessionId,
            type: 'status.viewed',
            at: receivedAt,
            id: eventId('status.viewed', sessionId, messageId, statusId, viewer),
            data: { statusId, dbId: messageId, timestamp: sentAt, ...by(viewer, shown(sessionId, viewer)) },
          })
        }
      }
      return told
    },

    async changed(tx, change) {
      const { row, deed, message } = change
      if (deed.kind === 'revoke') {
        const isNews = (await markDeleted.run(tx, { messageId: message.id, at: row.changed_at })) === 1
        return isNews ? changeEvent(change, 'status.deleted', { fromMe: message.from_me === 1 }) : []
      }
      if (!('emoji' in deed) || message.from_me === 0 || row.sender_jid === '') return []
      return changeEvent(change, 'status.reaction', { emoji: deed.emoji === '' ? null : deed.emoji })
    },

    async audience(sessionId, whatsappId) {
      const row = await findStatus.first(database, { sessionId, whatsappId })
      if (row === undefined || row.deleted_at !== null) return undefined
      return audienceAsShown(sessionId, row)
    },
  }
  messages.keepStatusesWith(keeper)

  function changeEvent<Type extends 'status.deleted' | 'status.reaction'>(
    { row, message, shown }: StatusChange,
    type: Type,
    data: Omit<EventData<Type>, 'statusId' | 'dbId' | 'timestamp' | 'from' | 'fromLid'>,
  ): readonly NewEvent[] {
    const { session_id: sessionId } = row
    const { pn, lid } = own(sessionId)
    // A column that only canonical addresses are written to; '' is ourselves.
    const who = row.sender_jid === '' ? (lid ?? pn) : (row.sender_jid as Jid)
    if (who === undefined) return []
    return [
      {
        sessionId,
        type,
        at: clock.now(),
        id: eventId(type, sessionId, message.id, row.sender_jid, row.whatsapp_id),
        data: {
          statusId: message.whatsapp_id,
          dbId: message.id,
          timestamp: row.changed_at,
          ...by(who, shown(sessionId, who)),
          ...data,
        },
      },
    ]
  }

  /** By number, as WhatsApp Web names them in the list of readers. */
  async function audienceAsShown(sessionId: number, row: StatusRow): Promise<readonly Jid[]> {
    const audience = audienceOf(row) ?? []
    const shown = await chats.addresses.shown(
      database,
      audience.map((jid) => ({ sessionId, jid })),
    )
    return audience.map((jid) => shown(sessionId, jid))
  }

  // -- what is asked

  async function find({ id: sessionId }: SessionView, statusId: string): Promise<StatusRow> {
    const named = await findStatus.first(database, { sessionId, whatsappId: statusId })
    if (named !== undefined) return named
    const numbered = /^\d{1,15}$/.test(statusId)
      ? await findStatusByNumber.first(database, { sessionId, messageId: Number(statusId) })
      : undefined
    if (numbered === undefined) throw new HubError('STATUS_NOT_FOUND')
    return numbered
  }

  async function withMessage(row: StatusRow): Promise<ListedStatus> {
    const [listed] = await list.messages([row])
    if (listed === undefined) throw new HubError('STATUS_NOT_FOUND')
    return listed
  }

  const get = async (session: SessionView, statusId: string): Promise<ListedStatus> =>
    withMessage(await find(session, statusId))

  /** Whose it is, as WhatsApp knows them by number; our own address for ours. */
  async function authorOf({ message }: ListedStatus): Promise<Jid> {
    const { session_id: sessionId } = message
    const { pn, lid } = own(sessionId)
    const self = pn ?? lid
    if (message.from_me === 1) {
      if (self === undefined) throw new HubError('SESSION_NOT_CONNECTED')
      return self
    }
    // A column that only canonical addresses are written to.
    const jid = message.sender_jid as Jid
    return (await chats.addresses.shown(database, [{ sessionId, jid }]))(sessionId, jid)
  }

  // -- the end of their day

  const house = keepHouse({
    what: 'expired statuses',
    everyMs: sweepEveryMs,
    work: removeExpired,
    clock,
    log,
  })

  async function removeExpired({ now, stop }: Turn): Promise<void> {
    while (!stop.aborted) {
      const expired = await expiredStatuses.all(database, { now, limit: batch })
      if (expired.length === 0) return
      await database.write((tx) =>
        forgetMessages(
          tx,
          expired.map(({ message_id: id }) => id),
          files,
        ),
      )
    }
  }

  return {
    list,
    get,
    async post(session, { says, recipients, exclude, idempotencyKey }, { language, signal }) {
      const audience = await audienceFor({ database, chats }, session.id, { recipients, exclude })
      if (audience.length === 0) throw new HubError('STATUS_WITHOUT_AUDIENCE')
      const row = await messages.post(
        session,
        {
          chat: statusJid,
          // Contacts come and go: a repeat of the call is the same when it says the same.
          asked: [says, [...(recipients ?? []), ...exclude]],
          content: () =>
            statusContent(says, (asked) => messages.files.ready(asked, session, signal, statusKindOf)),
          idempotencyKey,
          beside: async (tx, { id: messageId, whatsapp_id: whatsappId, sent_at: postedAt, body: text }) => {
            const status = { messageId, sessionId: session.id, whatsappId, postedAt, text, audience }
            await insertStatuses.run(tx, [newStatus(status)])
          },
        },
        { language },
      )
      return get(session, row.whatsapp_id)
    },
    async view(session, statusId) {
      const listed = await get(session, statusId)
      const { status, message } = listed
      if (message.from_me === 1 || status.viewed_at !== null) return listed
      const key = { chat: statusJid, sender: await authorOf(listed), id: message.whatsapp_id }
      await askWhatsApp(sessions, session.id, (link) => link.markRead([key]))
      await database.write((tx) => markViewed.run(tx, { messageId: message.id, at: clock.now() }))
      return get(session, statusId)
    },
    async archive(session, statusId, archived) {
      const { message_id: messageId, archived_at: archivedAt } = await find(session, statusId)
      if ((archivedAt !== null) !== archived) {
        const at = archived ? clock.now() : null
        await database.write((tx) => markArchived.run(tx, { messageId, at }))
      }
      return get(session, statusId)
    },
    async react(session, statusId, emoji) {
      const listed = await get(session, statusId)
      const status = { id: listed.message.whatsapp_id, author: await authorOf(listed) }
      const changeId = await askWhatsApp(sessions, session.id, (link) => link.statuses.react(status, emoji))
      await database.write((tx) => keepOwnReaction(tx, listed.message, { changeId, emoji, at: clock.now() }))
      return get(session, statusId)
    },
    async remove(session, statusId) {
      const { status, message } = await get(session, statusId)
      const isOut = message.from_me === 1 && status.expires_at > clock.now() && message.status !== 'failed'
      if (isOut) {
        const audience = await audienceAsShown(session.id, status)
        await askWhatsApp(sessions, session.id, (link) => link.statuses.revoke(message.whatsapp_id, audience))
      }
      await database.write(async (tx: Tx) => {
        await forgetMessages(tx, [message.id], files)
        if (!isOut) return
        const { pn, lid } = own(session.id)
        const who = lid ?? pn
        if (who === undefined) return
        const shown = (await chats.addresses.shown(tx, [{ sessionId: session.id, jid: who }]))(
          session.id,
          who,
        )
        const at = clock.now()
        const type: EventType = 'status.deleted'
        await events.append(tx, [
          {
            sessionId: session.id,
            type,
            at,
            id: eventId(type, session.id, message.id, 'hub'),
            data: {
              statusId: message.whatsapp_id,
              dbId: message.id,
              timestamp: at,
              ...by(who, shown),
              fromMe: true,
            },
          },
        ])
      })
      return message.whatsapp_id
    },
    [Symbol.asyncDispose]: () => house[Symbol.asyncDispose](),
  }
}

const by = (who: Jid, shown: Jid): { from: Jid; fromLid: Jid | null } => ({
  from: shown,
  fromLid: isLid(who) ? who : null,
})

function rowOf({ messageId, sessionId, whatsappId, sentAt, content }: ReceivedStatus): StatusRow {
  return newStatus({
    messageId,
    sessionId,
    whatsappId,
    postedAt: sentAt,
    text: textOf(content),
    audience: undefined,
  })
}

const addressOf = ({ sessionId, author }: ReceivedStatus): readonly { sessionId: number; jid: Jid }[] =>
  author === '' ? [] : [{ sessionId, jid: author }]

function receivedEvent(
  status: ReceivedStatus,
  shown: (sessionId: number, jid: Jid) => Jid,
  links: MessageLinks,
): NewEvent<EventData<'status.received'>> {
  const { sessionId, messageId, whatsappId, sentAt, receivedAt, pushName, content, stored } = status
  // Only those of others are told: they have an author.
  const author = status.author as Jid
  return {
    sessionId,
    type: 'status.received',
    at: receivedAt,
    id: eventId('status.received', sessionId, author, whatsappId),
    data: {
      statusId: whatsappId,
      dbId: messageId,
      timestamp: sentAt,
      ...by(author, shown(sessionId, author)),
      pushName: pushName ?? null,
      type: messageTypes.find((type) => type === stored.type) ?? 'text',
      text: stored.body,
      ...styleWire(content),
      expiresAt: sentAt + statusLifeMs,
      ...contentWire(content, () => links.ofEvent(messageId)),
    },
  }
}

import './tables.ts'

import { HubError } from '@inbox-hub/contract'
import { isNewsletter, isStatus, type Jid } from '@inbox-hub/whatsapp'
import { Gauge, type Registry } from 'prom-client'

import type { Chats } from '../chats/index.ts'
import type { Events } from '../events/index.ts'
import type { MessageFiles } from '../media/index.ts'
import type { Clock } from '../platform/clock.ts'
import type { Database } from '../platform/database/index.ts'
import type { GuardedFetch } from '../platform/guarded-fetch/index.ts'
import { keepHouse } from '../platform/housekeeping.ts'
import type { Log } from '../platform/log.ts'
import type { Media } from '../media/index.ts'
import type { Sealer } from '../platform/secrets/index.ts'
import type { AppStateCalls, Link, NamedMessage } from '../sessions/baileys/index.ts'
import type { Sessions, SessionView } from '../sessions/index.ts'
import { applyChatFacts } from './chat-facts.ts'
import { createMessageFinder, type MessageFinder } from './find-message.ts'
import { sweepMessages } from './housekeeping.ts'
import { createMessageList, type MessageList } from './message-list.ts'
import type { OrdinaryGroups } from './needed-secrets.ts'
import { applyMessageFacts } from './message-facts.ts'
import { markChatRead, type MessageRow } from './message-rows.ts'
import { createMenus } from './menus/menus.ts'
import { createOutbox } from './outbound/outbox.ts'
import type { Waiting } from './outbound/waiting.ts'
import { type Own } from './own.ts'
import { createPacers, pacingSetting } from './pacing/pacers.ts'
import type { PacingSettings } from './pacing/pacing.ts'
import { takePast } from './history.ts'
import { applyOwnDeed } from './own-deeds.ts'
import { project } from './projection.ts'
import { createProjector } from './projector.ts'
import { moveMessages } from './rekey-messages.ts'
import { removeMessage } from './remove.ts'
import { makeMissingChats } from './repair.ts'
import { createAwaiting } from './sending/awaiting.ts'
import { createDeeds } from './sending/deeds.ts'
import { createFiles, type Files } from './sending/files.ts'
import { createPreviews } from './previews/previews.ts'
import { createPrepare } from './sending/prepare.ts'
import { createNumberChecks, type NumberChecks } from './sending/number-checks.ts'
import { createRecipients } from './sending/recipients.ts'
import { createRepeats } from './sending/repeats.ts'
import { createPoster, type Post } from './sending/post.ts'
import { createReceiptBook, type ReceiptBook } from './receipt-book.ts'
import { nobodyKeepsStatuses, type StatusKeeper } from './status-keeper.ts'
import { type CallOptions, createSender, type SendOutcome, type SendRequest } from './sending/send.ts'
import { createOutgoingStore } from './sending/storing.ts'
import { createUnanswered, repeatWithinMs } from './sending/unanswered.ts'
import { type Cancelled, createCanceller } from './scheduling/cancel.ts'
import { createRelease } from './scheduling/release.ts'
import { createScheduledList, type ScheduledList } from './scheduling/scheduled-list.ts'
import { createScheduler } from './scheduling/scheduler.ts'

export { eraseMessagesOf, eraseReceiptsOf, redactMessages } from './erase.ts'
export { eventId } from './event-ids.ts'
export { messageRoutes } from './routes.ts'
export { transferRoutes } from './transfer/routes.ts'
export { chatFilterOf, type ChatListItem } from './message-list.ts'
export type { MessageFinder } from './find-message.ts'
export type { MessageRow } from './message-rows.ts'
export { contentWire } from './content-wire.ts'
export { contentOf, storedContent } from './content.ts'
export type { ReceivedStatus, StatusChange, StatusKeeper } from './status-keeper.ts'
export { keepOwnReaction } from './status-keeper.ts'
export { forgetMessages, keepUnlisted } from './unlisted.ts'
export type { OrdinaryGroups } from './needed-secrets.ts'
export { messagesOf, receiptsBy } from './of-person.ts'
export { jsonWithoutPerson, names, nobody, withoutPerson } from './redaction.ts'
export { isOwn, type Own, ownAddress } from './own.ts'
export { createWires, fileLinksAt, type WireReader } from './wires.ts'
export type { TakenContent, TakenFile } from './sending/files.ts'
export type { PostContent } from './sending/post.ts'
export { createRequestedSends, type RequestedSends } from './sending/requested.ts'
export type { CallOptions, SendOutcome, SendRequest } from './sending/send.ts'

/** Sending, receiving, receipts. Receiving needs no call: the projector follows the journal. */
export interface Messages extends AsyncDisposable {
  /**
   * Stores each message, then waits for WhatsApp's ack at most 20 s; answers with the stored message either way. The same key with the
   * same content answers the first result; with another content throws `IDEMPOTENCY_CONFLICT`. Throws `SESSION_NOT_CONNECTED`.
   */
  send(
    session: SessionView,
    requests: readonly SendRequest[],
    call: CallOptions,
  ): Promise<readonly SendOutcome[]>
  /** Sends a failed message again under its id. Throws `WHATSAPP_ERROR` with the reason when it may not be. */
  retry(session: SessionView, row: MessageRow, call: CallOptions): Promise<MessageRow>
  /**
   * Takes back a message that is scheduled or has not left, named by any of its ids; resolves when nothing can send it any more. Throws
   * `MESSAGE_NOT_FOUND`, or `MESSAGE_NOT_CANCELLABLE` when it may be on the wire.
   */
  cancel(sessionIds: readonly number[], messageId: string): Promise<Cancelled>
  /** Sends a status or a message of a newsletter, as `send` does a message; a status goes to whom its keeper says when it leaves. */
  post(session: SessionView, post: Post, call: Pick<CallOptions, 'language'>): Promise<MessageRow>
  /** Who keeps statuses: told of each in the transaction that stores it. */
  keepStatusesWith(keeper: StatusKeeper): void
  /** What a message of ours that has not left waits for; undefined when it is on its way. */
  waiting(sessionId: number, whatsappId: string): Waiting | undefined
  /** Messages that wait for their time. */
  readonly scheduled: ScheduledList
  /** How a session spreads what it sends. */
  pacing(sessionId: number): PacingSettings
  /** Changes that, also for what waits already; stored when it resolves. */
  pace(sessionId: number, settings: PacingSettings): Promise<void>
  /** Marks the messages of a chat as read, here at once and to their authors while the session is online; answers how many. */
  markRead(session: SessionView, chat: Jid): Promise<{ chat: Jid; marked: number }>
  /** Shows that we are typing. Throws `SESSION_NOT_CONNECTED`. */
  typing(session: SessionView, chat: Jid, state: 'composing' | 'recording' | 'paused'): Promise<void>
  /** Removes a message from the hub, not from the phones. */
  remove(row: MessageRow): Promise<void>
  /** Stars a message on all devices of the account, or takes the star off. Throws `SESSION_NOT_CONNECTED`, and what app state throws. */
  star(session: SessionView, row: MessageRow, to: boolean): Promise<void>
  /** Removes a message from all devices of the account, and from the hub. Throws the same. */
  removeForMe(session: SessionView, row: MessageRow): Promise<void>
  /** Makes chats that are missing for messages that exist. */
  repair(session: SessionView): Promise<readonly { chat: Jid; messages: number }[]>
  /** Takes the bytes of files that come with a request. */
  readonly receipts: ReceiptBook
  readonly files: Pick<Files, 'take' | 'takeAlbum' | 'readForm' | 'ready'>
  readonly list: MessageList
  readonly finder: MessageFinder
  /** Whether numbers are on WhatsApp: the same answers, and the same budget, as sending has. */
  readonly numbers: NumberChecks
  /** Entries of the journal and messages on their way that wait in this process; entries that cannot be projected. */
  backlog(): { projecting: number; parked: number; sending: number }
  /** Takes over what an earlier process owed: sweeps the journal, resends what is on its way. Once, before sessions connect. */
  start(): Promise<void>
}

export interface MessagesDeps {
  database: Database
  events: Events
  sessions: Sessions
  chats: Chats
  media: Pick<
    Media,
    'fetch' | 'receive' | 'receiveForm' | 'receiveBase64' | 'find' | 'open' | 'renditions' | 'thumbnail'
  >
  /** For the pages that previews of links are made of. */
  outbound: Pick<GuardedFetch, 'download'>
  /** Where files may be sent from by their path; undefined = nowhere. */
  uploadDir: string | undefined
  files: Pick<MessageFiles, 'arrived' | 'links' | 'forget'>
  /** Seals what is kept of a session at rest. */
  sealerOf: (sessionId: number) => Promise<Sealer>
  /** Whether the session's account administers a group. Throws `NOT_IN_GROUP`, `GROUP_NOT_FOUND`. */
  isAdmin: (sessionId: number, group: Jid) => Promise<boolean>
  /** Whether a group is its community's for announcements. */
  isAnnouncementGroup: (sessionId: number, group: Jid) => Promise<boolean>
  ordinaryGroups: OrdinaryGroups
  clock: Clock
  log: Log
  metrics: Registry
}

const sweepEveryMs = 3_600_000
/** Messages per receipt: a chat may have thousands unread. */
const receiptSize = 200

/** A message as app state names it. */
function named(row: MessageRow): { chat: Jid; message: NamedMessage } {
  const fromMe = row.from_me === 1
  return {
    // Columns that only canonical addresses are written to.
    chat: row.chat_jid as Jid,
    message: { id: row.whatsapp_id, fromMe, sender: fromMe ? undefined : (row.sender_jid as Jid) },
  }
}

/** Tells authors that their messages were read. */
async function tellRead(
  link: Link,
  chat: Jid,
  read: readonly { whatsapp_id: string; sender_jid: string }[],
): Promise<void> {
  // A column that only canonical addresses are written to.
  const keys = read.map((row) => ({ chat, sender: row.sender_jid as Jid, id: row.whatsapp_id }))
  for (let from = 0; from < keys.length; from += receiptSize) {
    await link.markRead(keys.slice(from, from + receiptSize))
  }
}

export function createMessages(deps: MessagesDeps): Messages {
  const { database, events, sessions, chats, media, sealerOf, isAdmin, clock, metrics } = deps
  const { files: messageFiles, isAnnouncementGroup, ordinaryGroups } = deps
  const log = deps.log.child({ module: 'messages' })

  const own = (sessionId: number): Own => {
    const view = sessions.view(sessionId)
    return { pn: view?.mePn, lid: view?.meLid }
  }
  let statuses: StatusKeeper = nobodyKeepsStatuses
  const canonical = async (sessionId: number, jid: Jid): Promise<Jid> =>
    (await chats.addresses.canonical(database, [{ sessionId, jid }]))(sessionId, jid)
  const finder = createMessageFinder(database, chats)
  const list = createMessageList(database)
  const menus = createMenus()
  const unanswered = createUnanswered(clock)
  const pacers = createPacers(database)
  const outbox = createOutbox({
    database,
    events,
    sessions,
    chats,
    media,
    sealerOf,
    clock,
    log,
    contentOf: (message) =>
      isStatus(message.chat) || isNewsletter(message.chat)
        ? poster.outgoingContent(message, (sessionId, id) => statuses.audience(sessionId, id))
        : sender.outgoingContent(message),
    deedDone: (tx, id) => applyOwnDeed(tx, id, clock.now(), { chats, own, statuses }),
    pacerOf: (sessionId) => pacers.of(sessionId),
  })
  const numbers = createNumberChecks({ database, chats, events, clock, log })
  const recipients = createRecipients({ database, chats, checks: numbers })
  const scheduler = createScheduler({
    database,
    sessions,
    release: (sessionId, rows, link) => release(sessionId, rows, link),
    clock,
    log,
  })
  const files = createFiles({ media, uploadDir: deps.uploadDir, clock })
  const store = createOutgoingStore({ database, chats, outbox, menus, own, ordinaryGroups, clock })
  const release = createRelease({ database, chats, outbox, store, recipients, finder, own, clock })
  const sender = createSender({
    database,
    sessions,
    outbox,
    store,
    prepare: createPrepare({
      finder,
      files,
      previews: createPreviews({ outbound: deps.outbound, media, clock, log }),
      isSameChat: async (sessionId, one, other) =>
        (await canonical(sessionId, one)) === (await canonical(sessionId, other)),
      deed: createDeeds({ database, own, isAdmin, isAnnouncementGroup, clock }),
    }),
    recipients,
    repeats: createRepeats({ database, outbox, unanswered, scheduler }),
    awaiting: createAwaiting({ database, outbox, clock }),
    finder,
    scheduler,
    own,
    clock,
  })
  const poster = createPoster({ database, sessions, outbox, clock })
  const cancel = createCanceller({ database, finder, outbox, clock })
  const projector = createProjector({
    database,
    events,
    sessions,
    clock,
    log,
    project: (tx, entries, now) =>
      project(tx, entries, now, {
        chats,
        own,
        receipts: outbox,
        menus,
        ordinaryGroups,
        statuses,
        files: messageFiles,
      }),
  })

  chats.moveMessagesWith(async (tx, rekeying) => {
    tx.afterCommit(() => outbox.rename(rekeying.sessionId, rekeying.from, rekeying.to))
    await menus.move(tx, rekeying)
    return moveMessages(tx, rekeying, chats)
  })
  sessions.storeHistoryWith((tx, sessionId, batch) =>
    takePast(tx, sessionId, batch, clock.now(), {
      chats,
      own,
      statuses,
      files: messageFiles,
      ordinaryGroups,
    }),
  )
  sessions.onAcquaintances(async (tx, facts) => {
    const told = await applyChatFacts(tx, facts, chats, clock.now())
    if (told.length > 0) await events.append(tx, told)
  })
  sessions.answerRetriesWith((sessionId, whatsappId) => outbox.proto(sessionId, whatsappId))
  // Another process may have owned the session, and left entries behind.
  const online = sessions.onOnline((sessionId) => {
    menus.forget(sessionId)
    projector.sweep(sessionId)
  })
  sessions.whilePurging(async (tx, sessionId) => {
    for (const table of [
      'scheduled_message',
      'open_menu',
      'outbound',
      'message_change',
      'message',
      'message_tally',
      'media_upload',
    ] as const) {
      await tx.db.deleteFrom(table).where('session_id', '=', sessionId).execute()
    }
    await tx.db.deleteFrom('setting').where('name', '=', pacingSetting(sessionId)).execute()
    tx.afterCommit(() => {
      pacers.forget(sessionId)
      scheduler.forget(sessionId)
      menus.forget(sessionId)
      outbox.forget(sessionId)
    })
  })

  const house = keepHouse({
    what: 'what was sent long ago',
    everyMs: sweepEveryMs,
    work: (turn) => sweepMessages(database, turn),
    clock,
    log,
  })

  const gauges = {
    inbox_hub_journal_waiting: [
      'Entries of the journal that wait to be projected',
      () => projector.backlog(),
    ],
    inbox_hub_journal_parked: ['Entries of the journal that cannot be projected', () => projector.parked()],
    inbox_hub_messages_sending: [
      'Messages on their way that WhatsApp has not acknowledged',
      () => outbox.backlog(),
    ],
  } as const
  for (const [name, [help, read]] of Object.entries(gauges)) {
    metrics.registerMetric(
      new Gauge({
        name,
        help,
        registers: [],
        collect() {
          this.set(read())
        },
      }),
    )
  }

  sessions.onAcquaintances(
    async (tx, facts) => void (await applyMessageFacts(tx, facts, { chats, files: messageFiles })),
  )

  function appStateOf(session: SessionView): AppStateCalls {
    const link = sessions.link(session.id)
    if (link === undefined) throw new HubError('SESSION_NOT_CONNECTED')
    return link.appState
  }

  return {
    send: (session, requests, call) => sender.send(session, requests, call),
    retry: (session, row, call) => sender.retry(session, row, call),
    cancel,
    post: (session, post, call) => poster.post(session, post, call),
    keepStatusesWith: (keeper) => void (statuses = keeper),
    waiting: (sessionId, whatsappId) => outbox.waiting(sessionId, whatsappId),
    scheduled: createScheduledList(database),
    pacing: (sessionId) => pacers.settings(sessionId),
    pace: (sessionId, settings) => pacers.set(sessionId, settings, outbox.now()),
    receipts: createReceiptBook({ database, chats, sessions }),
    files,
    list,
    finder,
    numbers,
    async markRead(session, address) {
      const sessionId = session.id
      const { chat, read } = await database.write(async (tx) => {
        await chats.hold(tx, [sessionId])
        const chat = (await chats.addresses.canonical(tx, [{ sessionId, jid: address }]))(sessionId, address)
        const read = await markChatRead.all(tx, { sessionId, chat })
        await chats.read(tx, sessionId, chat, read.length)
        return { chat, read }
      })
      const link = sessions.link(sessionId)
      if (link !== undefined && read.length > 0) {
        tellRead(link, chat, read).catch((error: unknown) =>
          log.warn({ sessionId, error, count: read.length }, 'read receipts were not sent'),
        )
      }
      return { chat, marked: read.length }
    },
    async typing(session, address, state) {
      const link = sessions.link(session.id)
      if (link === undefined) throw new HubError('SESSION_NOT_CONNECTED')
      await link.typing(await canonical(session.id, address), state)
    },
    async remove(row) {
      const { session_id: sessionId, id } = row
      await database.write(async (tx) => {
        await chats.hold(tx, [sessionId])
        await removeMessage(tx, id, { chats, files: messageFiles })
      })
      if (row.via_hub === 1) outbox.cancel(sessionId, row.whatsapp_id)
    },
    async star(session, row, to) {
      const { chat, message } = named(row)
      await appStateOf(session).change({ set: 'starred', chat, message, to })
    },
    async removeForMe(session, row) {
      const { chat, message } = named(row)
      await appStateOf(session).change({ set: 'deleted_for_me', chat, message, sentAt: row.sent_at })
      if (row.via_hub === 1) outbox.cancel(row.session_id, row.whatsapp_id)
    },
    repair: (session) => makeMissingChats(database, chats, session.id),
    backlog: () => ({
      projecting: projector.backlog(),
      parked: projector.parked(),
      sending: outbox.backlog(),
    }),
    async start() {
      const now = clock.now()
      await pacers.load(outbox.now())
      for (const call of await outbox.recover(now - repeatWithinMs)) {
        // Its answer died with the process that owed it.
        unanswered.add(call.sessionId, call.fingerprint, call.whatsappId)
      }
      await scheduler.start()
      for (const sessionId of await sessions.journal.owing()) projector.sweep(sessionId)
    },
    async [Symbol.asyncDispose]() {
      online[Symbol.dispose]()
      // Before what it hands its messages to.
      await scheduler[Symbol.asyncDispose]()
      await Promise.all([
        house[Symbol.asyncDispose](),
        projector[Symbol.asyncDispose](),
        outbox[Symbol.asyncDispose](),
      ])
      for (const name of Object.keys(gauges)) metrics.removeSingleMetric(name)
    },
  }
}

import { HubError, issueText, type Language } from '@inbox-hub/contract'
import { isLid, isPerson, type Jid, type MessageContent, textOf } from '@inbox-hub/whatsapp'

import type { Chats } from '../../chats/index.ts'
import type { Clock } from '../../platform/clock.ts'
import { type Database, nextIntegers, statement, type Tx } from '../../platform/database/index.ts'
import type { Link, OutboundContent } from '../../sessions/baileys/index.ts'
import type { Sessions, SessionView } from '../../sessions/index.ts'
import { contentOf, mentionsOf, storedContent } from '../content.ts'
import type { MessageFinder } from '../find-message.ts'
import { insertMessages, type MessageRow, moveStatus, outgoingRow } from '../message-rows.ts'
import type { Outbox, Outgoing } from '../outbound/outbox.ts'
import { askAgain, failureOf, findOutbound, insertOutbound, setPlace } from '../outbound/outbound-rows.ts'
import { queued } from '../outbound/outbound-state.ts'
import { type Own, ownAddress } from '../own.ts'
import {
  findScheduled,
  insertScheduled,
  rowOfScheduled,
  type ScheduledRow,
  takeScheduled,
} from '../scheduling/scheduled-rows.ts'
import type { Scheduler } from '../scheduling/scheduler.ts'
import { TallyChange } from '../tally.ts'
import type { Recipients } from './recipients.ts'
import { refusal } from './refusal.ts'
import { fingerprintOf, whatsappIdOf } from './send-key.ts'
import type { Unanswered } from './unanswered.ts'

/** One message to one chat, parsed. */
export interface SendRequest {
  to: Jid
  text: string
  mentions: readonly Jid[]
  /** The message it answers, in any of the API's forms. */
  quotedId: string | undefined
  /** When it is to go out, Unix ms; at once when left out. */
  sendAt?: number | undefined
  /** Makes the request the same as an earlier one: a repeat answers the first result. */
  idempotencyKey: string | undefined
}

export interface CallOptions {
  language: Language
  /** Aborted when nobody waits for the answer any more. */
  signal: AbortSignal | undefined
}

/** How one request fared. */
export type SendOutcome = { request: SendRequest } & Outcome

type Outcome = { row: MessageRow } | { scheduled: ScheduledRow } | { error: unknown }

export interface Sender {
  /** Sends each request; one that fails does not stop the others. Throws what concerns all: the session is not connected, a key was used otherwise. */
  send(
    session: SessionView,
    requests: readonly SendRequest[],
    call: CallOptions,
  ): Promise<readonly SendOutcome[]>
  /** Sends a message that failed once more, under the same id. */
  retry(session: SessionView, row: MessageRow, call: CallOptions): Promise<MessageRow>
  /**
   * Turns scheduled messages of a session into messages on their way, in their order, each once whoever else tries. Without a link they
   * waited too long: they become failed messages.
   */
  release(sessionId: number, rows: readonly ScheduledRow[], link: Link | undefined): Promise<void>
  /** What to send for a message that is read back from the store; undefined when it was deleted. */
  outgoingContent(message: Pick<Outgoing, 'messageId' | 'sessionId'>): Promise<OutboundContent | undefined>
}

export interface SenderDeps {
  database: Database
  chats: Chats
  sessions: Pick<Sessions, 'link' | 'linkWithin' | 'view'>
  outbox: Pick<Outbox, 'now' | 'isOpen' | 'take' | 'adopt' | 'settled'>
  recipients: Recipients
  unanswered: Unanswered
  finder: MessageFinder
  scheduler: Pick<Scheduler, 'mayHold' | 'expect' | 'caughtUp'>
  clock: Clock
}

/** The contract promises an answer within 25 s; the rest is for storing and the way back. */
const answerWithinMs = 24_000
const ackWithinMs = 20_000
/** A session that is just reconnecting is worth waiting for. */
const linkWithinMs = 10_000
const maxRetries = 3
/** A leap year: whoever says "in a year" means it. */
const maxAheadMs = 366 * 86_400_000

const byId = statement((db, p: { id: number }) => db.selectFrom('message').selectAll().where('id', '=', p.id))

/** Another call with the same key stored its message while ours was being made. */
class StoredMeanwhile extends Error {
  override readonly name = 'StoredMeanwhile'
}

export function createSender(deps: SenderDeps): Sender {
  const { database, chats, sessions, outbox, recipients, unanswered, finder, scheduler, clock } = deps

  const ownOf = (sessionId: number): Own => {
    const view = sessions.view(sessionId)
    return { pn: view?.mePn, lid: view?.meLid }
  }

  /** The message that an earlier call made of this very request, if there was one. */
  async function earlier(
    session: SessionView,
    request: SendRequest,
    { whatsappId, fingerprint }: { whatsappId: string; fingerprint: string },
  ): Promise<{ whatsappId: string; scheduled: ScheduledRow | undefined } | undefined> {
    const isKeyed = request.idempotencyKey !== undefined
    const earlierId = isKeyed ? whatsappId : unanswered.take(session.id, fingerprint)
    if (earlierId === undefined) return undefined
    const name = { sessionId: session.id, whatsappId: earlierId }
    // In this order: one that comes due in between moves from the second to the first, and is looked for there again.
    let scheduled: ScheduledRow | undefined
    let row = await findOutbound.first(database, name)
    if (row === undefined && scheduler.mayHold(session.id)) {
      scheduled = await findScheduled.first(database, name)
      if (scheduled === undefined) row = await findOutbound.first(database, name)
    }
    const stored = row ?? scheduled
    // It was never stored.
    if (stored === undefined) return undefined
    if (isKeyed && stored.fingerprint !== fingerprint) throw new HubError('IDEMPOTENCY_CONFLICT')
    if (scheduled === undefined) await outbox.adopt(session.id, earlierId)
    return { whatsappId: earlierId, scheduled }
  }

  async function quotedRow(session: SessionView, quotedId: string): Promise<MessageRow> {
    const row = await finder.find([session.id], quotedId)
    if (row === undefined) throw new HubError('MESSAGE_NOT_FOUND', { quotedMessageId: quotedId })
    return row
  }

  /** Everything about the message in one transaction; undefined when another call with the same key was faster. */
  async function store(
    session: SessionView,
    request: SendRequest,
    to: Jid,
    key: { whatsappId: string; fingerprint: string },
  ): Promise<{ message: Outgoing; row: MessageRow } | undefined> {
    const sessionId = session.id
    const quoted = request.quotedId === undefined ? undefined : await quotedRow(session, request.quotedId)
    const content = messageContent(request, quoted, ownOf(sessionId))
    const stored = storedContent(content)
    const now = clock.now()
    const asked = outbox.now()
    const write = database.write(async (tx): Promise<{ message: Outgoing; row: MessageRow }> => {
      await chats.hold(tx, [sessionId])
      const chat = (await chats.addresses.canonical(tx, [{ sessionId, jid: to }]))(sessionId, to)
      const onWire = outbox.isOpen(sessionId, chat)
      const [id = Number.NaN] = await nextIntegers(tx, 'message', 1)
      const row = outgoingRow({ id, sessionId, chat, whatsappId: key.whatsappId, now }, stored)
      const tally = new TallyChange()
      const isNew = await insertOutgoing(tx, row, { fingerprint: key.fingerprint, asked, onWire }, tally)
      if (!isNew) throw new StoredMeanwhile()
      await tally.write(tx)
      const message: Outgoing = {
        messageId: id,
        place: id,
        sessionId,
        whatsappId: key.whatsappId,
        chat,
        state: queued(asked),
        marked: onWire,
        retries: 0,
        content: outboundContent(content, quoted, ownOf(sessionId)),
      }
      return { message, row }
    })
    try {
      return await write
    } catch (error) {
      if (error instanceof StoredMeanwhile) return undefined
      throw error
    }
  }

  /** The rows of a message that is to go out, and what they change in its chat; false when there is one under its id. */
  async function insertOutgoing(
    tx: Tx,
    row: MessageRow,
    { fingerprint, asked, onWire }: { fingerprint: string; asked: number; onWire: boolean },
    tally: TallyChange,
  ): Promise<boolean> {
    const { id, session_id: sessionId, sent_at: now } = row
    // A column that only canonical addresses are written to.
    const chat = row.chat_jid as Jid
    if ((await insertMessages.run(tx, [row])).length === 0) return false
    const owed = await insertOutbound.run(tx, [
      {
        message_id: id,
        session_id: sessionId,
        whatsapp_id: row.whatsapp_id,
        fingerprint,
        state: onWire ? 'sending' : 'queued',
        attempts: onWire ? 1 : 0,
        retries: 0,
        asked_at: asked,
      },
    ])
    if (owed.length === 0) return false
    if (isPerson(chat)) await chats.meet(tx, [{ sessionId, jid: chat }])
    await chats.change(tx, [
      { sessionId, jid: chat, messages: 1, unread: 0, last: { id, sentAt: now }, seenAt: now },
    ])
    tally.add(row)
    return true
  }

  /** Keeps a message until its time; the one of another call with the same key when that was faster. */
  async function schedule(
    session: SessionView,
    request: SendRequest,
    sendAt: number,
    to: Jid,
    key: { whatsappId: string; fingerprint: string },
  ): Promise<ScheduledRow> {
    const sessionId = session.id
    const quoted = request.quotedId === undefined ? undefined : await quotedRow(session, request.quotedId)
    const stored = storedContent(messageContent(request, quoted, ownOf(sessionId)))
    const asked = outbox.now()
    // Before it is committed: whoever asks for the same at this moment looks for it.
    scheduler.expect(sessionId, Infinity)
    const row = await database.write(async (tx) => {
      const [id = Number.NaN] = await nextIntegers(tx, 'message', 1)
      const made: ScheduledRow = {
        message_id: id,
        session_id: sessionId,
        whatsapp_id: key.whatsappId,
        fingerprint: key.fingerprint,
        chat_jid: (await chats.addresses.canonical(tx, [{ sessionId, jid: to }]))(sessionId, to),
        type: stored.type,
        body: stored.body,
        content: stored.content,
        quoted_id: stored.quotedId,
        send_at: sendAt,
        asked_at: asked,
        cancelled_at: null,
      }
      if ((await insertScheduled.run(tx, [made])).length > 0) return made
      const other = await findScheduled.first(tx, { sessionId, whatsappId: key.whatsappId })
      if (other?.fingerprint !== key.fingerprint) throw new HubError('IDEMPOTENCY_CONFLICT')
      return other
    })
    scheduler.expect(sessionId, row.send_at)
    return row
  }

  function refuseMoment(sendAt: number, language: Language): void {
    const now = clock.now()
    if (sendAt <= now)
      throw new HubError('VALIDATION_ERROR', { sendAt: issueText('not_in_future', language) })
    if (sendAt > now + maxAheadMs) {
      throw new HubError('VALIDATION_ERROR', { sendAt: issueText('too_far_ahead', language) })
    }
  }

  /** Waits for what becomes of the message, as long as the caller may be kept waiting. `stored`: its row as it was written just now. */
  async function outcome(
    sessionId: number,
    whatsappId: string,
    began: number,
    language: Language,
    stored?: MessageRow,
  ): Promise<MessageRow> {
    const left = answerWithinMs - (clock.monotonic() - began)
    const settled = await outbox.settled(sessionId, whatsappId, Math.min(ackWithinMs, left))
    if (settled?.at === 'failed') throw refusal(settled.failure.reason, language, settled.failure.ackError)
    if (stored !== undefined) return settled === undefined ? stored : { ...stored, status: 'sent' }
    // An earlier call's message: whatever became of it since.
    const found = await findOutbound.first(database, { sessionId, whatsappId })
    const row = found === undefined ? undefined : await byId.first(database, { id: found.message_id })
    if (found === undefined || row === undefined) throw new HubError('MESSAGE_NOT_FOUND')
    const failure = row.status === 'failed' ? failureOf(found.failure) : undefined
    if (failure !== undefined) throw refusal(failure.reason, language, failure.ackError)
    return row
  }

  async function sendOne(
    session: SessionView,
    request: SendRequest,
    chat: Jid | null,
    key: { whatsappId: string; fingerprint: string },
    began: number,
    { language, signal }: CallOptions,
  ): Promise<MessageRow> {
    if (chat === null) throw refusal('NUMBER_NOT_ON_WHATSAPP', language)
    const { whatsappId, fingerprint } = key
    // From before it is stored: a commit whose success we do not hear of is one, too.
    return answered(session, request, key, signal, async () => {
      const stored = await store(session, request, chat, key)
      if (stored !== undefined) outbox.take(stored.message)
      else {
        // Inside a transaction, which sees what the other call wrote, and ends when that is durable.
        const row = await database.write((tx) =>
          findOutbound.first(tx, { sessionId: session.id, whatsappId }),
        )
        if (row?.fingerprint !== fingerprint) throw new HubError('IDEMPOTENCY_CONFLICT')
        await outbox.adopt(session.id, whatsappId)
      }
      return outcome(session.id, whatsappId, began, language, stored?.row)
    })
  }

  /** Remembers the call while nobody can have heard its answer. */
  async function answered<T>(
    session: SessionView,
    request: SendRequest,
    { whatsappId, fingerprint }: { whatsappId: string; fingerprint: string },
    signal: AbortSignal | undefined,
    work: () => Promise<T>,
  ): Promise<T> {
    if (request.idempotencyKey !== undefined) return work()
    const unheard = (): void => unanswered.add(session.id, fingerprint, whatsappId)
    if (signal?.aborted === true) unheard()
    signal?.addEventListener('abort', unheard, { once: true })
    try {
      return await work()
    } catch (error) {
      // A fault of ours is no answer either: its caller asks again.
      if (!(error instanceof HubError)) unheard()
      throw error
    } finally {
      signal?.removeEventListener('abort', unheard)
    }
  }

  return {
    async send(session, requests, call) {
      const began = clock.monotonic()
      const keyed = requests.map((request) => {
        // Of several recipients each has its own message, and so its own key.
        const part = requests.length === 1 ? '' : `\n${request.to}`
        const key =
          request.idempotencyKey === undefined ? crypto.randomUUID() : `${request.idempotencyKey}${part}`
        return { request, whatsappId: whatsappIdOf(session.id, key), fingerprint: fingerprintOf(request) }
      })
      const outcomes = new Map<SendRequest, Promise<SendOutcome>>()
      // Failures become values at once: nobody awaits them before the others are under way.
      const settle = (request: SendRequest, outcome: Promise<Outcome>): void => {
        outcomes.set(
          request,
          outcome.then(
            (known) => ({ request, ...known }),
            (error: unknown) => ({ request, error }),
          ),
        )
      }
      const asRow = async (row: Promise<MessageRow>): Promise<Outcome> => ({ row: await row })
      const fresh: typeof keyed = []
      for (const each of keyed) {
        const known = await earlier(session, each.request, each)
        if (known === undefined) {
          fresh.push(each)
          continue
        }
        const { whatsappId, scheduled } = known
        const repeated = { ...each, whatsappId }
        const answer = async (): Promise<Outcome> => {
          if (scheduled === undefined) {
            return { row: await outcome(session.id, whatsappId, began, call.language) }
          }
          if (scheduled.cancelled_at !== null) throw refusal('CANCELLED', call.language)
          return { scheduled }
        }
        settle(each.request, answered(session, each.request, repeated, call.signal, answer))
      }
      const scheduling = fresh.flatMap((each) =>
        each.request.sendAt === undefined ? [] : [{ ...each, sendAt: each.request.sendAt }],
      )
      for (const { sendAt } of scheduling) refuseMoment(sendAt, call.language)
      if (scheduling.length > 0) {
        // Asked now if WhatsApp can be: a wrong number is better told while its sender is there. Asked again when it is due.
        const link = sessions.link(session.id)
        const to = scheduling.map(({ request }) => request.to)
        const found =
          link === undefined
            ? new Map(to.map((jid): [Jid, Jid | null] => [jid, jid]))
            : await recipients.chatsFor(session.id, to, link)
        call.signal?.throwIfAborted()
        for (const each of scheduling) {
          const { request, sendAt } = each
          const chat = found.get(request.to) ?? null
          settle(
            request,
            answered(session, request, each, call.signal, async () => {
              if (chat === null) throw refusal('NUMBER_NOT_ON_WHATSAPP', call.language)
              const scheduled = await schedule(session, request, sendAt, chat, each)
              if (scheduled.cancelled_at !== null) throw refusal('CANCELLED', call.language)
              return { scheduled }
            }),
          )
        }
      } else if (fresh.length > 0) {
        const link = await sessions.linkWithin(session.id, linkWithinMs)
        if (link === undefined) throw new HubError('SESSION_NOT_CONNECTED')
        // What came due before this call goes before it.
        await scheduler.caughtUp(session.id)
        const found = await recipients.chatsFor(
          session.id,
          fresh.map(({ request }) => request.to),
          link,
        )
        // Nobody waits for the answer any more, and nothing is stored: whoever asks again gets a message of their own.
        call.signal?.throwIfAborted()
        for (const each of fresh) {
          const chat = found.get(each.request.to) ?? null
          settle(each.request, asRow(sendOne(session, each.request, chat, each, began, call)))
        }
      }
      return Promise.all(outcomes.values())
    },

    async retry(session, row, { language }) {
      const began = clock.monotonic()
      const { id, session_id: sessionId, whatsapp_id: whatsappId } = row
      const outbound = await findOutbound.first(database, { sessionId, whatsappId })
      if (outbound === undefined || outbound.message_id !== id || row.status !== 'failed') {
        throw refusal('NOT_FAILED', language)
      }
      if (outbound.retries >= maxRetries) throw refusal('RETRIES_USED_UP', language)
      if ((await sessions.linkWithin(session.id, linkWithinMs)) === undefined) {
        throw new HubError('SESSION_NOT_CONNECTED')
      }
      const now = outbox.now()
      const again = await database.write(async (tx) => {
        if ((await askAgain.run(tx, { messageId: id, now })) !== 1) return false
        const tally = new TallyChange()
        const stored = await moveStatus.first(tx, { id, from: 'failed', to: 'pending' })
        if (stored !== undefined) tally.move(stored, 'failed', 'pending')
        await tally.write(tx)
        return true
      })
      if (again) {
        outbox.take({
          messageId: id,
          place: outbound.place ?? id,
          sessionId,
          whatsappId,
          // A column that only canonical addresses are written to.
          chat: row.chat_jid as Jid,
          state: queued(now),
          marked: false,
          retries: outbound.retries + 1,
          content: undefined,
        })
      }
      return outcome(sessionId, whatsappId, began, language)
    },

    async release(sessionId, rows, link) {
      // Columns that only canonical addresses are written to.
      const addressed = rows.map((scheduled) => ({ scheduled, to: scheduled.chat_jid as Jid }))
      const to = [...new Set(addressed.map((each) => each.to))]
      const found = link === undefined ? undefined : await recipients.chatsFor(sessionId, to, link)
      const quoted = await Promise.all(
        rows.map(async ({ quoted_id: id }) => (id === null ? undefined : finder.find([sessionId], id))),
      )
      const asked = outbox.now()
      const now = clock.now()
      const released = await database.write(async (tx) => {
        await chats.hold(tx, [sessionId])
        const canonical = await chats.addresses.canonical(
          tx,
          [...to, ...(found?.values() ?? [])].flatMap((jid) => (jid === null ? [] : [{ sessionId, jid }])),
        )
        const places = await nextIntegers(tx, 'message', rows.length)
        const tally = new TallyChange()
        const made: Outgoing[] = []
        for (const [index, each] of addressed.entries()) {
          const { message_id: messageId, whatsapp_id: whatsappId, fingerprint } = each.scheduled
          // Cancelled, or released by somebody else.
          if ((await takeScheduled.run(tx, { messageId })) !== 1) continue
          const chosen = found === undefined ? each.to : (found.get(each.to) ?? null)
          const chat = canonical(sessionId, chosen ?? each.to)
          const row = rowOfScheduled({ ...each.scheduled, chat_jid: chat }, now)
          // Failed ones are asked for in the past: should this process die before that is stored, they have expired.
          const askedAt = found === undefined ? each.scheduled.send_at : asked
          if (!(await insertOutgoing(tx, row, { fingerprint, asked: askedAt, onWire: false }, tally)))
            continue
          const place = places[index] ?? messageId
          await setPlace.run(tx, { messageId, place })
          const reason =
            found === undefined ? 'SCHEDULE_MISSED' : chosen === null ? 'NUMBER_NOT_ON_WHATSAPP' : undefined
          made.push({
            messageId,
            place,
            sessionId,
            whatsappId,
            chat,
            state:
              reason === undefined
                ? queued(asked)
                : { at: 'failed', failure: { reason, ackError: undefined } },
            marked: false,
            retries: 0,
            content: outboundContent(contentOf(row), quoted[index], ownOf(sessionId)),
          })
        }
        await tally.write(tx)
        return made
      })
      for (const message of released) outbox.take(message)
    },

    async outgoingContent({ messageId, sessionId }) {
      const row = await byId.first(database, { id: messageId })
      if (row === undefined || row.shown === 0) return undefined
      const content = contentOf(row)
      const quotedId = row.quoted_id
      const quoted = quotedId === null ? undefined : await finder.find([sessionId], quotedId)
      return outboundContent(content, quoted, ownOf(sessionId))
    },
  }
}

function messageContent(request: SendRequest, quoted: MessageRow | undefined, own: Own): MessageContent {
  return {
    kind: 'text',
    text: request.text,
    ...(request.mentions.length === 0 ? {} : { mentions: request.mentions }),
    ...(quoted === undefined
      ? {}
      : {
          quoted: { id: quoted.whatsapp_id, sender: authorOf(quoted, own), text: textOf(contentOf(quoted)) },
        }),
  }
}

function outboundContent(content: MessageContent, quoted: MessageRow | undefined, own: Own): OutboundContent {
  const author = quoted === undefined ? undefined : authorOf(quoted, own)
  return {
    text: textOf(content),
    mentions: mentionsOf(content),
    quoted:
      quoted === undefined || author === undefined
        ? undefined
        : {
            id: quoted.whatsapp_id,
            // Columns that only canonical addresses are written to.
            chat: quoted.chat_jid as Jid,
            sender: author,
            fromMe: quoted.from_me === 1,
            content: contentOf(quoted),
          },
  }
}

/** Who wrote a message, in the addressing of its chat; undefined when it is ours and we do not know our address yet. */
function authorOf(row: MessageRow, own: Own): Jid | undefined {
  // Columns that only canonical addresses are written to.
  if (row.from_me === 0) return row.sender_jid as Jid
  return isLid(row.chat_jid as Jid) ? (own.lid ?? ownAddress(own)) : ownAddress(own)
}

import { HubError, type Language } from '@inbox-hub/contract'
import { isGroup, isLid, isPerson, type Jid, type MessageContent, textOf } from '@inbox-hub/whatsapp'

import type { Chats } from '../../chats/index.ts'
import type { Clock } from '../../platform/clock.ts'
import { type Database, nextIntegers, statement } from '../../platform/database/index.ts'
import type { OutboundContent } from '../../sessions/baileys/index.ts'
import type { Sessions, SessionView } from '../../sessions/index.ts'
import { contentOf, mentionsOf, storedContent } from '../content.ts'
import type { MessageFinder } from '../find-message.ts'
import { insertMessages, type MessageRow, moveStatus } from '../message-rows.ts'
import type { Outbox, Outgoing } from '../outbound/outbox.ts'
import { askAgain, failureOf, findOutbound, insertOutbound } from '../outbound/outbound-rows.ts'
import { queued } from '../outbound/outbound-state.ts'
import { type Own, ownAddress } from '../own.ts'
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
  /** Makes the request the same as an earlier one: a repeat answers the first result. */
  idempotencyKey: string | undefined
}

export interface CallOptions {
  language: Language
  /** Aborted when nobody waits for the answer any more. */
  signal: AbortSignal | undefined
}

/** How one request fared. */
export type SendOutcome = { request: SendRequest } & ({ row: MessageRow } | { error: unknown })

export interface Sender {
  /** Sends each request; one that fails does not stop the others. Throws what concerns all: the session is not connected, a key was used otherwise. */
  send(
    session: SessionView,
    requests: readonly SendRequest[],
    call: CallOptions,
  ): Promise<readonly SendOutcome[]>
  /** Sends a message that failed once more, under the same id. */
  retry(session: SessionView, row: MessageRow, call: CallOptions): Promise<MessageRow>
  /** What to send for a message that is read back from the store; undefined when it was deleted. */
  outgoingContent(message: Pick<Outgoing, 'messageId' | 'sessionId'>): Promise<OutboundContent | undefined>
}

export interface SenderDeps {
  database: Database
  chats: Chats
  sessions: Pick<Sessions, 'linkWithin' | 'view'>
  outbox: Pick<Outbox, 'now' | 'isOpen' | 'take' | 'adopt' | 'settled'>
  recipients: Recipients
  unanswered: Unanswered
  finder: MessageFinder
  clock: Clock
}

/** The contract promises an answer within 25 s; the rest is for storing and the way back. */
const answerWithinMs = 24_000
const ackWithinMs = 20_000
/** A session that is just reconnecting is worth waiting for. */
const linkWithinMs = 10_000
const maxRetries = 3

const byId = statement((db, p: { id: number }) => db.selectFrom('message').selectAll().where('id', '=', p.id))

/** Another call with the same key stored its message while ours was being made. */
class StoredMeanwhile extends Error {
  override readonly name = 'StoredMeanwhile'
}

export function createSender(deps: SenderDeps): Sender {
  const { database, chats, sessions, outbox, recipients, unanswered, finder, clock } = deps

  const ownOf = (sessionId: number): Own => {
    const view = sessions.view(sessionId)
    return { pn: view?.mePn, lid: view?.meLid }
  }

  /** The message that an earlier call made of this very request, if there was one. */
  async function earlier(
    session: SessionView,
    request: SendRequest,
    { whatsappId, fingerprint }: { whatsappId: string; fingerprint: string },
  ): Promise<string | undefined> {
    const isKeyed = request.idempotencyKey !== undefined
    const earlierId = isKeyed ? whatsappId : unanswered.take(session.id, fingerprint)
    if (earlierId === undefined) return undefined
    const row = await findOutbound.first(database, { sessionId: session.id, whatsappId: earlierId })
    // It was never stored.
    if (row === undefined) return undefined
    if (isKeyed && row.fingerprint !== fingerprint) throw new HubError('IDEMPOTENCY_CONFLICT')
    await outbox.adopt(session.id, earlierId)
    return earlierId
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
      const row: MessageRow = {
        id,
        session_id: sessionId,
        chat_jid: chat,
        sender_jid: '',
        from_me: 1,
        in_group: isGroup(chat) ? 1 : 0,
        whatsapp_id: key.whatsappId,
        type: stored.type,
        body: stored.body,
        content: stored.content,
        quoted_id: stored.quotedId,
        push_name: null,
        status: 'pending',
        via_hub: 1,
        is_read: 1,
        shown: 1,
        sent_at: now,
        stored_at: now,
      }
      if ((await insertMessages.run(tx, [row])).length === 0) throw new StoredMeanwhile()
      const owed = await insertOutbound.run(tx, [
        {
          message_id: id,
          session_id: sessionId,
          whatsapp_id: key.whatsappId,
          fingerprint: key.fingerprint,
          state: onWire ? 'sending' : 'queued',
          attempts: onWire ? 1 : 0,
          retries: 0,
          asked_at: asked,
        },
      ])
      if (owed.length === 0) throw new StoredMeanwhile()
      if (isPerson(chat)) await chats.meet(tx, [{ sessionId, jid: chat }])
      await chats.change(tx, [
        { sessionId, jid: chat, messages: 1, unread: 0, last: { id, sentAt: now }, seenAt: now },
      ])
      const tally = new TallyChange()
      tally.add(row)
      await tally.write(tx)
      const message: Outgoing = {
        messageId: id,
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
      const settle = (request: SendRequest, row: Promise<MessageRow>): void => {
        outcomes.set(
          request,
          row.then(
            (stored) => ({ request, row: stored }),
            (error: unknown) => ({ request, error }),
          ),
        )
      }
      const fresh: typeof keyed = []
      for (const each of keyed) {
        const whatsappId = await earlier(session, each.request, each)
        if (whatsappId === undefined) fresh.push(each)
        else {
          const repeated = { ...each, whatsappId }
          settle(
            each.request,
            answered(session, each.request, repeated, call.signal, () =>
              outcome(session.id, whatsappId, began, call.language),
            ),
          )
        }
      }
      if (fresh.length > 0) {
        const link = await sessions.linkWithin(session.id, linkWithinMs)
        if (link === undefined) throw new HubError('SESSION_NOT_CONNECTED')
        const found = await recipients.chatsFor(
          session.id,
          fresh.map(({ request }) => request.to),
          link,
        )
        // Nobody waits for the answer any more, and nothing is stored: whoever asks again gets a message of their own.
        call.signal?.throwIfAborted()
        for (const each of fresh) {
          const chat = found.get(each.request.to) ?? null
          settle(each.request, sendOne(session, each.request, chat, each, began, call))
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

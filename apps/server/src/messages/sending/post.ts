import { HubError, type Language } from '@inbox-hub/contract'
import { isStatus, type Jid, type MessageContent } from '@inbox-hub/whatsapp'
import { hash, randomUUID } from 'node:crypto'

import type { Clock } from '../../platform/clock.ts'
import { type Database, nextIntegers, statement, type Tx } from '../../platform/database/index.ts'
import type { OutboundContent } from '../../sessions/baileys/index.ts'
import type { Sessions, SessionView } from '../../sessions/index.ts'
import { contentOf, storedContent } from '../content.ts'
import { insertMessages, type MessageRow, outgoingRow } from '../message-rows.ts'
import type { Outbox } from '../outbound/outbox.ts'
import type { Outgoing } from '../outbound/outgoing.ts'
import { findOutbound, insertOutbound } from '../outbound/outbound-rows.ts'
import { queued } from '../outbound/outbound-state.ts'
import { refusal } from './refusal.ts'
import { whatsappIdOf } from './send-key.ts'

export type PostContent = Exclude<MessageContent, { kind: 'undecryptable' }>

/** A status, or a message of a newsletter, to be posted. */
export interface Post {
  /** `status@broadcast`, or a newsletter. */
  chat: Jid
  /** What is asked for, and whom it is for: two posts with one key are the same when these are. */
  asked: readonly unknown[]
  /** What it says, made ready when nothing was posted under its key yet. */
  content: () => Promise<PostContent>
  idempotencyKey: string | undefined
  /** Stores what its keeper keeps of it, in the transaction of its message. */
  beside: (tx: Tx, row: MessageRow) => Promise<void>
}

/** Statuses and messages of newsletters take the way of messages: stored, then sent under one id until WhatsApp has them. They appear in no list of messages. */
export interface Poster {
  /**
   * Answers its message when WhatsApp has it, or after 20 s. Throws `SESSION_NOT_CONNECTED`, `IDEMPOTENCY_CONFLICT`, `WHATSAPP_ERROR`, and
   * what `content` throws.
   */
  post(session: SessionView, post: Post, call: { language: Language }): Promise<MessageRow>
  outgoingContent(
    message: Pick<Outgoing, 'messageId' | 'sessionId' | 'whatsappId'>,
    audienceOf: (sessionId: number, whatsappId: string) => Promise<readonly Jid[] | undefined>,
  ): Promise<OutboundContent | undefined>
}

/** The contract promises an answer within 25 s; the rest is for storing and the way back. */
const answerWithinMs = 24_000
const ackWithinMs = 20_000
/** A session that is just reconnecting is worth waiting for. */
const linkWithinMs = 4_000

const byId = statement((db, p: { id: number }) => db.selectFrom('message').selectAll().where('id', '=', p.id))

export function createPoster({
  database,
  sessions,
  outbox,
  clock,
}: {
  database: Database
  sessions: Pick<Sessions, 'linkWithin'>
  outbox: Pick<Outbox, 'now' | 'take' | 'adopt' | 'settled'>
  clock: Clock
}): Poster {
  /** Its number, when it was stored before under the same key. */
  async function earlier(
    sessionId: number,
    whatsappId: string,
    fingerprint: string,
  ): Promise<number | undefined> {
    const row = await findOutbound.first(database, { sessionId, whatsappId })
    if (row !== undefined && row.fingerprint !== fingerprint) throw new HubError('IDEMPOTENCY_CONFLICT')
    return row?.message_id
  }

  async function store(
    sessionId: number,
    whatsappId: string,
    fingerprint: string,
    content: PostContent,
    { chat, beside }: Post,
  ): Promise<Outgoing | undefined> {
    const asked = outbox.now()
    return database.write(async (tx): Promise<Outgoing | undefined> => {
      const [id = Number.NaN] = await nextIntegers(tx, 'message', 1)
      const name = { id, sessionId, chat, whatsappId, now: clock.now() }
      const row = { ...outgoingRow(name, storedContent(content)), shown: 0, in_group: isStatus(chat) ? 1 : 0 }
      if ((await insertMessages.run(tx, [row])).length === 0) return undefined
      const owed = {
        message_id: id,
        session_id: sessionId,
        whatsapp_id: whatsappId,
        fingerprint,
        state: 'queued' as const,
        attempts: 0,
        retries: 0,
        asked_at: asked,
      }
      await insertOutbound.run(tx, [owed])
      await beside(tx, row)
      return {
        messageId: id,
        place: id,
        sessionId,
        whatsappId,
        chat,
        state: queued(asked),
        marked: false,
        retries: 0,
        content: undefined,
      }
    })
  }

  return {
    async post(session, post, { language }) {
      const { id: sessionId } = session
      const { chat, asked, idempotencyKey } = post
      const began = clock.monotonic()
      const whatsappId = whatsappIdOf(
        sessionId,
        `${isStatus(chat) ? 'status' : chat}\n${idempotencyKey ?? randomUUID()}`,
      )
      const fingerprint = hash('sha256', JSON.stringify(asked), 'base64url')
      let messageId = await earlier(sessionId, whatsappId, fingerprint)
      if (messageId === undefined) {
        if ((await sessions.linkWithin(sessionId, linkWithinMs)) === undefined)
          throw new HubError('SESSION_NOT_CONNECTED')
        const made = await store(sessionId, whatsappId, fingerprint, await post.content(), post)
        if (made !== undefined) outbox.take(made)
        // Another call with the same key was faster.
        messageId = made?.messageId ?? (await earlier(sessionId, whatsappId, fingerprint))
      }
      await outbox.adopt(sessionId, whatsappId)
      const left = answerWithinMs - (clock.monotonic() - began)
      const settled = await outbox.settled(sessionId, whatsappId, Math.min(ackWithinMs, left))
      if (settled?.at === 'failed') throw refusal(settled.failure.reason, language, settled.failure.ackError)
      const row = messageId === undefined ? undefined : await byId.first(database, { id: messageId })
      if (row === undefined) throw new HubError('MESSAGE_NOT_FOUND')
      return row
    },

    async outgoingContent({ messageId, sessionId, whatsappId }, audienceOf) {
      const row = await byId.first(database, { id: messageId })
      if (row === undefined) return undefined
      const content = { content: contentOf(row), quoted: undefined }
      // A column that only canonical addresses are written to.
      if (!isStatus(row.chat_jid as Jid)) return content
      const audience = await audienceOf(sessionId, whatsappId)
      return audience && { ...content, audience }
    },
  }
}

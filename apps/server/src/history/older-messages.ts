import { HubError } from '@inbox-hub/contract'
import { isPerson, type Jid } from '@inbox-hub/whatsapp'
import { sql } from 'kysely'

import type { Chats } from '../chats/index.ts'
import type { Clock } from '../platform/clock.ts'
import { type Database, statement } from '../platform/database/index.ts'
import { type Answered, askWhatsApp, type Sessions } from '../sessions/index.ts'

export interface OlderMessages extends Disposable {
  /**
   * Asks the phone for `count` messages of a chat that are older than the oldest here, and waits for them up to `waitMs`. Throws
   * `SESSION_NOT_CONNECTED`, and `CHAT_WITHOUT_MESSAGES` when there is none to ask from.
   */
  fetch(
    sessionId: number,
    chat: Jid,
    options: { count: number; waitMs: number; signal: AbortSignal },
  ): Promise<{
    /** Undefined when the phone has nothing older, as it said before. */
    requestId: string | undefined
    status: 'done' | 'pending'
    messages: number
    isComplete: boolean
  }>
}

const oldestIn = statement((db, p: { sessionId: number; chat: string }) =>
  db
    .selectFrom('message')
    .select(['whatsapp_id', 'from_me', 'sent_at'])
    .where('session_id', '=', p.sessionId)
    .where('chat_jid', '=', p.chat)
    // What was only sent through the hub and never left is not on the phone.
    .where(sql<boolean>`status not in ('pending', 'failed')`)
    .orderBy('sent_at')
    .orderBy('id')
    .limit(1),
)
const chatState = statement((db, p: { sessionId: number; chat: string }) =>
  db.selectFrom('chat').select('history_end').where('session_id', '=', p.sessionId).where('jid', '=', p.chat),
)

export function createOlderMessages({
  database,
  sessions,
  chats,
  clock,
}: {
  database: Database
  sessions: Pick<Sessions, 'linkWithin' | 'onHistoryAnswered'>
  chats: Pick<Chats, 'addresses'>
  clock: Clock
}): OlderMessages {
  const waiting = new Map<string, (answered: Answered) => void>()
  const listening = sessions.onHistoryAnswered((answered) =>
    waiting.get(`${answered.sessionId} ${answered.requestId}`)?.(answered),
  )
  const isComplete = async (sessionId: number, chat: Jid): Promise<boolean> =>
    (await chatState.first(database, { sessionId, chat }))?.history_end === 1

  return {
    async fetch(sessionId, chat, { count, waitMs, signal }) {
      if (await isComplete(sessionId, chat))
        return { requestId: undefined, status: 'done', messages: 0, isComplete: true }
      const oldest = await oldestIn.first(database, { sessionId, chat })
      if (oldest === undefined) throw new HubError('CHAT_WITHOUT_MESSAGES')
      // The phone finds its chats by number or LID; by number it knows those from before LIDs too.
      const shown = (await chats.addresses.shown(database, [{ sessionId, jid: chat }]))(sessionId, chat)
      const asked = await askWhatsApp(sessions, sessionId, async (link) => {
        const requestId = link.phone.newRequestId()
        const answer = Promise.withResolvers<Answered>()
        waiting.set(`${sessionId} ${requestId}`, answer.resolve)
        const done = (): void => void waiting.delete(`${sessionId} ${requestId}`)
        try {
          await link.phone.olderMessages(requestId, {
            chat: isPerson(chat) ? shown : chat,
            oldest: { id: oldest.whatsapp_id, fromMe: oldest.from_me === 1, sentAt: oldest.sent_at },
            count,
          })
        } catch (error) {
          done()
          throw error
        }
        return { requestId, answer: answer.promise, done }
      })
      try {
        const answered = await within(clock, waitMs, signal, asked.answer)
        return {
          requestId: asked.requestId,
          status: answered === undefined ? 'pending' : 'done',
          messages: answered?.messages ?? 0,
          isComplete: await isComplete(sessionId, chat),
        }
      } finally {
        asked.done()
      }
    },
    [Symbol.dispose]: () => listening[Symbol.dispose](),
  }
}

async function within<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  promise: Promise<T>,
): Promise<T | undefined> {
  const over = Promise.withResolvers<undefined>()
  const stop = (): void => over.resolve(undefined)
  using _timer = clock.after(ms, stop)
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([promise, over.promise])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

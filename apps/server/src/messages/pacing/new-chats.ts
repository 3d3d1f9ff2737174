import '../tables.ts'

import { isPerson, type Jid } from '@inbox-hub/whatsapp'
import { sql } from 'kysely'
import { LRUCache } from 'lru-cache'

import { type Database, statement } from '../../platform/database/index.ts'
import { dayMs, newChatAt, type NewChatLimits } from './pacing.ts'

/** The new chats of one session: those of people that nobody wrote in before. Times are Unix ms. */
export interface NewChats {
  /** Resolves when it is known whether the chat is new, or cannot be found out now. */
  learn(chat: Jid): Promise<void>
  /** When a message may begin the chat; undefined when that is not limited, or not known yet. */
  mayOpenAt(chat: Jid, now: number): number | undefined
  /** Whether nobody knows yet if the chat is new. */
  isUnknown(chat: Jid): boolean
  sent(chat: Jid, now: number): void
}

const keptChats = 50_000
/** Somebody may have written to us meanwhile: what waits in a new chat is then an answer. */
const askAgainMs = 10_000
const received = ['sent', 'delivered', 'read', 'received'] as const

const anyOf = statement((db, p: { sessionId: number; chat: string }) =>
  db
    .selectFrom('message')
    .select('id')
    .where('session_id', '=', p.sessionId)
    .where('chat_jid', '=', p.chat)
    .where('status', 'in', received)
    .limit(1),
)

/** `opened`: when chats were begun in the last 24 hours, oldest first. */
export function createNewChats(
  database: Database,
  sessionId: number,
  limits: NewChatLimits,
  opened: readonly number[],
): NewChats {
  let begun = [...opened]
  const known = new LRUCache<Jid, { isNew: boolean; at: number }>({ max: keptChats })
  const asking = new Map<Jid, Promise<void>>()
  let turn = Promise.resolve()
  const isLimited = (chat: Jid): boolean =>
    (limits.perHour !== undefined || limits.perDay !== undefined) && isPerson(chat)

  async function ask(chat: Jid, at: number): Promise<void> {
    try {
      const row = await anyOf.first(database, { sessionId, chat })
      // Sent to while the store was being read: no longer new, whatever was read.
      if (known.get(chat)?.isNew !== false) known.set(chat, { isNew: row === undefined, at })
    } catch {
      // The store cannot be read now; whoever looks next asks again.
    } finally {
      asking.delete(chat)
    }
  }

  /** One after another: a long line must not take the store from the others. */
  function asked(chat: Jid, at: number): Promise<void> {
    let answer = asking.get(chat)
    if (answer === undefined) {
      answer = turn = turn.then(() => ask(chat, at))
      asking.set(chat, answer)
    }
    return answer
  }

  return {
    async learn(chat) {
      if (isLimited(chat) && !known.has(chat)) await asked(chat, 0)
    },
    isUnknown: (chat) => isLimited(chat) && !known.has(chat),
    mayOpenAt(chat, now) {
      const found = known.get(chat)
      if (found?.isNew !== true) return undefined
      const at = newChatAt(limits, begun)
      if (at > now && now - found.at >= askAgainMs) void asked(chat, now)
      return at
    },
    sent(chat, now) {
      if (!isLimited(chat)) return
      if (known.get(chat)?.isNew === true) begun = [...begun.filter((at) => at > now - dayMs), now]
      known.set(chat, { isNew: false, at: now })
    },
  }
}

/** When the session began chats in the 24 hours before `now`, oldest first. */
export async function openedLately(database: Database, sessionId: number, now: number): Promise<number[]> {
  const rows = await database.read
    .selectFrom('message as first')
    .innerJoin('outbound', 'outbound.message_id', 'first.id')
    .select('outbound.settled_at')
    .where('first.session_id', '=', sessionId)
    // What is paced waits for a day at most.
    .where('first.sent_at', '>=', now - 2 * dayMs)
    .where('first.from_me', '=', sql.lit(1))
    .where('first.via_hub', '=', sql.lit(1))
    .where('first.in_group', '=', sql.lit(0))
    .where('first.status', 'in', received)
    .where('outbound.settled_at', '>', now - dayMs)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('message as earlier')
            .select('earlier.id')
            .whereRef('earlier.session_id', '=', 'first.session_id')
            .whereRef('earlier.chat_jid', '=', 'first.chat_jid')
            .where('earlier.status', 'in', received)
            .where((of) =>
              of.or([
                // Stored after ours was, and before ours went out: ours was an answer.
                of.and([
                  of('earlier.from_me', '=', of.lit(0)),
                  of('earlier.sent_at', '<', of.ref('outbound.settled_at')),
                ]),
                of('earlier.sent_at', '<', of.ref('first.sent_at')),
                of.and([
                  of('earlier.sent_at', '=', of.ref('first.sent_at')),
                  of('earlier.id', '<', of.ref('first.id')),
                ]),
              ]),
            ),
        ),
      ),
    )
    .orderBy('outbound.settled_at')
    .execute()
  return rows.flatMap(({ settled_at: at }) => (at === null ? [] : [at]))
}

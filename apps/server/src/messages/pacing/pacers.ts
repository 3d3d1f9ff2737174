import '../tables.ts'

import type { Jid } from '@inbox-hub/whatsapp'
import { sql } from 'kysely'

import type { Database } from '../../platform/database/index.ts'
import {
  afterSend,
  expectedAt,
  mayGoAt,
  noHistory,
  type PacingHistory,
  type PacingSettings,
  unpaced,
  warmUpDay,
} from './pacing.ts'
import { createNewChats, type NewChats, openedLately } from './new-chats.ts'

/** The pacing of one session, with what it sent so far. Times are Unix ms. */
export interface Pacer {
  /** Which chats are new, and when one may be begun. */
  readonly newChats: Omit<NewChats, 'sent'>
  /** When a message to the chat may go: `now` or later. */
  mayGoAt(chat: Jid, now: number): number
  /** A message to the chat is handed to the socket. */
  sent(chat: Jid, now: number): void
  /** When the message at `position` should go if the first may go at `firstAt`; undefined when nobody can say. */
  expectedAt(position: number, firstAt: number, now: number): number | undefined
}

/**
 * Which sessions are paced, and how. Settings stay in the store; of what was sent, a restart remembers the day of a warm-up and the new chats, and
 * starts the minute and the pause anew.
 */
export interface Pacers {
  /** Undefined when the session is not paced: what most are. */
  of(sessionId: number): Pacer | undefined
  settings(sessionId: number): PacingSettings
  /** Stored when it resolves. */
  set(sessionId: number, settings: PacingSettings, now: number): Promise<void>
  /** Forgets a session that has ended for good. */
  forget(sessionId: number): void
  /** Reads every session's settings. */
  load(now: number): Promise<void>
}

const prefix = 'pacing:'
export const pacingSetting = (sessionId: number): string => `${prefix}${sessionId}`

const limitsNewChats = ({ newChats: { perHour, perDay } }: PacingSettings): boolean =>
  perHour !== undefined || perDay !== undefined
const isOff = (settings: PacingSettings): boolean =>
  settings.perMinute === undefined &&
  settings.pauseMs === undefined &&
  settings.warmUp === undefined &&
  !limitsNewChats(settings)

export function createPacers(database: Database, random: () => number = Math.random): Pacers {
  const paced = new Map<number, { settings: PacingSettings; pacer: Pacer }>()

  async function keep(sessionId: number, settings: PacingSettings, now: number): Promise<void> {
    if (isOff(settings)) {
      paced.delete(sessionId)
      return
    }
    const sentToday = await countToday(sessionId, settings, now)
    const opened = limitsNewChats(settings) ? await openedLately(database, sessionId, now) : []
    const newChats = createNewChats(database, sessionId, settings.newChats, opened)
    let history: PacingHistory = {
      ...noHistory,
      day: { index: warmUpDay(settings, now)?.index ?? 0, sent: sentToday },
    }
    const pacer: Pacer = {
      newChats,
      mayGoAt: (chat, at) => mayGoAt(settings, history, chat, at),
      sent(chat, at) {
        history = afterSend(settings, history, { chat, now: at, chance: random() })
        newChats.sent(chat, at)
      },
      expectedAt: (position, firstAt, at) => expectedAt(settings, history, { position, firstAt, now: at }),
    }
    paced.set(sessionId, { settings, pacer })
  }

  async function countToday(sessionId: number, settings: PacingSettings, now: number): Promise<number> {
    const day = warmUpDay(settings, now)
    if (day === undefined) return 0
    const row = await database.read
      .selectFrom('message')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('session_id', '=', sessionId)
      .where('sent_at', '>=', day.from)
      .where('from_me', '=', sql.lit(1))
      .where('via_hub', '=', sql.lit(1))
      .where('status', 'in', ['sent', 'delivered', 'read'])
      .executeTakeFirst()
    return row?.count ?? 0
  }

  return {
    of: (sessionId) => paced.get(sessionId)?.pacer,
    settings: (sessionId) => paced.get(sessionId)?.settings ?? unpaced,
    async set(sessionId, settings, now) {
      const value = JSON.stringify(settings)
      await database.write(async (tx) => {
        const name = pacingSetting(sessionId)
        if (isOff(settings)) await tx.db.deleteFrom('setting').where('name', '=', name).execute()
        else {
          await tx.db
            .insertInto('setting')
            .values({ name, value })
            .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
            .execute()
        }
      })
      await keep(sessionId, settings, now)
    },
    forget: (sessionId) => void paced.delete(sessionId),
    async load(now) {
      const rows = await database.read
        .selectFrom('setting')
        .select(['name', 'value'])
        .where('name', 'like', `${prefix}%`)
        .execute()
      for (const { name, value } of rows) {
        const sessionId = Number(name.slice(prefix.length))
        // Only `set` writes it; JSON leaves out what is undefined.
        const settings = { ...unpaced, ...(JSON.parse(value) as Partial<PacingSettings>) }
        await keep(sessionId, settings, now)
      }
    },
  }
}

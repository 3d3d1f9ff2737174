import type { Jid } from '@inbox-hub/whatsapp'

import type { Chats } from '../../chats/index.ts'
import type { Events } from '../../events/index.ts'
import { createBudget } from '../../platform/budget.ts'
import type { Clock } from '../../platform/clock.ts'
import { type Database, statement } from '../../platform/database/index.ts'
import type { Log } from '../../platform/log.ts'
import type { Link } from '../../sessions/baileys/index.ts'
import { spellingsOf } from './number-spellings.ts'

/** What asking about numbers came to. */
export interface NumbersAsked {
  /** The address of each number, null when it is not on WhatsApp; those that WhatsApp did not speak of are missing. */
  said: ReadonlyMap<string, Jid | null>
  /** When WhatsApp may be asked again, when it was not, ms. */
  retryAfterMs: number | undefined
}

/** Whether numbers are on WhatsApp, and under which address: what it answers is remembered, and it is not asked too often. */
export interface NumberChecks {
  /** What WhatsApp answered lately: 7 days for an address, a day for null. Undefined: it must be asked. */
  known(sessionId: number, digits: string): Promise<Jid | null | undefined>
  /** Asks in one query, under every usual spelling, at most 10 times a minute and session; the first 5 s are waited for. */
  ask(sessionId: number, numbers: readonly string[], link: Link): Promise<NumbersAsked>
}

const dayMs = 86_400_000
const positiveForMs = 7 * dayMs
const negativeForMs = dayMs
/** Looking up many numbers is itself a sign of spam (engine knowledge §4.7). */
const checksPerMinute = 10
/** A send does not wait longer for the answer. */
const checkWithinMs = 5_000

const findCheck = statement((db, p: { sessionId: number; digits: string }) =>
  db
    .selectFrom('number_check')
    .select(['pn', 'checked_at'])
    .where('session_id', '=', p.sessionId)
    .where('digits', '=', p.digits),
)
const storeCheck = statement((db, p: { sessionId: number; digits: string; pn: string | null; at: number }) =>
  db
    .insertInto('number_check')
    .values({ session_id: p.sessionId, digits: p.digits, pn: p.pn, checked_at: p.at })
    .onConflict((conflict) =>
      conflict
        .columns(['session_id', 'digits'])
        .doUpdateSet((eb) => ({ pn: eb.ref('excluded.pn'), checked_at: eb.ref('excluded.checked_at') })),
    ),
)
export interface NumberChecksDeps {
  database: Database
  chats: Pick<Chats, 'learn'>
  events: Pick<Events, 'append'>
  clock: Clock
  log: Log
}

export function createNumberChecks({ database, chats, events, clock, log }: NumberChecksDeps): NumberChecks {
  const budget = createBudget(clock, checksPerMinute)

  async function answersWithin(link: Link, digits: readonly string[]): ReturnType<Link['numbers']> {
    const { promise: late, resolve } = Promise.withResolvers<Awaited<ReturnType<Link['numbers']>>>()
    using _timer = clock.after(checkWithinMs, () => resolve([]))
    try {
      return await Promise.race([link.numbers(digits), late])
    } catch (error) {
      log.warn({ error, sessionId: link.lease.sessionId }, 'WhatsApp was not asked whether a number exists')
      return []
    }
  }

  return {
    async known(sessionId, digits) {
      const check = await findCheck.first(database, { sessionId, digits })
      if (check === undefined) return undefined
      const fresh = clock.now() - check.checked_at < (check.pn === null ? negativeForMs : positiveForMs)
      // Written by `ask` from a Jid.
      return fresh ? (check.pn as Jid | null) : undefined
    },
    async ask(sessionId, numbers, link) {
      const said = new Map<string, Jid | null>()
      const retryAfterMs = budget.take(sessionId)
      if (retryAfterMs !== undefined) return { said, retryAfterMs }
      const answers = await answersWithin(link, [...new Set(numbers.flatMap(spellingsOf))])
      const learnt: { lid: Jid; pn: Jid }[] = []
      for (const number of numbers) {
        const ofNumber = spellingsOf(number).map((spelling) =>
          answers.find(({ digits }) => digits === spelling),
        )
        const found = ofNumber.find((answer) => answer?.exists === true && answer.pn !== undefined)
        if (found?.pn !== undefined) {
          said.set(number, found.pn)
          if (found.lid !== undefined) learnt.push({ lid: found.lid, pn: found.pn })
        } else if (ofNumber.every((answer) => answer?.exists === false)) said.set(number, null)
      }
      if (said.size === 0) return { said, retryAfterMs: undefined }
      await database.write(async (tx) => {
        const told = await chats.learn(
          tx,
          learnt.map((mapping) => ({ sessionId, ...mapping })),
        )
        if (told.length > 0) await events.append(tx, told)
        await storeCheck.runMany(
          tx,
          [...said].map(([digits, pn]) => ({ sessionId, digits, pn, at: clock.now() })),
        )
      })
      return { said, retryAfterMs: undefined }
    },
  }
}

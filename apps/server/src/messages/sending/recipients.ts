import { isPn, type Jid, userOf } from '@inbox-hub/whatsapp'

import { boundedCache } from '../../platform/bounded-cache.ts'
import type { Chats } from '../../chats/index.ts'
import type { Events } from '../../events/index.ts'
import type { Clock } from '../../platform/clock.ts'
import { type Database, statement } from '../../platform/database/index.ts'
import type { Log } from '../../platform/log.ts'
import type { Link } from '../../sessions/baileys/index.ts'
import { spellingsOf } from './number-spellings.ts'

export interface Recipients {
  /**
   * The canonical chats to write to, by the addresses asked for; null for numbers that are not on WhatsApp. Asks WhatsApp once, in one
   * query, about numbers that nobody has written from or to yet, and always takes the address it answers. Where WhatsApp does not say, or
   * was asked too often, the number is taken as it was given.
   */
  chatsFor(sessionId: number, to: readonly Jid[], link: Link): Promise<ReadonlyMap<Jid, Jid | null>>
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
const findPerson = statement((db, p: { sessionId: number; jid: string }) =>
  db.selectFrom('contact').select('jid').where('session_id', '=', p.sessionId).where('jid', '=', p.jid),
)

export interface RecipientsDeps {
  database: Database
  chats: Pick<Chats, 'addresses' | 'learn'>
  events: Pick<Events, 'append'>
  clock: Clock
  log: Log
}

export function createRecipients({ database, chats, events, clock, log }: RecipientsDeps): Recipients {
  /** Chats known to exist, of all sessions together. */
  const known = boundedCache<string, true>(50_000)
  /** When each session asked lately, monotonic ms. */
  const asked = boundedCache<number, readonly number[]>(10_000)

  /** Whether the number is settled without asking: known from traffic, or asked about lately. Undefined: it must be asked. */
  async function knownAnswer(sessionId: number, chat: Jid): Promise<Jid | null | undefined> {
    // Only numbers can be wrong: a LID or a group came from WhatsApp itself.
    if (!isPn(chat)) return chat
    const key = `${sessionId} ${chat}`
    if (known.has(key)) return chat
    // Whoever we exchanged messages with is a contact.
    if ((await findPerson.first(database, { sessionId, jid: chat })) !== undefined) {
      known.set(key, true)
      return chat
    }
    const check = await findCheck.first(database, { sessionId, digits: userOf(chat) })
    if (check === undefined) return undefined
    const fresh = clock.now() - check.checked_at < (check.pn === null ? negativeForMs : positiveForMs)
    // Written by `ask` from a Jid.
    return fresh ? (check.pn as Jid | null) : undefined
  }

  /** What WhatsApp says about numbers; those it does not speak of are missing. */
  async function ask(
    sessionId: number,
    numbers: readonly string[],
    link: Link,
  ): Promise<ReadonlyMap<string, Jid | null>> {
    const said = new Map<string, Jid | null>()
    const now = clock.monotonic()
    const recent = (asked.get(sessionId) ?? []).filter((at) => at > now - 60_000)
    if (recent.length >= checksPerMinute) return said
    asked.set(sessionId, [...recent, now])
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
    if (said.size === 0) return said
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
    return said
  }

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
    async chatsFor(sessionId, to, link) {
      const canonical = await chats.addresses.canonical(
        database,
        to.map((jid) => ({ sessionId, jid })),
      )
      const result = new Map<Jid, Jid | null>()
      const open = new Map<string, Jid>()
      for (const jid of to) {
        const chat = canonical(sessionId, jid)
        const answer = await knownAnswer(sessionId, chat)
        if (answer === undefined) open.set(userOf(chat), jid)
        result.set(jid, answer === undefined ? chat : answer)
      }
      if (open.size > 0) {
        const said = await ask(sessionId, [...open.keys()], link)
        for (const [digits, jid] of open) {
          const answer = said.get(digits)
          if (answer !== undefined) result.set(jid, answer)
        }
      }
      const found = [...result.values()].filter((jid) => jid !== null)
      const final = await chats.addresses.canonical(
        database,
        found.map((jid) => ({ sessionId, jid })),
      )
      return new Map([...result].map(([jid, chat]) => [jid, chat === null ? null : final(sessionId, chat)]))
    },
  }
}

import { isPn, type Jid, userOf } from '@inbox-hub/whatsapp'

import { boundedCache } from '../../platform/bounded-cache.ts'
import type { Chats } from '../../chats/index.ts'
import { type Database, statement } from '../../platform/database/index.ts'
import type { Link } from '../../sessions/baileys/index.ts'
import type { NumberChecks } from './number-checks.ts'

export interface Recipients {
  /**
   * The canonical chats to write to, by the addresses asked for; null for numbers that are not on WhatsApp. Asks WhatsApp once, in one
   * query, about numbers that nobody has written from or to yet, and always takes the address it answers. Where WhatsApp does not say, or
   * was asked too often, the number is taken as it was given.
   */
  chatsFor(sessionId: number, to: readonly Jid[], link: Link): Promise<ReadonlyMap<Jid, Jid | null>>
}

const findPerson = statement((db, p: { sessionId: number; jid: string }) =>
  db.selectFrom('contact').select('jid').where('session_id', '=', p.sessionId).where('jid', '=', p.jid),
)

export interface RecipientsDeps {
  database: Database
  chats: Pick<Chats, 'addresses'>
  checks: NumberChecks
}

export function createRecipients({ database, chats, checks }: RecipientsDeps): Recipients {
  /** Chats known to exist, of all sessions together. */
  const known = boundedCache<string, true>(50_000)
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
    return checks.known(sessionId, userOf(chat))
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
        const { said } = await checks.ask(sessionId, [...open.keys()], link)
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

import { sql } from 'kysely'

import type { Chats } from '../chats/index.ts'
import { emptyEvents, eventsAbout } from '../events/index.ts'
import type { Media, MessageFiles } from '../media/index.ts'
import {
  eraseMessagesOf,
  eraseReceiptsOf,
  jsonWithoutPerson,
  names,
  nobody,
  redactMessages,
  withoutPerson,
} from '../messages/index.ts'
import type { Database, Tx } from '../platform/database/index.ts'
import type { Search } from '../search/index.ts'
import { forgetDeliveries } from '../webhooks/index.ts'
import type { Person } from './person.ts'
import { mentionedIn, namedIn, ownRows } from './places.ts'

export interface EraseDeps {
  database: Database
  chats: Pick<Chats, 'hold' | 'lose' | 'erased' | 'forgetPeople'>
  files: Pick<MessageFiles, 'forget'>
  media: Pick<Media, 'letGo' | 'sweep'>
  search: Pick<Search, 'purge'>
}

/** How much there was. */
export interface Erased {
  messages: number
  /** Messages of others that quoted or mentioned them. */
  redacted: number
  events: number
  rows: number
}

/**
 * Removes everything a session knows of somebody, in small transactions. What is noted first keeps the phone from bringing it back; doing it
 * again does what is left, so that one that was interrupted is called again.
 */
export async function eraseContact(deps: EraseDeps, person: Person, now: number): Promise<Erased> {
  const { database, chats, media, search } = deps
  const { sessionId, jids } = person
  await database.write((tx) => chats.erased.note(tx, sessionId, jids, now))
  const messages = await eraseMessagesOf(deps, person)
  const receipts = await eraseReceiptsOf(database, person)
  const redacted = await redactMessages(database, sessionId, {
    text: (text) => withoutPerson(person, text),
    json: (json) => jsonWithoutPerson(person, json),
  })
  let events = await eraseEvents(database, person)
  const rows = await database.write(async (tx) => {
    await chats.hold(tx, [sessionId])
    const count = (await eraseRows(tx, person, media)) + (await eraseViews(tx, person))
    await redactRows(tx, person)
    tx.afterCommit(() => chats.forgetPeople(sessionId, jids))
    return count
  })
  // What was told while the rest went.
  events += await eraseEvents(database, person)
  await search.purge()
  await media.sweep()
  return { messages, redacted, events, rows: receipts + rows }
}

async function eraseEvents(database: Database, person: Person): Promise<number> {
  let count = 0
  for await (const page of eventsAbout(database, person.sessionId, (data) => names(person, data))) {
    const seqs = page.map(({ seq }) => seq)
    await database.write(async (tx) => {
      await forgetDeliveries(tx, seqs)
      await emptyEvents(tx, seqs)
    })
    count += seqs.length
  }
  return count
}

async function eraseRows(
  tx: Tx,
  { sessionId, jids, digits }: Person,
  media: EraseDeps['media'],
): Promise<number> {
  const pictures = await tx.db
    .selectFrom('person')
    .select('picture_media')
    .where('session_id', '=', sessionId)
    .where('jid', 'in', jids)
    .execute()
  for (const { picture_media: id } of pictures) if (id !== null) await media.letGo(tx, id)
  let count = 0
  for (const [table, columns] of entriesOf(ownRows)) {
    for (const column of columns) {
      const { numAffectedRows = 0n } = await sql`
        delete from ${sql.table(table)} where session_id = ${sessionId} and ${sql.ref(column)} in (${sql.join(jids)})
      `.execute(tx.db)
      count += Number(numAffectedRows)
    }
  }
  for (const [table, column] of entriesOf(namedIn)) {
    for (const each of digits) {
      await sql`
        delete from ${sql.table(table)} where session_id = ${sessionId} and ${sql.ref(column)} like ${`%${each}%`}
      `.execute(tx.db)
    }
  }
  for (const column of ['owner', 'owner_alt'] as const) {
    await tx.db
      .updateTable('wa_group')
      .set({ [column]: null })
      .where('session_id', '=', sessionId)
      .where(column, 'in', jids)
      .execute()
  }
  return count
}

/** Who saw statuses of ours. */
async function eraseViews(tx: Tx, { sessionId, jids }: Person): Promise<number> {
  const seen = await tx.db
    .selectFrom('status_view')
    .innerJoin('status', 'status.message_id', 'status_view.message_id')
    .select('status_view.message_id as id')
    .where('status.session_id', '=', sessionId)
    .where('status_view.viewer_jid', 'in', jids)
    .execute()
  const ids = [...new Set(seen.map(({ id }) => id))]
  if (ids.length === 0) return 0
  await tx.db
    .deleteFrom('status_view')
    .where('message_id', 'in', ids)
    .where('viewer_jid', 'in', jids)
    .execute()
  await tx.db
    .updateTable('status')
    .set((eb) => ({ views: eb('views', '-', 1) }))
    .where('message_id', 'in', ids)
    .execute()
  return ids.length
}

async function redactRows(tx: Tx, { sessionId, digits }: Person): Promise<void> {
  for (const [table, columns] of entriesOf(mentionedIn)) {
    for (const column of columns.map((name) => sql.ref(name))) {
      for (const each of digits) {
        await sql`
          update ${sql.table(table)} set ${column} = replace(${column}, ${each}, ${sql.lit(nobody)})
          where session_id = ${sessionId} and ${column} like ${`%${each}%`}
        `.execute(tx.db)
      }
    }
  }
}

/** The entries of one of the lists in places.ts, typed. */
export function entriesOf<List extends object>(list: List): [keyof List, List[keyof List]][] {
  // Object.entries forgets which keys a constant has.
  return Object.entries(list) as [keyof List, List[keyof List]][]
}

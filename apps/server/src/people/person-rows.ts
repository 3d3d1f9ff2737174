import './tables.ts'

import type { Jid } from '@inbox-hub/whatsapp'
import type { Selectable, Updateable } from 'kysely'

import type { Chats } from '../chats/index.ts'
import { insertRows, statement, type StatementTarget, type Tx } from '../platform/database/index.ts'
import type { PersonTable } from './tables.ts'

export type PersonRow = Selectable<PersonTable>
/** What is to change in a row. */
export type PersonChange = Omit<Updateable<PersonTable>, 'session_id' | 'jid'>

const find = statement((db, p: { sessionId: number; jid: string }) =>
  db.selectFrom('person').selectAll().where('session_id', '=', p.sessionId).where('jid', '=', p.jid),
)
const insert = insertRows(
  'person',
  [
    'session_id',
    'jid',
    'picture',
    'picture_id',
    'picture_media',
    'picture_read_at',
    'about',
    'about_text',
    'about_set_at',
    'about_read_at',
    'business',
    'business_read_at',
    'last_seen_at',
    'watched_until',
  ],
  (into) => into.onConflict((conflict) => conflict.columns(['session_id', 'jid']).doNothing()),
)
const remove = statement((db, p: { sessionId: number; jid: string }) =>
  db.deleteFrom('person').where('session_id', '=', p.sessionId).where('jid', '=', p.jid),
)
const move = statement((db, p: { sessionId: number; from: string; to: string }) =>
  db.updateTable('person').set({ jid: p.to }).where('session_id', '=', p.sessionId).where('jid', '=', p.from),
)
/** What lists show of people: only whose picture is there. */
export const shownOf = statement((db, p: { sessionId: number; jids: readonly string[] }, { among }) =>
  db
    .selectFrom('person')
    .leftJoin('media', 'media.id', 'person.picture_media')
    .selectAll('person')
    .select('media.seq as media_seq')
    .where('person.session_id', '=', p.sessionId)
    .where(among('person.jid', p.jids)),
)

export const findPerson = (on: StatementTarget, sessionId: number, jid: string) =>
  find.first(on, { sessionId, jid })

/** Changes what is known of somebody; of whom nothing was known, a row is made. */
export async function changePerson(
  tx: Tx,
  sessionId: number,
  jid: string,
  change: PersonChange,
): Promise<void> {
  await insert.run(tx, [nothingOf(sessionId, jid)])
  await tx.db
    .updateTable('person')
    .set(change)
    .where('session_id', '=', sessionId)
    .where('jid', '=', jid)
    .execute()
}

/**
 * The same for somebody as they were named when WhatsApp was asked: their LID may have been learnt from the answer. Answers the address
 * that it stands under.
 */
export async function learnPerson(
  tx: Tx,
  chats: Pick<Chats, 'addresses' | 'hold'>,
  { sessionId, jid }: { sessionId: number; jid: Jid },
  change: PersonChange,
): Promise<Jid> {
  await chats.hold(tx, [sessionId])
  const canonical = (await chats.addresses.canonical(tx, [{ sessionId, jid }]))(sessionId, jid)
  await changePerson(tx, sessionId, canonical, change)
  return canonical
}

/** Moves what stands under one address of an account to the other; answers the picture that is of no more use. */
export async function movePerson(
  tx: Tx,
  { sessionId, from, to }: { sessionId: number; from: string; to: string },
): Promise<string | null> {
  const source = await find.first(tx, { sessionId, jid: from })
  if (source === undefined) return null
  if ((await find.first(tx, { sessionId, jid: to })) === undefined) {
    await move.run(tx, { sessionId, from, to })
    return null
  }
  await remove.run(tx, { sessionId, jid: from })
  return source.picture_media
}

function nothingOf(sessionId: number, jid: string): PersonRow {
  return {
    session_id: sessionId,
    jid,
    picture: 'unknown',
    picture_id: null,
    picture_media: null,
    picture_read_at: 0,
    about: 'unknown',
    about_text: null,
    about_set_at: null,
    about_read_at: 0,
    business: null,
    business_read_at: 0,
    last_seen_at: null,
    watched_until: null,
  }
}

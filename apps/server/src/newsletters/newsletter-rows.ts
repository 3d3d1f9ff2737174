import './tables.ts'

import { type Selectable, sql } from 'kysely'

import { folded } from '../chats/index.ts'
import { type Database, insertRows, nextIntegers, statement, type Tx } from '../platform/database/index.ts'
import type { NewsletterMetadata } from '../sessions/baileys/index.ts'
import type { NewsletterMessageTable, NewsletterTable } from './tables.ts'

export type NewsletterRow = Selectable<NewsletterTable>
export type PostRow = Selectable<NewsletterMessageTable>

export const findNewsletter = statement((db, p: { sessionId: number; jid: string }) =>
  db.selectFrom('newsletter').selectAll().where('session_id', '=', p.sessionId).where('jid', '=', p.jid),
)

const columns = [
  'session_id',
  'jid',
  'name',
  'description',
  'invite',
  'picture',
  'created_at',
  'subscribers',
  'verified',
  'state',
  'role',
  'muted',
  'search',
  'read_at',
] as const

const putNewsletters = insertRows('newsletter', columns, (insert) =>
  insert.onConflict((conflict) =>
    conflict.columns(['session_id', 'jid']).doUpdateSet((eb) => ({
      name: eb.ref('excluded.name'),
      description: eb.ref('excluded.description'),
      invite: eb.ref('excluded.invite'),
      picture: eb.ref('excluded.picture'),
      created_at: eb.ref('excluded.created_at'),
      subscribers: eb.ref('excluded.subscribers'),
      verified: eb.ref('excluded.verified'),
      state: eb.ref('excluded.state'),
      role: eb.ref('excluded.role'),
      muted: eb.ref('excluded.muted'),
      search: eb.ref('excluded.search'),
      read_at: eb.ref('excluded.read_at'),
    })),
  ),
)

/** Stores a newsletter as it was read; what the answer did not say of us stays. Answers the row before, and now. */
export async function storeNewsletter(
  tx: Tx,
  sessionId: number,
  metadata: NewsletterMetadata,
  readAt: number,
): Promise<{ before: NewsletterRow | undefined; now: NewsletterRow }> {
  const { jid, name } = metadata
  const before = await findNewsletter.first(tx, { sessionId, jid })
  const now: NewsletterRow = {
    session_id: sessionId,
    jid,
    name,
    description: metadata.description ?? null,
    invite: metadata.invite ?? before?.invite ?? null,
    picture: metadata.picture ?? null,
    created_at: metadata.createdAt ?? before?.created_at ?? null,
    subscribers: metadata.subscribers,
    verified: Number(metadata.verified),
    state: metadata.state,
    role: metadata.role ?? before?.role ?? 'guest',
    muted: Number(metadata.muted ?? before?.muted === 1),
    search: folded(name),
    read_at: readAt,
  }
  await putNewsletters.run(tx, [now])
  return { before, now }
}

const putListRead = statement((db, p: { sessionId: number; at: number }) =>
  db
    .insertInto('newsletter_list')
    .values({ session_id: p.sessionId, read_at: p.at })
    .onConflict((conflict) =>
      conflict.column('session_id').doUpdateSet((eb) => ({ read_at: eb.ref('excluded.read_at') })),
    ),
)

/** Stores all that an account follows; those that are not among them it follows no more. */
export async function storeNewsletters(
  tx: Tx,
  sessionId: number,
  all: readonly NewsletterMetadata[],
  readAt: number,
): Promise<void> {
  for (const metadata of all) await storeNewsletter(tx, sessionId, metadata, readAt)
  const current = new Set<string>(all.map(({ jid }) => jid))
  const stored = await tx.db
    .selectFrom('newsletter')
    .select('jid')
    .where('session_id', '=', sessionId)
    .where('role', '<>', 'guest')
    .execute()
  for (const { jid } of stored)
    if (!current.has(jid)) await setNewsletter(tx, sessionId, jid, { role: 'guest' })
  await putListRead.run(tx, { sessionId, at: readAt })
}

export async function setNewsletter(
  tx: Tx,
  sessionId: number,
  jid: string,
  set: Partial<Pick<NewsletterRow, 'role' | 'muted' | 'state'>>,
): Promise<void> {
  await tx.db
    .updateTable('newsletter')
    .set(set)
    .where('session_id', '=', sessionId)
    .where('jid', '=', jid)
    .execute()
}

/** When the list was last read from WhatsApp, Unix ms; undefined: never. */
export async function listReadAt(
  { read }: Pick<Database, 'read'>,
  sessionId: number,
): Promise<number | undefined> {
  const row = await read
    .selectFrom('newsletter_list')
    .select('read_at')
    .where('session_id', '=', sessionId)
    .executeTakeFirst()
  return row?.read_at
}

/** Newsletters that are followed or owned, unless a role says others; by name. */
export async function pageOfNewsletters(
  { read }: Pick<Database, 'read'>,
  sessionId: number,
  {
    search,
    role,
    limit,
    offset,
  }: { search: string | undefined; role: NewsletterRow['role'] | undefined; limit: number; offset: number },
): Promise<{ rows: readonly NewsletterRow[]; total: number }> {
  let found = read.selectFrom('newsletter').where('session_id', '=', sessionId)
  found = role === undefined ? found.where('role', '<>', 'guest') : found.where('role', '=', role)
  if (search !== undefined) {
    const pattern = `%${folded(search).replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
    found = found.where(sql<boolean>`search like ${pattern} escape ${sql.lit('\\')}`)
  }
  const [rows, counted] = await Promise.all([
    found.selectAll().orderBy('search').orderBy('jid').limit(limit).offset(offset).execute(),
    found.select(({ fn }) => fn.countAll<number>().as('count')).executeTakeFirst(),
  ])
  return { rows, total: counted?.count ?? 0 }
}

export const findPost = statement((db, p: { sessionId: number; jid: string; serverId: number }) =>
  db
    .selectFrom('newsletter_message')
    .selectAll()
    .where('session_id', '=', p.sessionId)
    .where('jid', '=', p.jid)
    .where('server_id', '=', p.serverId)
    .limit(1),
)

export const findPostById = statement((db, p: { sessionId: number; jid: string; whatsappId: string }) =>
  db
    .selectFrom('newsletter_message')
    .selectAll()
    .where('session_id', '=', p.sessionId)
    .where('jid', '=', p.jid)
    .where('whatsapp_id', '=', p.whatsappId),
)

const insertPosts = insertRows(
  'newsletter_message',
  [
    'id',
    'session_id',
    'jid',
    'whatsapp_id',
    'server_id',
    'message_id',
    'type',
    'body',
    'content',
    'sent_at',
    'views',
    'reactions',
    'own_reaction',
    'deleted_at',
  ],
  (insert) =>
    insert
      .onConflict((conflict) => conflict.columns(['session_id', 'jid', 'whatsapp_id']).doNothing())
      .returning('id'),
)

/** Keeps a message that is not kept yet; false when it is. */
export async function keepPost(tx: Tx, row: Omit<PostRow, 'id'>): Promise<boolean> {
  const [id = Number.NaN] = await nextIntegers(tx, 'newsletter_message', 1)
  return (await insertPosts.run(tx, [{ id, ...row }])).length > 0
}

export const setServerId = statement(
  (db, p: { sessionId: number; jid: string; whatsappId: string; serverId: number }) =>
    db
      .updateTable('newsletter_message')
      .set({ server_id: p.serverId })
      .where('session_id', '=', p.sessionId)
      .where('jid', '=', p.jid)
      .where('whatsapp_id', '=', p.whatsappId)
      .where('server_id', 'is', null),
)

export const setCounts = statement((db, p: { id: number; views: number; reactions: string }) =>
  db.updateTable('newsletter_message').set({ views: p.views, reactions: p.reactions }).where('id', '=', p.id),
)

export const setOwnReaction = statement((db, p: { id: number; reaction: string | null }) =>
  db.updateTable('newsletter_message').set({ own_reaction: p.reaction }).where('id', '=', p.id),
)

/** The message that leads to the file of one of others. */
export const fileMessageOf = statement((db, p: { messageId: number }) =>
  db.selectFrom('message').select('id').where('id', '=', p.messageId).where('from_me', '=', 0),
)

export const loseFile = statement((db, p: { id: number }) =>
  db.updateTable('newsletter_message').set({ message_id: null }).where('id', '=', p.id),
)

/** Taken back: what it said is gone. */
export const wipePost = statement((db, p: { id: number; at: number }) =>
  db
    .updateTable('newsletter_message')
    .set({ body: '', content: null, deleted_at: p.at })
    .where('id', '=', p.id)
    .where('deleted_at', 'is', null),
)

/** Messages of a newsletter, newest first, with how far those of ours are. */
export async function pageOfPosts(
  { read }: Pick<Database, 'read'>,
  sessionId: number,
  jid: string,
  { limit, offset }: { limit: number; offset: number },
): Promise<{ rows: readonly PostRow[]; total: number }> {
  const found = read
    .selectFrom('newsletter_message')
    .where('session_id', '=', sessionId)
    .where('jid', '=', jid)
  const [rows, counted] = await Promise.all([
    found
      .selectAll()
      .orderBy('sent_at', 'desc')
      // Of one second; one without a number yet is the newest.
      .orderBy((eb) => eb.fn.coalesce('server_id', sql<number>`9000000000000000`), 'desc')
      .limit(limit)
      .offset(offset)
      .execute(),
    found.select(({ fn }) => fn.countAll<number>().as('count')).executeTakeFirst(),
  ])
  return { rows, total: counted?.count ?? 0 }
}

/** Takes everything about a session's newsletters out of the store. */
export async function purgeNewsletters(tx: Tx, sessionId: number): Promise<void> {
  for (const table of ['newsletter_list', 'newsletter', 'newsletter_message'] as const)
    await tx.db.deleteFrom(table).where('session_id', '=', sessionId).execute()
}

/** Only what WhatsApp told is written to this column. */
export const reactionsOf = ({ reactions }: Pick<PostRow, 'reactions'>): { emoji: string; count: number }[] =>
  JSON.parse(reactions) as { emoji: string; count: number }[]

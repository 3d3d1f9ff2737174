import type { Expression, ExpressionBuilder, SqlBool } from 'kysely'

import { insertRows, statement, type Tables } from '../../platform/database/index.ts'
import type { FileFailure } from './download-outcome.ts'

declare module '../../platform/database/index.ts' {
  interface Tables {
    message_file: MessageFileRow
  }
}

/** Migration 0012 says what each column means. */
export interface MessageFileRow {
  message_id: number
  session_id: number
  state: 'known' | 'wanted' | 'here' | 'failed'
  media_id: string | null
  attempts: number
  due_at: number | null
  failure: FileFailure | null
  direct_path: string | null
  thumbnail: Uint8Array | null
  updated_at: number
}

/** A message that comes again has its row already. */
export const insertMessageFiles = insertRows(
  'message_file',
  [
    'message_id',
    'session_id',
    'state',
    'media_id',
    'attempts',
    'due_at',
    'failure',
    'direct_path',
    'thumbnail',
    'updated_at',
  ],
  (insert) => insert.onConflict((conflict) => conflict.column('message_id').doNothing()),
)

/** Messages went to another session: so do the rows of their files. */
export const passFilesOn = statement((db, p: { ids: readonly number[]; to: number }, { among }) =>
  db.updateTable('message_file').set({ session_id: p.to }).where(among('message_id', p.ids)),
)

/** A file that messages of their old session lead to as well is of no session from now on: it ends with none of them. */
export const shareMedia = statement((db, p: { ids: readonly number[]; from: number }, { among }) =>
  db
    .updateTable('media')
    .set({ session_id: null })
    .where('session_id', '=', p.from)
    .where('id', 'in', (eb) => filesOf(eb, among('message_id', p.ids)))
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom('message_file as other')
          .select('other.message_id')
          .whereRef('other.media_id', '=', 'media.id')
          .where('other.session_id', '=', p.from),
      ),
    ),
)

/** The other files go with their messages. */
export const passMediaOn = statement(
  (db, p: { ids: readonly number[]; from: number; to: number }, { among }) =>
    db
      .updateTable('media')
      .set({ session_id: p.to })
      .where('session_id', '=', p.from)
      .where('id', 'in', (eb) => filesOf(eb, among('message_id', p.ids))),
)

const filesOf = (eb: ExpressionBuilder<Tables, 'media'>, isAmong: Expression<SqlBool>) =>
  eb.selectFrom('message_file').select('media_id').where('media_id', 'is not', null).where(isAmong)

export const fileOfMessage = statement((db, p: { messageId: number }) =>
  db
    .selectFrom('message_file')
    .select([
      'message_id',
      'session_id',
      'state',
      'media_id',
      'attempts',
      'due_at',
      'failure',
      'direct_path',
      'updated_at',
    ])
    .where('message_id', '=', p.messageId),
)

export const thumbnailOfMessage = statement((db, p: { messageId: number }) =>
  db
    .selectFrom('message_file')
    .select('thumbnail')
    .where('message_id', '=', p.messageId)
    .where('thumbnail', 'is not', null),
)

/** What is to be fetched of a session by now, what has waited longest first. */
export const dueFiles = statement((db, p: { sessionId: number; now: number; limit: number }) =>
  db
    .selectFrom('message_file')
    .select('message_id')
    .where('session_id', '=', p.sessionId)
    .where('state', '=', 'wanted')
    .where('due_at', '<=', p.now)
    .orderBy('due_at')
    .limit(p.limit),
)

export const nextDueFile = statement((db, p: { sessionId: number }) =>
  db
    .selectFrom('message_file')
    .select('due_at')
    .where('session_id', '=', p.sessionId)
    .where('state', '=', 'wanted')
    .orderBy('due_at')
    .limit(1),
)

export const wantFile = statement((db, p: { messageId: number; dueAt: number }) =>
  db
    .updateTable('message_file')
    .set({ state: 'wanted', attempts: 0, due_at: p.dueAt, failure: null, updated_at: p.dueAt })
    .where('message_id', '=', p.messageId)
    .where('state', '!=', 'wanted'),
)

export const settleFile = statement(
  (
    db,
    p: {
      messageId: number
      state: MessageFileRow['state']
      attempts: number
      dueAt: number | null
      failure: FileFailure | null
      now: number
    },
  ) =>
    db
      .updateTable('message_file')
      .set({
        state: p.state,
        attempts: p.attempts,
        due_at: p.dueAt,
        failure: p.failure,
        updated_at: p.now,
      })
      .where('message_id', '=', p.messageId),
)

export const fileIsHere = statement((db, p: { messageId: number; mediaId: string; now: number }) =>
  db
    .updateTable('message_file')
    .set({ state: 'here', media_id: p.mediaId, attempts: 0, due_at: null, failure: null, updated_at: p.now })
    .where('message_id', '=', p.messageId),
)

export const moveFile = statement((db, p: { messageId: number; directPath: string }) =>
  db.updateTable('message_file').set({ direct_path: p.directPath }).where('message_id', '=', p.messageId),
)

export const dropMessageFile = statement((db, p: { messageId: number }) =>
  db.deleteFrom('message_file').where('message_id', '=', p.messageId).returning('media_id'),
)

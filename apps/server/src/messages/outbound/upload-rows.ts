import { statement } from '../../platform/database/index.ts'

declare module '../../platform/database/index.ts' {
  interface Tables {
    media_upload: {
      session_id: number
      hash: string
      sealed_as: string
      source: string
      uploaded_at: number
    }
  }
}

export const findUpload = statement(
  (db, p: { sessionId: number; hash: string; sealedAs: string; since: number }) =>
    db
      .selectFrom('media_upload')
      .select('source')
      .where('session_id', '=', p.sessionId)
      .where('hash', '=', p.hash)
      .where('sealed_as', '=', p.sealedAs)
      .where('uploaded_at', '>=', p.since),
)

export const noteUpload = statement(
  (db, p: { sessionId: number; hash: string; sealedAs: string; source: string; at: number }) =>
    db
      .insertInto('media_upload')
      .values({
        session_id: p.sessionId,
        hash: p.hash,
        sealed_as: p.sealedAs,
        source: p.source,
        uploaded_at: p.at,
      })
      .onConflict((conflict) =>
        conflict.columns(['session_id', 'hash', 'sealed_as']).doUpdateSet((eb) => ({
          source: eb.ref('excluded.source'),
          uploaded_at: eb.ref('excluded.uploaded_at'),
        })),
      ),
)

export const sweepUploads = statement((db, p: { before: number }) =>
  db.deleteFrom('media_upload').where('uploaded_at', '<', p.before),
)

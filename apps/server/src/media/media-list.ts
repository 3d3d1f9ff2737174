import type { MediaKind } from '@inbox-hub/contract'
import { sql } from 'kysely'

import type { Database } from '../platform/database/index.ts'
import type { MediaRow } from './media-rows.ts'

/** Without accents and capitals: what names are compared by. */
export function searchable(text: string): string {
  return text.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase()
}

export interface MediaFilter {
  readonly sessionId: number
  readonly kind: MediaKind | undefined
  /** A part of the name. */
  readonly named: string | undefined
}

/** A page of a session's files, newest first, and how many there are. */
export async function pageOfMedia(
  database: Database,
  filter: MediaFilter,
  { limit, offset }: { limit: number; offset: number },
): Promise<{ rows: readonly MediaRow[]; total: number }> {
  const matching = () => {
    let query = database.read.selectFrom('media').where('session_id', '=', filter.sessionId)
    if (filter.kind !== undefined) query = query.where('kind', '=', filter.kind)
    if (filter.named !== undefined) {
      const pattern = `%${searchable(filter.named).replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
      query = query.where(sql<boolean>`search like ${pattern} escape '\\'`)
    }
    return query
  }
  const rows = await matching().selectAll().orderBy('seq', 'desc').limit(limit).offset(offset).execute()
  const count = await matching()
    .select((eb) => eb.fn.countAll().as('total'))
    .executeTakeFirstOrThrow()
  return { rows, total: Number(count.total) }
}

/** How many files of each kind a session has, and their bytes. */
export async function tallyOfMedia(
  database: Database,
  sessionId: number,
): Promise<readonly { kind: MediaKind; files: number; bytes: number }[]> {
  const rows = await database.read
    .selectFrom('media')
    .where('session_id', '=', sessionId)
    .select((eb) => ['kind', eb.fn.countAll().as('files'), eb.fn.sum('size').as('bytes')])
    .groupBy('kind')
    .execute()
  return rows.map(({ kind, files, bytes }) => ({ kind, files: Number(files), bytes: Number(bytes) }))
}

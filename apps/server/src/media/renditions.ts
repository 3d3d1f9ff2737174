import { createReadStream } from 'node:fs'

import type { MediaKind as SentAs } from '@inbox-hub/whatsapp'

import type { Draft } from '../platform/blobs/index.ts'
import { type Database, statement } from '../platform/database/index.ts'
import type { Converter, Prepared } from './conversion/index.ts'
import type { Media } from './index.ts'
import type { MediaRow } from './media-rows.ts'

declare module '../platform/database/index.ts' {
  interface Tables {
    media_rendition: { owner_id: number; hash: string; sent_as: string; media_id: string; facts: string }
  }
}

/** A file as it is sent, and what its message says about it. Bytes are base64. */
export interface Rendition {
  readonly media: MediaRow
  readonly mimetype: string
  readonly seconds?: number
  /** Pixels. */
  readonly width?: number
  readonly height?: number
  readonly animated?: boolean
  readonly waveform?: string
  /** A small JPEG. */
  readonly thumbnail?: string
}

type Facts = Omit<Rendition, 'media'>

export interface Renditions {
  /**
   * The file to send when `row` is to be sent `as`: itself, or what it had to become, made once. Throws what `Converter.prepare` and
   * `Media.keep` throw, MEDIA_DAMAGED, and the reason of `signal`.
   */
  of(row: MediaRow, as: SentAs, signal: AbortSignal): Promise<Rendition>
}

const known = statement((db, p: { ownerId: number; hash: string; sentAs: string }) =>
  db
    .selectFrom('media_rendition')
    .innerJoin('media', 'media.id', 'media_rendition.media_id')
    .selectAll('media')
    .select('media_rendition.facts')
    .where('media_rendition.owner_id', '=', p.ownerId)
    .where('media_rendition.hash', '=', p.hash)
    .where('media_rendition.sent_as', '=', p.sentAs),
)

const remember = statement(
  (db, p: { ownerId: number; hash: string; sentAs: string; mediaId: string; facts: string }) =>
    db
      .insertInto('media_rendition')
      .values({ owner_id: p.ownerId, hash: p.hash, sent_as: p.sentAs, media_id: p.mediaId, facts: p.facts })
      .onConflict((conflict) => conflict.columns(['owner_id', 'hash', 'sent_as']).doNothing()),
)

export function createRenditions({
  database,
  media,
  converter,
}: {
  database: Database
  media: Pick<Media, 'open' | 'receive' | 'keep'>
  converter: Converter
}): Renditions {
  /** The new file in the store, of the same owner. */
  async function kept(row: MediaRow, draft: Draft, mimetype: string): Promise<MediaRow> {
    return await media.keep(draft, {
      ownerId: row.owner_id,
      sessionId: row.session_id ?? undefined,
      source: row.source,
      fileName: row.file_name,
      declaredType: mimetype,
    })
  }

  async function make(row: MediaRow, as: SentAs, signal: AbortSignal): Promise<Rendition> {
    // A file of its own: ffmpeg jumps about in it, and the store may be S3. What is damaged there ends here.
    await using source = await media.receive(await media.open(row, { signal }), { signal })
    const { path, size } = source
    await using prepared = await converter.prepare({ path, mimetype: row.mimetype, size }, as, { signal })
    const facts = factsOf(prepared)
    if (prepared.path === undefined) return { media: row, ...facts }
    const draft = await media.receive(createReadStream(prepared.path), { signal })
    return { media: await kept(row, draft, prepared.mimetype), ...facts }
  }

  return {
    async of(row, as, signal) {
      // Whatever it is, it is sent as it is: nobody looks into it.
      if (as === 'document') return { media: row, mimetype: row.mimetype }
      const key = { ownerId: row.owner_id, hash: row.hash, sentAs: as }
      const found = await known.first(database, key)
      if (found !== undefined) {
        const { facts, ...stored } = found
        // Only the lines below write this column.
        return { media: stored, ...(JSON.parse(facts) as Facts) }
      }
      const made = await make(row, as, signal)
      // Without ffmpeg less is known than there will be with it.
      if (await converter.isAvailable()) {
        const { media: of, ...facts } = made
        await database.write((tx) =>
          remember.run(tx, { ...key, mediaId: of.id, facts: JSON.stringify(facts) }),
        )
      }
      return made
    },
  }
}

function factsOf({ mimetype, seconds, width, height, animated, waveform, thumbnail }: Prepared): Facts {
  return {
    mimetype,
    ...(seconds !== undefined && { seconds }),
    ...(width !== undefined && { width }),
    ...(height !== undefined && { height }),
    ...(animated !== undefined && { animated }),
    ...(waveform !== undefined && { waveform: waveform.toString('base64') }),
    ...(thumbnail !== undefined && { thumbnail: thumbnail.toString('base64') }),
  }
}

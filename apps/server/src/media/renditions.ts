import { createReadStream } from 'node:fs'

import { HubError } from '@inbox-hub/contract'
import type { MediaKind as SentAs } from '@inbox-hub/whatsapp'

import type { Draft } from '../platform/blobs/index.ts'
import { type Database, statement } from '../platform/database/index.ts'
import { canBecome, type Converter, type Prepared } from './conversion/index.ts'
import type { Media, NewMedia } from './index.ts'
import type { MediaRow } from './media-rows.ts'
import { cleanType, kindOf, mediaTypeOf } from './sniff.ts'

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
  /** The same for a file that is not kept yet, which is used up: only what is sent of it stays. */
  keep(draft: Draft, facts: NewMedia, as: SentAs, signal: AbortSignal): Promise<Rendition>
  /** What a file is sent as when nobody says. */
  kindOf(draft: Pick<Draft, 'head'>, declaredType: string | undefined): SentAs
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
  async function lookUp(ownerId: number, hash: string, as: SentAs): Promise<Rendition | undefined> {
    const found = await known.first(database, { ownerId, hash, sentAs: as })
    if (found === undefined) return undefined
    const { facts, ...stored } = found
    // Only `make` writes this column.
    return { media: stored, ...(JSON.parse(facts) as Facts) }
  }

  /** Looks into a file, converts it if it has to be, and keeps what is to be sent. `keepItself` is asked when that is the file as it is. */
  async function make(
    source: Pick<Draft, 'path' | 'size' | 'hash'> & { mimetype: string },
    facts: NewMedia,
    as: SentAs,
    signal: AbortSignal,
    keepItself: () => Promise<MediaRow>,
  ): Promise<Rendition> {
    await using prepared = await converter.prepare(source, as, { signal })
    let row: MediaRow
    if (prepared.path === undefined) row = await keepItself()
    else {
      const draft = await media.receive(createReadStream(prepared.path), { signal })
      row = await media.keep(draft, { ...facts, declaredType: prepared.mimetype })
    }
    const said = factsOf(prepared)
    // Without ffmpeg less is known than there will be with it.
    if (await converter.isAvailable()) {
      const { ownerId } = facts
      await database.write((tx) =>
        remember.run(tx, {
          ownerId,
          hash: source.hash,
          sentAs: as,
          mediaId: row.id,
          facts: JSON.stringify(said),
        }),
      )
    }
    return { media: row, ...said }
  }

  return {
    kindOf({ head }, declaredType) {
      const type = mediaTypeOf(head, cleanType(declaredType))
      return type === 'image/gif' ? 'gif' : kindOf(type)
    },

    async of(row, as, signal) {
      // Whatever it is, it is sent as it is: nobody looks into it.
      if (as === 'document') return { media: row, mimetype: row.mimetype }
      const found = await lookUp(row.owner_id, row.hash, as)
      if (found !== undefined) return found
      const { owner_id: ownerId, session_id: sessionId, source, file_name: fileName, mimetype } = row
      if (!canBecome(as, mimetype)) throw new HubError('FILE_TYPE_MISMATCH', { found: mimetype, type: as })
      // A file of its own: ffmpeg jumps about in it, and the store may be S3. What is damaged there ends here.
      await using draft = await media.receive(await media.open(row, { signal }), { signal })
      const facts = { ownerId, sessionId: sessionId ?? undefined, source, fileName }
      return await make({ ...draft, mimetype }, facts, as, signal, async () => row)
    },

    async keep(draft, facts, as, signal) {
      await using used = draft
      const mimetype = mediaTypeOf(used.head, cleanType(facts.declaredType))
      if (as === 'document') {
        const row = await media.keep(used, facts)
        return { media: row, mimetype: row.mimetype }
      }
      const found = await lookUp(facts.ownerId, used.hash, as)
      return found ?? (await make({ ...used, mimetype }, facts, as, signal, () => media.keep(used, facts)))
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

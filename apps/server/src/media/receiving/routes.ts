import { Readable } from 'node:stream'

import { type DataOf, endpoints, HubError, isoOf } from '@inbox-hub/contract'

import type { Clock } from '../../platform/clock.ts'
import type { Http } from '../../platform/http/index.ts'
import type { Sessions } from '../../sessions/index.ts'
import type { Media } from '../index.ts'
import { messageOfLink } from '../message-links.ts'
import { shownName } from '../media-rows.ts'
import type { MessageFiles } from './message-files.ts'

export interface MessageFileRoutesDeps {
  media: Pick<Media, 'links'>
  files: MessageFiles
  /** Finds the message that an id in a path means. */
  finder: { find(sessionIds: readonly number[], id: string): Promise<{ id: number } | undefined> }
  sessions: Pick<Sessions, 'find'>
  clock: Clock
}

const mebibyte = 1024 * 1024
/** How long an answer waits for a file: clients give up after 30 s. */
const waitMs = 20_000

/** The files of messages: what is fetched by itself, and what is asked for. */
export function messageFileRoutes(
  http: Pick<Http, 'serve'>,
  { media, files, finder, sessions, clock }: MessageFileRoutesDeps,
): void {
  const numberOf = (ownerId: number, ref: string) => sessions.find(ownerId, ref, 'name_first').id

  http.serve(endpoints.openThumbnailLink, async ({ params, query }) => {
    const given = { expires: query.expires, signature: query.signature }
    if (!media.links.isGood(params.mediaId, given, clock.now(), 'thumbnails'))
      throw new HubError('MEDIA_LINK_INVALID')
    const messageId = messageOfLink(params.mediaId)
    const bytes = messageId === undefined ? undefined : await files.thumbnail(messageId)
    if (bytes === undefined) throw new HubError('MEDIA_NOT_FOUND')
    return {
      raw: Readable.from([Buffer.from(bytes)]),
      type: 'image/jpeg',
      headers: {
        'content-length': String(bytes.length),
        'cache-control': 'private, max-age=86400, immutable',
      },
    }
  })

  http.serve(endpoints.getMessageMedia, async ({ params, ownerId, baseUrl, signal }) => {
    const sessionId = numberOf(ownerId, params.sessionId)
    const message = await finder.find([sessionId], params.messageId)
    if (message === undefined) throw new HubError('MESSAGE_NOT_FOUND')
    const row = await files.ready(message.id, { waitMs, signal })
    const url = files.links.fileOf(message.id, baseUrl)
    const hasThumbnail = (await files.thumbnail(message.id)) !== undefined
    return {
      data: {
        url,
        media_url: url,
        urlExpiresAt: isoOf(files.links.expiresAt()),
        thumbnailUrl: hasThumbnail ? files.links.thumbnailOf(message.id, baseUrl) : null,
        mediaId: row.id,
        filename: shownName(row),
        mimetype: row.mimetype,
        filesize: row.size,
        sha256: row.hash,
      },
    }
  })

  http.serve(endpoints.getMediaDownloads, async ({ params, ownerId }) => ({
    data: { downloads: downloadsWire(numberOf(ownerId, params.sessionId)) },
  }))
  http.serve(endpoints.setMediaDownloads, async ({ params, body, ownerId }) => {
    const sessionId = numberOf(ownerId, params.sessionId)
    const { kinds, maxMb } = body
    const before = files.policies.of(sessionId)
    const isUsual = kinds === undefined && maxMb === undefined
    await files.policies.set(
      sessionId,
      isUsual
        ? undefined
        : {
            kinds: kinds ?? before.kinds,
            maxBytes: maxMb === undefined ? before.maxBytes : Math.round(maxMb * mebibyte),
          },
    )
    return { data: { downloads: downloadsWire(sessionId) }, message: 'downloads_set' }
  })

  function downloadsWire(sessionId: number): DataOf<typeof endpoints.getMediaDownloads>['downloads'] {
    const { kinds, maxBytes } = files.policies.of(sessionId)
    return { kinds: [...kinds], maxMb: maxBytes / mebibyte, isDefault: !files.policies.hasOwn(sessionId) }
  }
}

import {
  type DataOf,
  endpoints,
  HubError,
  isoOf,
  issueText,
  type MediaFileWire,
  type MediaKind,
  mediaKinds,
  offsetOf,
  paginationOf,
} from '@inbox-hub/contract'

import type { Draft } from '../platform/blobs/index.ts'
import type { Clock } from '../platform/clock.ts'
import type { Database } from '../platform/database/index.ts'
import type { ApiRequest, Http, RawAnswer } from '../platform/http/index.ts'
import type { Sessions } from '../sessions/index.ts'
import { wantedOf } from './byte-range.ts'
import { contentDisposition } from './file-name.ts'
import type { Media } from './index.ts'
import { messageOfLink } from './message-links.ts'
import { type MediaFilter, pageOfMedia, tallyOfMedia } from './media-list.ts'
import { type MediaRow, shownName, usageOf } from './media-rows.ts'
import { fromClient, isMultipart } from './multipart.ts'

export interface MediaRoutesDeps {
  database: Database
  media: Media
  /** The file of a message, by our number of it; fetched when it is not here. */
  fileOfMessage: (messageId: number, signal: AbortSignal) => Promise<MediaRow>
  sessions: Pick<Sessions, 'find'>
  clock: Clock
}

/** Shown in a browser as what they are; everything else is saved. Nothing here can run: no HTML, SVG, XML or PDF. */
const shown =
  /^(image\/(jpeg|png|gif|webp|bmp|avif)|video\/(mp4|webm|quicktime|3gpp|mpeg)|audio\/[\w.-]+(; codecs=opus)?)$/

export function mediaRoutes(
  http: Pick<Http, 'serve'>,
  { database, media, fileOfMessage, sessions, clock }: MediaRoutesDeps,
): void {
  const numberOf = (ownerId: number, ref: string) => sessions.find(ownerId, ref, 'name_first').id

  function wire(row: MediaRow, baseUrl: string): MediaFileWire {
    const urlExpiresAt = clock.now() + media.settings.linkMs
    const expiresAt = media.expiryOf(row)
    return {
      mediaId: row.id,
      fileId: row.id,
      type: row.kind,
      filename: shownName(row),
      originalName: row.file_name,
      mimeType: row.mimetype,
      declaredMimeType: row.declared_type,
      size: row.size,
      sha256: row.hash,
      url: media.links.linkTo(baseUrl, row.id, urlExpiresAt),
      urlExpiresAt: isoOf(urlExpiresAt),
      thumbnailUrl: null,
      createdAt: isoOf(row.created_at),
      lastUsedAt: isoOf(row.used_at),
      expiresAt: expiresAt === undefined ? null : isoOf(expiresAt),
    }
  }

  type Upload = ApiRequest<typeof endpoints.uploadMedia>

  async function upload(request: Upload, sessionId: number | undefined) {
    const { bytes, contentType, contentLength: announced, query, ownerId, signal, baseUrl } = request
    let draft: Draft
    let given: { fileName?: string | undefined; declaredType: string; kind: MediaKind | undefined }
    if (isMultipart(contentType)) {
      const form = await media.receiveForm(request)
      draft = form.draft
      given = {
        fileName: query.fileName ?? (form.fields['fileName'] || form.fileName),
        declaredType: form.contentType,
        kind: query.type ?? kindIn(form.fields['type']),
      }
    } else {
      if (/^\s*application\/(json|x-www-form-urlencoded)\b/i.test(contentType))
        throw new HubError('UNSUPPORTED_MEDIA_TYPE')
      draft = await fromClient(media.receive(bytes, { signal, announced }))
      given = { fileName: query.fileName, declaredType: contentType, kind: query.type }
    }
    const row = await media.keep(draft, { ownerId, sessionId, source: 'upload', ...given })
    return { data: wire(row, baseUrl), message: 'media_uploaded' } as const
  }

  http.serve(endpoints.uploadMedia, (request) => upload(request, undefined))
  http.serve(endpoints.uploadSessionMedia, (request) =>
    upload(request, numberOf(request.ownerId, request.params.sessionId)),
  )

  http.serve(endpoints.importMedia, async ({ body, ownerId, language, signal, baseUrl }) => {
    const { url, base64, fileName, type: kind } = body
    if ((url === undefined) === (base64 === undefined))
      throw new HubError('VALIDATION_ERROR', { url: issueText('url_or_base64', language) })
    const sessionId = body.sessionId === undefined ? undefined : numberOf(ownerId, body.sessionId)
    const facts = { ownerId, sessionId, fileName, declaredType: body.mimetype, kind }
    if (url !== undefined) {
      const row = await media.importUrl(url, facts, { signal })
      return { data: wire(row, baseUrl), message: 'media_uploaded' }
    }
    const received = await media.receiveBase64(base64 ?? '', { signal })
    if (received === undefined)
      throw new HubError('VALIDATION_ERROR', { base64: issueText('not_base64', language) })
    const { draft } = received
    const declaredType = body.mimetype ?? received.type
    const row = await media.keep(draft, { ...facts, declaredType, source: 'base64' })
    return { data: wire(row, baseUrl), message: 'media_uploaded' }
  })

  async function list(
    filter: MediaFilter,
    query: { page: number; limit: number },
    baseUrl: string,
  ): Promise<{ data: DataOf<typeof endpoints.listMedia> }> {
    const { page, limit } = query
    const { rows, total } = await pageOfMedia(database, filter, { limit, offset: offsetOf(query) })
    const files = rows.map((row) => wire(row, baseUrl))
    return { data: { files, pagination: paginationOf(total, page, limit), total } }
  }

  http.serve(endpoints.listMedia, ({ params, query, ownerId, baseUrl }) =>
    list(
      { sessionId: numberOf(ownerId, params.sessionId), kind: query.type, named: undefined },
      query,
      baseUrl,
    ),
  )
  http.serve(endpoints.searchMedia, ({ params, query, ownerId, baseUrl }) =>
    list(
      { sessionId: numberOf(ownerId, params.sessionId), kind: query.type, named: query.q },
      query,
      baseUrl,
    ),
  )

  http.serve(endpoints.mediaStats, async ({ params, ownerId }) => {
    const tally = await tallyOfMedia(database, numberOf(ownerId, params.sessionId))
    const owned = (await usageOf.first(database, { ownerId })) ?? { files: 0, bytes: 0 }
    return {
      data: {
        stats: {
          files: tally.reduce((sum, { files }) => sum + files, 0),
          bytes: tally.reduce((sum, { bytes }) => sum + bytes, 0),
          byType: Object.fromEntries(tally.map(({ kind, files, bytes }) => [kind, { files, bytes }])),
          owner: { ...owned, quotaBytes: media.settings.quotaBytes ?? null },
        },
      },
    }
  })

  http.serve(endpoints.getMedia, async ({ params, ownerId, baseUrl }) => ({
    data: wire(await media.find(ownerId, params.mediaId), baseUrl),
  }))

  http.serve(endpoints.deleteMedia, async ({ params, ownerId }) => {
    const row = await media.find(ownerId, params.mediaId)
    await media.remove(row)
    return { data: { mediaId: row.id, deleted: true as const }, message: 'media_deleted' }
  })

  async function bytesOf(
    row: MediaRow,
    { headers, signal }: Pick<ApiRequest<typeof endpoints.downloadMedia>, 'headers' | 'signal'>,
  ): Promise<RawAnswer> {
    const etag = `"${row.hash}"`
    const isShown = shown.test(row.mimetype)
    const common = {
      etag,
      'accept-ranges': 'bytes',
      // What stands under an id never changes; who may see it does.
      'cache-control': 'private, max-age=3600, immutable',
      'content-disposition': contentDisposition(isShown ? 'inline' : 'attachment', shownName(row)),
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
    }
    const type = isShown ? row.mimetype : 'application/octet-stream'
    if (
      headers['if-none-match']?.split(',').some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, '')))
    )
      return { raw: '', type, status: 304, headers: common }

    // Of another version than the one that is here, a part would not fit.
    const isSame = headers['if-range'] === undefined || headers['if-range'].trim() === etag
    const wanted = wantedOf(isSame ? headers.range : undefined, row.size)
    if (wanted.kind === 'refused')
      throw new HubError('RANGE_NOT_SATISFIABLE', {}, { headers: { 'content-range': `bytes */${row.size}` } })
    if (wanted.kind === 'all') {
      const raw = await media.open(row, { signal })
      return { raw, type, headers: { ...common, 'content-length': String(row.size) } }
    }
    const { start, end } = wanted.range
    return {
      raw: await media.open(row, { range: wanted.range, signal }),
      type,
      status: 206,
      headers: {
        ...common,
        'content-range': `bytes ${start}-${end}/${row.size}`,
        'content-length': String(end - start + 1),
      },
    }
  }

  http.serve(endpoints.downloadMedia, async (request) =>
    bytesOf(await media.find(request.ownerId, request.params.mediaId), request),
  )
  http.serve(endpoints.openMediaLink, async (request) => {
    const { params, query } = request
    const given = { expires: query.expires, signature: query.signature }
    // Before the file is looked for: without a good signature nobody learns which ids there are.
    if (!media.links.isGood(params.mediaId, given, clock.now())) throw new HubError('MEDIA_LINK_INVALID')
    const messageId = messageOfLink(params.mediaId)
    const row =
      messageId === undefined
        ? await media.findLinked(params.mediaId)
        : await fileOfMessage(messageId, request.signal)
    return await bytesOf(row, request)
  })
}

function kindIn(text: string | undefined): MediaKind | undefined {
  return mediaKinds.find((kind) => kind === text)
}

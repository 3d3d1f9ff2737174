import { mediaKinds as fileKinds } from '@inbox-hub/whatsapp'
import { z } from 'zod'

import { isoSchema, paginationSchema } from './answers.ts'
import { endpoint } from './endpoint.ts'
import { limit, maybe, page, sessionRef, text } from './fields.ts'

const tag = 'Media'

/** What WhatsApp would send a file as. */
export const mediaKinds = ['image', 'video', 'audio', 'document', 'sticker'] as const
export type MediaKind = (typeof mediaKinds)[number]

/** The most bytes that an import in base64 may have: larger files are uploaded, which is streamed. */
export const maxBase64Bytes = 16 * 1024 * 1024
export const maxBase64Chars = Math.ceil(maxBase64Bytes / 3) * 4 + 4096

const mediaId = z.string().min(1).max(100).meta({
  description: 'The `mediaId` of a file.',
  example: 'q1N8bJp0R9yXw2Zt5uVc3A',
})
const fileName = maybe(text(1, 255)).meta({
  description: 'How the file is called; path and control characters are dropped.',
  example: 'invoice.pdf',
})
const kind = maybe(z.enum(mediaKinds)).meta({
  description: 'What to treat the file as; refused when its bytes say otherwise. Not given: by its bytes.',
})

const fileSchema = z
  .object({
    mediaId: z.string().meta({ description: 'What to send it by.' }),
    fileId: z.string().meta({ description: 'The same.' }),
    type: z.enum(mediaKinds),
    filename: z.string().meta({ description: 'Never empty, and safe as the name of a file.' }),
    originalName: z.string().meta({ description: 'As it was given, without path; empty when it was not.' }),
    mimeType: z.string().meta({ description: 'As its bytes say, else as declared.', example: 'image/png' }),
    declaredMimeType: z.string().nullable().meta({ description: 'As whoever gave it said.' }),
    size: z.int().meta({ description: 'Bytes.' }),
    sha256: z.string().meta({ description: 'Of its bytes, hex.' }),
    url: z.string().meta({ description: 'Where to fetch it without a key, until `urlExpiresAt`.' }),
    urlExpiresAt: isoSchema,
    thumbnailUrl: z.string().nullable().meta({ description: 'null: none is made.' }),
    createdAt: isoSchema,
    lastUsedAt: isoSchema.meta({ description: 'Exact to an hour.' }),
    expiresAt: isoSchema
      .nullable()
      .meta({ description: 'When it is removed unless it is used again; null: never.' }),
  })
  .meta({ id: 'MediaFile' })
export type MediaFileWire = z.input<typeof fileSchema>

const uploadErrors = [
  'FILE_TOO_LARGE',
  'FILE_EMPTY',
  'FILE_TYPE_MISMATCH',
  'MEDIA_QUOTA_EXCEEDED',
  'MEDIA_STORE_UNAVAILABLE',
] as const

const uploadDescription =
  'Either `multipart/form-data` with one file in it, in any field, and `type` and `fileName` as further fields; or the bytes themselves as the body, with their type as `Content-Type`, and `type` and `fileName` in the query. What arrives is streamed: it is never held in memory. JSON files go by multipart, because JSON as a body is nearly always meant for `POST /api/media/import`.'

const uploadQuery = z.object({ type: kind, fileName })

const uploadMedia = endpoint({
  id: 'uploadMedia',
  method: 'POST',
  path: '/api/media',
  tag,
  summary: 'Upload a file',
  description: uploadDescription,
  query: uploadQuery,
  input: 'bytes',
  status: 201,
  data: fileSchema,
  errors: uploadErrors,
})

const uploadSessionMedia = endpoint({
  id: 'uploadSessionMedia',
  method: 'POST',
  path: '/api/media/sessions/:sessionId/upload',
  tag,
  summary: 'Upload a file that belongs to a session',
  description: uploadDescription,
  params: z.object({ sessionId: sessionRef }),
  query: uploadQuery,
  input: 'bytes',
  status: 201,
  data: fileSchema,
  errors: ['SESSION_NOT_FOUND', ...uploadErrors],
})

const importMedia = endpoint({
  id: 'importMedia',
  method: 'POST',
  path: '/api/media/import',
  tag,
  summary: 'Fetch a file from an address, or take it from base64',
  description: `Either \`url\` or \`base64\` (at most ${maxBase64Bytes / 1024 / 1024} MiB of file; larger ones are uploaded). An address is asked from the hub's own network, so only public ones are, on ports 80 and 443, unless \`OUTBOUND_ALLOW_CIDRS\` says more; each of at most three redirects is judged again.`,
  maxBodyBytes: maxBase64Chars + 16 * 1024,
  body: z.object({
    // What is no web address at all is refused like one inside: both are MEDIA_URL_REFUSED.
    url: maybe(z.string().trim().max(4096)).meta({ example: 'https://files.example.com/invoice.pdf' }),
    base64: maybe(z.string().max(maxBase64Chars)).meta({
      description: 'The bytes, also as a data URL (`data:image/png;base64,…`).',
    }),
    fileName,
    mimetype: maybe(text(1, 200)).meta({ example: 'application/pdf' }),
    type: kind,
    sessionId: maybe(sessionRef),
  }),
  status: 201,
  data: fileSchema,
  errors: ['SESSION_NOT_FOUND', 'MEDIA_URL_REFUSED', 'MEDIA_URL_FAILED', ...uploadErrors],
})

const listQuery = z.object({ page, limit: limit(50), type: kind })
const filesData = z.object({ files: z.array(fileSchema), pagination: paginationSchema, total: z.int() })

const listMedia = endpoint({
  id: 'listMedia',
  method: 'GET',
  path: '/api/media/sessions/:sessionId',
  tag,
  summary: 'List the files of a session, newest first',
  params: z.object({ sessionId: sessionRef }),
  query: listQuery,
  data: filesData,
  errors: ['SESSION_NOT_FOUND'],
})

const searchMedia = endpoint({
  id: 'searchMedia',
  method: 'GET',
  path: '/api/media/sessions/:sessionId/search',
  tag,
  summary: 'Find files of a session by their name, newest first',
  description: 'Accents and capitals do not matter.',
  params: z.object({ sessionId: sessionRef }),
  query: listQuery.extend({ q: text(1, 200) }),
  data: filesData,
  errors: ['SESSION_NOT_FOUND'],
})

const mediaStats = endpoint({
  id: 'mediaStats',
  method: 'GET',
  path: '/api/media/sessions/:sessionId/stats',
  tag,
  summary: 'How many files a session has, and how much room its owner has left',
  params: z.object({ sessionId: sessionRef }),
  data: z.object({
    stats: z.object({
      files: z.int(),
      bytes: z.int(),
      byType: z.partialRecord(z.enum(mediaKinds), z.object({ files: z.int(), bytes: z.int() })),
      owner: z.object({
        files: z.int(),
        bytes: z.int(),
        quotaBytes: z.int().nullable().meta({ description: 'null: without limit.' }),
      }),
    }),
  }),
  errors: ['SESSION_NOT_FOUND'],
})

const getMedia = endpoint({
  id: 'getMedia',
  method: 'GET',
  path: '/api/media/:mediaId',
  tag,
  summary: 'See what a file is, and get a fresh link to it',
  params: z.object({ mediaId }),
  data: fileSchema,
  errors: ['MEDIA_NOT_FOUND'],
})

const deleteMedia = endpoint({
  id: 'deleteMedia',
  method: 'DELETE',
  path: '/api/media/:mediaId',
  tag,
  summary: 'Remove a file; its links end at once',
  params: z.object({ mediaId }),
  data: z.object({ mediaId: z.string(), deleted: z.literal(true) }),
  errors: ['MEDIA_NOT_FOUND'],
})

const downloadHeaders = z.object({
  range: maybe(z.string().max(200)).meta({ description: 'One range of bytes; several are refused (416).' }),
  'if-range': maybe(z.string().max(200)),
  'if-none-match': maybe(z.string().max(1000)),
})
const downloadErrors = [
  'MEDIA_NOT_FOUND',
  'RANGE_NOT_SATISFIABLE',
  'MEDIA_DAMAGED',
  'MEDIA_STORE_UNAVAILABLE',
] as const
const bytes = [
  { type: 'application/octet-stream', description: 'The bytes, under the media type of the file' },
] as const
const downloadDescription =
  'Answers 206 to a range, 304 to a known `ETag`. What a browser could run is an attachment of type `application/octet-stream`, and nothing is sniffed. An answer that breaks off was damaged in the store: its last bytes are not sent.'

const downloadMedia = endpoint({
  id: 'downloadMedia',
  method: 'GET',
  path: '/api/media/:mediaId/download',
  tag,
  summary: 'The bytes of a file',
  description: downloadDescription,
  params: z.object({ mediaId }),
  headers: downloadHeaders,
  json: false,
  alternatives: bytes,
  errors: downloadErrors,
})

/** A link to the file of a message has it fetched first. */
const messageFileErrors = [
  'MEDIA_EXPIRED',
  'MEDIA_REJECTED',
  'MEDIA_NOT_READY',
  'FILE_TOO_LARGE',
  'MEDIA_QUOTA_EXCEEDED',
] as const

const openMediaLink = endpoint({
  id: 'openMediaLink',
  method: 'GET',
  path: '/api/media/files/:mediaId',
  tag,
  auth: 'none',
  bucket: 'none',
  summary: 'The bytes of a file, by its signed link',
  description: `The \`url\` of a file, or of a message: then the file is fetched from WhatsApp first if need be, for at most 25 s. It needs no key and ends by itself. ${downloadDescription}`,
  params: z.object({ mediaId }),
  query: z.object({
    expires: maybe(z.string().max(20)),
    signature: maybe(z.string().max(100)),
  }),
  headers: downloadHeaders,
  json: false,
  alternatives: bytes,
  errors: ['MEDIA_LINK_INVALID', ...messageFileErrors, ...downloadErrors],
})

const openThumbnailLink = endpoint({
  id: 'openThumbnailLink',
  method: 'GET',
  path: '/api/media/thumbnails/:mediaId',
  tag,
  auth: 'none',
  bucket: 'none',
  summary: 'A small picture of a file, by its signed link',
  description:
    'The `thumbnailUrl` of a message: the JPEG that came in it. It needs no key and ends by itself.',
  params: z.object({ mediaId }),
  query: z.object({
    expires: maybe(z.string().max(20)),
    signature: maybe(z.string().max(100)),
  }),
  json: false,
  alternatives: [{ type: 'image/jpeg', description: 'The picture' }],
  errors: ['MEDIA_LINK_INVALID', 'MEDIA_NOT_FOUND'],
})

const downloadsSchema = z
  .object({
    kinds: z
      .array(z.enum(fileKinds))
      .meta({ description: 'Kinds of messages whose files are fetched as they arrive.' }),
    maxMb: z.number().meta({ description: 'Larger files, in MiB, wait to be asked for.' }),
    isDefault: z.boolean().meta({ description: 'As the operator set it for all sessions.' }),
  })
  .meta({ id: 'MediaDownloads' })

const getMediaDownloads = endpoint({
  id: 'getMediaDownloads',
  method: 'GET',
  path: '/api/media/sessions/:sessionId/downloads',
  tag,
  summary: 'Which files of a session are fetched as they arrive',
  params: z.object({ sessionId: sessionRef }),
  data: z.object({ downloads: downloadsSchema }),
  errors: ['SESSION_NOT_FOUND'],
})

const setMediaDownloads = endpoint({
  id: 'setMediaDownloads',
  method: 'PUT',
  path: '/api/media/sessions/:sessionId/downloads',
  tag,
  summary: 'Say which files of a session are fetched as they arrive',
  description:
    'The others are fetched when somebody asks for them. `kinds: []` fetches none by itself; `{}` does as for all sessions (`MEDIA_AUTO_DOWNLOAD`). Holds for files that arrive from now on.',
  params: z.object({ sessionId: sessionRef }),
  body: z.object({
    kinds: maybe(z.array(z.enum(fileKinds)).max(fileKinds.length)),
    maxMb: maybe(z.number().min(0).max(5120)),
  }),
  data: z.object({ downloads: downloadsSchema }),
  errors: ['SESSION_NOT_FOUND'],
})

export const mediaEndpoints = {
  uploadMedia,
  uploadSessionMedia,
  importMedia,
  listMedia,
  searchMedia,
  mediaStats,
  getMedia,
  downloadMedia,
  deleteMedia,
  openMediaLink,
  openThumbnailLink,
  getMediaDownloads,
  setMediaDownloads,
}

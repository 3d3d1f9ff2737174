import type { AskedFile, FileSource } from '@inbox-hub/whatsapp'
import { z } from 'zod'

import type { ErrorCode } from './errors/index.ts'
import { bool, issue, maybe, text } from './fields.ts'
import { maxBase64Chars } from './media.ts'

/*
 * Files to send. In the strict form the source stands beside the rest (`{"kind": "image", "url": "…", "caption": "…"}`); in the loose one
 * it is the value of the key that says the kind (`{"image": {"url": "…"}, "caption": "…"}`).
 */

export const caption = text(0, 1024)

export const source = {
  url: maybe(z.string().trim().max(4096)).meta({
    description: 'Where to fetch it; 15 seconds, and only from public addresses.',
  }),
  mediaId: maybe(z.string().max(100)).meta({ description: 'Of a file that was uploaded before.' }),
  base64: maybe(z.string().max(maxBase64Chars)).meta({
    description: 'The bytes, also as a data URL. Up to 16 MiB of file; larger ones are uploaded.',
  }),
  path: maybe(z.string().max(1024)).meta({
    description: 'A file inside `MEDIA_UPLOAD_DIR` of the server, by its path there.',
  }),
  upload: maybe(z.literal(true)).meta({ description: 'The file of the form, in `multipart/form-data`.' }),
}
export const named = {
  fileName: maybe(text(1, 255)).meta({ example: 'invoice.pdf' }),
  mimetype: maybe(text(1, 200)).meta({ description: 'Where its bytes leave open what it is.' }),
}

const sources = ['url', 'mediaId', 'base64', 'path', 'upload'] as const
export const oneSource = (form: Partial<Record<(typeof sources)[number], unknown>>): boolean =>
  sources.filter((name) => form[name] !== undefined).length === 1
export const needsOne = { path: ['url'], ...issue('one_source') }

/** What a body that may be a file says of it, beside what else it says. */
export const fileFields = { caption: maybe(caption), ...source, ...named }

/** Which of `fileFields` say where the file comes from. */
export const givenSources = (fields: Readonly<Record<string, unknown>>): readonly string[] =>
  sources.filter((name) => isGiven(fields[name]))

/** A body whose file is written as `{"image": {"url": "…"}}`, with that in its `fileFields` and `type` saying what it is. */
export function withFlatFile(body: unknown): unknown {
  if (!isObject(body)) return body
  for (const [key, formOf] of Object.entries(looseFiles)) {
    if (!isGiven(body[key])) continue
    const { kind, ...file } = formOf(body[key], body) as Loose
    return { ...body, ...file, type: body['type'] ?? kind }
  }
  return body
}

/** What can be wrong with a file that is to be sent. */
export const fileToSendErrors = [
  'MEDIA_NOT_FOUND',
  'MEDIA_URL_REFUSED',
  'MEDIA_URL_FAILED',
  'MEDIA_PATH_REFUSED',
  'MEDIA_BROKEN',
  'MEDIA_DIMENSIONS_TOO_LARGE',
  'MEDIA_CONVERSION_UNAVAILABLE',
  'MEDIA_CONVERSION_TOO_SLOW',
  'MEDIA_DAMAGED',
  'FILE_TOO_LARGE',
  'FILE_EMPTY',
  'FILE_TYPE_MISMATCH',
  'MEDIA_QUOTA_EXCEEDED',
  'MEDIA_STORE_UNAVAILABLE',
] as const satisfies readonly ErrorCode[]

const imageForm = z
  .object({ kind: z.literal('image'), ...source, caption: maybe(caption), viewOnce: maybe(bool()), ...named })
  .refine(oneSource, needsOne)
  .meta({
    id: 'SendImage',
    description:
      'A picture: JPEG and PNG as they are, WebP, GIF, BMP and TIFF as JPEG. Loosely: `{"image": {"url": "…"}, "caption": "…"}`.',
  })
const videoForm = z
  .object({ kind: z.literal('video'), ...source, caption: maybe(caption), viewOnce: maybe(bool()), ...named })
  .refine(oneSource, needsOne)
  .meta({
    id: 'SendVideo',
    description: 'A video, made MP4 with H.264 if it is not. Loosely: `{"video": {"url": "…"}}`.',
  })
const gifForm = z
  .object({ kind: z.literal('gif'), ...source, caption: maybe(caption), ...named })
  .refine(oneSource, needsOne)
  .meta({
    id: 'SendGif',
    description:
      'A GIF or video that plays by itself, without sound. Loosely: `{"gif": {…}}`, or `"gifPlayback": true` beside `video`.',
  })
const videoNoteForm = z
  .object({ kind: z.literal('video_note'), ...source, ...named })
  .refine(oneSource, needsOne)
  .meta({
    id: 'SendVideoNote',
    description: 'A round video, cut to a square. Loosely: `"ptv": true` beside `video`.',
  })
const audioForm = z
  .object({ kind: z.literal('audio'), ...source, ...named })
  .refine(oneSource, needsOne)
  .meta({
    id: 'SendAudio',
    description:
      'A sound to listen to: MP3, M4A, AAC, AMR and OGG with Opus as they are, others as M4A. Loosely: `{"audio": {…}}`.',
  })
const voiceForm = z
  .object({ kind: z.literal('voice'), ...source, viewOnce: maybe(bool()), ...named })
  .refine(oneSource, needsOne)
  .meta({
    id: 'SendVoice',
    description:
      'A voice note, made of any sound or video, with its waveform. Loosely: `{"audio": {…}, "ptt": true}`, `{"voice": {…}}`, or `"type": "voice"` beside `audio`.',
  })
const documentForm = z
  .object({ kind: z.literal('document'), ...source, caption: maybe(caption), ...named })
  .refine(oneSource, needsOne)
  .meta({
    id: 'SendDocument',
    description: 'Any file, as it is. Loosely: `{"document": {"url": "…"}, "fileName": "invoice.pdf"}`.',
  })
const stickerForm = z
  .object({ kind: z.literal('sticker'), ...source, ...named })
  .refine(oneSource, needsOne)
  .meta({
    id: 'SendSticker',
    description:
      'A sticker, made 512×512 WebP of a picture, GIF or video; the latter two move. Loosely: `{"sticker": {…}}`.',
  })

const anyFileForm = z
  .object({ kind: z.literal('file'), ...source, caption: maybe(caption), viewOnce: maybe(bool()), ...named })
  .refine(oneSource, needsOne)
  .meta({
    id: 'SendFile',
    description: 'A file as what its bytes say: a picture, a video, a sound, else a document.',
  })

export const fileForms = [
  anyFileForm,
  imageForm,
  videoForm,
  gifForm,
  videoNoteForm,
  audioForm,
  voiceForm,
  documentForm,
  stickerForm,
] as const
type FileForm = z.output<(typeof fileForms)[number]>

export const fileKinds = [
  'file',
  'image',
  'video',
  'gif',
  'video_note',
  'audio',
  'voice',
  'document',
  'sticker',
] as const satisfies readonly FileForm['kind'][]

type Loose = Readonly<Record<string, unknown>>

/** What each key of a loose form stands for. */
export const looseFiles: Readonly<Record<string, (value: unknown, message: Loose) => unknown>> = {
  image: (value, message) => ({ ...fileIn(value, message), kind: 'image' }),
  video: (value, message) => ({ ...fileIn(value, message), kind: videoKind(value, message) }),
  gif: (value, message) => ({ ...fileIn(value, message), kind: 'gif' }),
  ptv: (value, message) => ({ ...fileIn(value, message), kind: 'video_note' }),
  videoNote: (value, message) => ({ ...fileIn(value, message), kind: 'video_note' }),
  voice: (value, message) => ({ ...fileIn(value, message), kind: 'voice' }),
  audio: (value, message) => ({
    ...fileIn(value, message),
    kind: isYes(flag('ptt', value, message)) ? 'voice' : 'audio',
  }),
  document: (value, message) => ({ ...fileIn(value, message), kind: 'document' }),
  sticker: (value, message) => ({ ...fileIn(value, message), kind: 'sticker' }),
  file: (value, message) => ({ ...fileIn(value, message), kind: 'file' }),
}

/**
 * The body of a send whose message stands partly beside it: a `mediaId` or the file of a form (`upload`) with the caption as `message`, `type`
 * saying that a sound is a voice note. Where `message` says it itself, that decides.
 */
export function withFile(body: unknown): unknown {
  if (!isObject(body)) return body
  const { message, mediaId, upload, type } = body
  const word = typeof type === 'string' ? type.trim().toLowerCase() : ''
  const file = isGiven(mediaId) && mediaId !== '' ? { mediaId } : upload === true ? { upload } : undefined
  if (file !== undefined) {
    const around = isObject(message) ? message : { caption: message ?? body['caption'] }
    const { fileName, mimetype, viewOnce } = body
    const beside = { kind: kindOfWord(word), fileName, mimetype, viewOnce }
    return { ...body, message: { ...beside, ...around, ...file } }
  }
  const isVoice = kindOfWord(word) === 'voice'
  if (!isVoice || !isObject(message) || message['kind'] !== undefined || message['audio'] === undefined)
    return body
  return { ...body, message: { ptt: true, ...message } }
}

/** What `type` means for a file; `file` when it says nothing about one. */
function kindOfWord(word: string): FileForm['kind'] {
  const known = fileKinds.find((kind) => kind === word)
  if (known !== undefined) return known
  if (word === 'ptt') return 'voice'
  return word === 'ptv' ? 'video_note' : 'file'
}

/** A file somebody wrote as an object, as an address, or as its bytes. */
function fileIn(value: unknown, message: Loose): Loose {
  const beside = {
    caption: message['caption'] ?? message['text'],
    fileName: message['fileName'] ?? message['filename'],
    mimetype: message['mimetype'] ?? message['mimeType'],
    viewOnce: message['viewOnce'],
  }
  if (typeof value === 'string')
    return { ...beside, ...(/^https?:/i.test(value) ? { url: value } : { base64: value }) }
  if (!isObject(value)) return beside
  const { buffer, base64, data, filename, mimeType, ...rest } = value
  return {
    ...beside,
    base64: base64 ?? bytesOf(buffer) ?? bytesOf(data),
    ...(isGiven(filename) && { fileName: filename }),
    ...(isGiven(mimeType) && { mimetype: mimeType }),
    // What is not given inside does not take away what is given beside it.
    ...Object.fromEntries(Object.entries(rest).filter(([, inside]) => isGiven(inside))),
  }
}

/** A buffer is base64, or what Node's `Buffer` becomes in JSON. */
function bytesOf(value: unknown): unknown {
  if (!isObject(value) || value['type'] !== 'Buffer' || !Array.isArray(value['data'])) return value
  const bytes: readonly unknown[] = value['data']
  const isByte = (byte: unknown): byte is number =>
    Number.isInteger(byte) && Number(byte) >= 0 && Number(byte) < 256
  return bytes.every(isByte) ? btoa(bytes.map((byte) => String.fromCharCode(byte)).join('')) : value
}

function videoKind(value: unknown, message: Loose): string {
  if (isYes(flag('ptv', value, message))) return 'video_note'
  return isYes(flag('gifPlayback', value, message)) ? 'gif' : 'video'
}

function flag(name: string, value: unknown, message: Loose): unknown {
  return message[name] ?? (isObject(value) ? value[name] : undefined)
}

function isYes(value: unknown): boolean {
  return bool().safeParse(value).data === true
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null
}

function isObject(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What all forms of a file have in common. */
type AnyForm = { kind: FileForm['kind'] } & {
  [Name in 'url' | 'mediaId' | 'base64' | 'path' | 'caption' | 'fileName' | 'mimetype']?: string | undefined
} & { viewOnce?: boolean | undefined }

export function askedFile(form: AnyForm): AskedFile {
  const { kind, caption: said = '', fileName, mimetype, viewOnce } = form
  return {
    kind,
    text: said,
    file: sourceOf(form),
    ...(fileName !== undefined && { name: fileName }),
    ...(mimetype !== undefined && { mimetype }),
    ...(viewOnce === true && { viewOnce: true }),
  }
}

/** Of fields that name one source. */
export function sourceOf({
  url,
  mediaId,
  base64,
  path,
}: Pick<AnyForm, 'url' | 'mediaId' | 'base64' | 'path'>): FileSource {
  if (url !== undefined) return { url }
  if (mediaId !== undefined) return { mediaId }
  if (base64 !== undefined) return { base64 }
  return path === undefined ? { upload: true } : { path }
}

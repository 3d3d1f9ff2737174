import { constants } from 'node:fs'
import { open, realpath } from 'node:fs/promises'
import { isAbsolute, join, relative, sep } from 'node:path'

import { HubError } from '@inbox-hub/contract'
import type { AskedAlbum, AskedFile, FileContent, FileSource, MediaKind } from '@inbox-hub/whatsapp'

import type { Media, Rendition } from '../../media/index.ts'
import type { Draft } from '../../platform/blobs/index.ts'
import type { Clock } from '../../platform/clock.ts'
import type { FormRequest } from '../../platform/http/index.ts'

/** Bytes that came with a request, on the disk until the request is answered. To a fingerprint they are their hash. */
export class TakenFile implements AsyncDisposable {
  readonly draft: Draft
  readonly declaredType: string | undefined
  readonly fileName: string | undefined
  readonly source: 'upload' | 'base64'
  constructor(
    draft: Draft,
    facts: { declaredType: string | undefined; fileName: string | undefined; source: 'upload' | 'base64' },
  ) {
    this.draft = draft
    this.declaredType = facts.declaredType
    this.fileName = facts.fileName
    this.source = facts.source
  }

  toJSON(): string {
    return this.draft.hash
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.draft[Symbol.asyncDispose]()
  }
}

/** What is asked for, with the bytes that came with the request out of memory. */
export type TakenContent = Omit<AskedFile, 'file'> & {
  file: Exclude<FileSource, { base64: string } | { path: string } | { upload: true }> | TakenFile
}

/** The same of several pictures and videos. */
export interface TakenAlbum {
  kind: 'album'
  items: readonly TakenContent[]
}

export interface FilesDeps {
  media: Pick<Media, 'fetch' | 'receive' | 'receiveForm' | 'receiveBase64' | 'find' | 'renditions'>
  /** Where `path` leads into; undefined = nowhere. */
  uploadDir: string | undefined
  clock: Clock
}

/** The contract's limit for fetching what is to be sent, ms. */
const fetchWithinMs = 15_000
/** Of the 25 s that an answer may take, what fetching and converting may. */
const readyWithinMs = 20_000

export interface Files {
  /**
   * Takes the bytes that came with a request; what is taken is given back when `taken` is disposed. Throws VALIDATION_ERROR's kin: FILE_EMPTY,
   * FILE_TOO_LARGE, MEDIA_PATH_REFUSED, MEDIA_STORE_UNAVAILABLE.
   */
  take(asked: AskedFile, taken: AsyncDisposableStack, options: TakeOptions): Promise<TakenContent>
  /** The same for each of an album. */
  takeAlbum(asked: AskedAlbum, taken: AsyncDisposableStack, options: TakeOptions): Promise<TakenAlbum>
  /** Takes the file of a form; what it says beside it is the body. Throws VALIDATION_ERROR, and what `take` throws. */
  readForm(form: FormRequest): Promise<{ body: unknown; file: TakenFile }>
  /**
   * The message that a file becomes: fetched, converted and kept. `shownAs` says what a file of a kind becomes where not all are shown. Throws
   * what the media module throws, and what `shownAs` does.
   */
  ready(
    asked: TakenContent,
    session: { id: number; ownerId: number },
    signal: AbortSignal | undefined,
    shownAs?: (kind: MediaKind) => MediaKind,
  ): Promise<FileContent>
  /** The messages that the pictures of an album become: all, or none. Throws the same, with the place of the `item` from 1. */
  readyAlbum(
    asked: TakenAlbum,
    session: { id: number; ownerId: number },
    signal: AbortSignal | undefined,
  ): Promise<readonly FileContent[]>
}

interface TakeOptions {
  signal: AbortSignal | undefined
  /** The file of the form. */
  upload: TakenFile | undefined
  notBase64: () => HubError
}

export function createFiles({ media, uploadDir, clock }: FilesDeps): Files {
  async function bytesOf({ file, mimetype, name }: AskedFile, { signal, upload, notBase64 }: TakeOptions) {
    if ('upload' in file) {
      if (upload === undefined) throw new HubError('FILE_EMPTY')
      return upload
    }
    if ('base64' in file) {
      const received = await media.receiveBase64(file.base64, { signal })
      if (received === undefined) throw notBase64()
      const declaredType = mimetype ?? received.type
      return new TakenFile(received.draft, { declaredType, fileName: name, source: 'base64' })
    }
    if ('path' in file) {
      const { bytes, fileName, size } = await openInside(uploadDir, file.path)
      const draft = await media.receive(bytes, { signal, announced: size })
      return new TakenFile(draft, { declaredType: mimetype, fileName: name ?? fileName, source: 'upload' })
    }
    return undefined
  }

  async function rendition(
    { kind, file, name, mimetype }: TakenContent,
    { id: sessionId, ownerId }: { id: number; ownerId: number },
    signal: AbortSignal,
    shownAs: (kind: MediaKind) => MediaKind,
  ): Promise<{ as: MediaKind; made: Rendition }> {
    const facts = { ownerId, sessionId }
    if (!(file instanceof TakenFile) && 'mediaId' in file) {
      const row = await media.find(ownerId, file.mediaId)
      const ofBytes = row.mimetype === 'image/gif' && row.kind === 'image' ? 'gif' : row.kind
      const as = shownAs(kind === 'file' ? ofBytes : kind)
      return { as, made: await media.renditions.of(row, as, signal) }
    }
    const found =
      file instanceof TakenFile ? file : await media.fetch(file.url, { signal, timeoutMs: fetchWithinMs })
    const declaredType = mimetype ?? found.declaredType
    const fileName = name ?? found.fileName
    const source = file instanceof TakenFile ? file.source : 'url'
    // Also of a file that is nothing that is shown.
    await using draft = found.draft
    const as = shownAs(kind === 'file' ? media.renditions.kindOf(draft, declaredType) : kind)
    const made = await media.renditions.keep(draft, { ...facts, source, fileName, declaredType }, as, signal)
    return { as, made }
  }

  const files: Files = {
    async take(asked, taken, options) {
      const bytes = await bytesOf(asked, options)
      // Only the sources that `bytesOf` leaves.
      if (bytes === undefined) return asked as TakenContent
      taken.use(bytes)
      return { ...asked, file: bytes }
    },

    async takeAlbum({ kind, items }, taken, options) {
      const found: TakenContent[] = []
      // One after the other: each is held in memory as the text it came as.
      for (const item of items) found.push(await files.take(item, taken, options))
      return { kind, items: found }
    },

    async readForm(form) {
      const { draft, fileName, contentType: declaredType, fields } = await media.receiveForm(form)
      const facts = { declaredType, fileName: fileName || undefined, source: 'upload' } as const
      return { file: new TakenFile(draft, facts), body: bodyOf(fields) }
    },

    async ready(asked, session, signal, shownAs = (kind) => kind) {
      const late = new AbortController()
      using _timer = clock.after(readyWithinMs, () => late.abort(new HubError('MEDIA_CONVERSION_TOO_SLOW')))
      const both = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal])
      const { as, made } = await rendition(asked, session, both, shownAs)
      const { media: row, mimetype, seconds, ...facts } = made
      const name = asked.name ?? (row.file_name === '' ? undefined : row.file_name)
      return {
        kind: as,
        text: asked.text,
        media: {
          mimetype,
          ...(as === 'document' && { name: name ?? nameless(mimetype) }),
          bytes: row.size,
          sha256: Buffer.from(row.hash, 'hex').toString('base64'),
          ...facts,
          ...(seconds !== undefined && { seconds: Math.max(1, Math.round(seconds)) }),
          storedAs: row.id,
        },
        ...(asked.viewOnce === true && { viewOnce: true }),
      }
    },

    async readyAlbum({ items }, session, signal) {
      const failed = new AbortController()
      const both = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal])
      const ready = await Promise.allSettled(
        items.map(async (item, index) => {
          try {
            return await files.ready(item, session, both)
          } catch (error) {
            // The first that fails ends the others.
            failed.abort(ofItem(error, index + 1))
            throw failed.signal.reason
          }
        }),
      )
      signal?.throwIfAborted()
      failed.signal.throwIfAborted()
      return ready.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    },
  }
  return files
}

/** The same error, saying which item it is about. */
function ofItem(error: unknown, item: number): unknown {
  if (!(error instanceof HubError)) return error
  const { code, details, retryAfterMs, values } = error
  const more = { cause: error, values, ...(retryAfterMs !== undefined && { retryAfterMs }) }
  return new HubError(code, { ...details, item }, more)
}

/** What a JSON body would be: lists and objects are written as JSON in a form, or lists separated by commas. */
function bodyOf(fields: Readonly<Record<string, string>>): object {
  const { to, message, ...rest } = fields
  return {
    ...rest,
    to: to?.includes(',') === true || to?.startsWith('[') === true ? listOf(to) : to,
    message: message?.startsWith('{') === true ? jsonOf(message) : message,
    upload: true,
  }
}

function listOf(text: string): unknown {
  return text.startsWith('[') ? jsonOf(text) : text.split(',').map((part) => part.trim())
}

/** What is no JSON stays text: a caption may begin with a brace. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

/** A document without a name is shown as one without content. */
function nameless(mimetype: string): string {
  return mimetype === 'application/pdf' ? 'document.pdf' : 'document'
}

/** A regular file inside `directory`, wherever links lead. Throws MEDIA_PATH_REFUSED, without saying what there is elsewhere. */
async function openInside(directory: string | undefined, path: string) {
  const refused = (cause?: unknown): HubError => new HubError('MEDIA_PATH_REFUSED', {}, { cause })
  if (directory === undefined || path.includes('\0') || isAbsolute(path)) throw refused()
  let real: string
  let home: string
  try {
    home = await realpath(directory)
    real = await realpath(join(home, path))
  } catch (error) {
    throw refused(error)
  }
  const inside = relative(home, real)
  if (inside === '' || inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) throw refused()
  // Never a link that took its place meanwhile; never a pipe that would be waited for.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const file = await open(real, flags).catch((error: unknown) => {
    throw refused(error)
  })
  const found = await file.stat()
  if (!found.isFile()) {
    await file.close()
    throw refused()
  }
  return {
    bytes: file.createReadStream(),
    fileName: inside.slice(inside.lastIndexOf(sep) + 1),
    size: found.size,
  }
}

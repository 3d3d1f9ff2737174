import { createHash, randomUUID } from 'node:crypto'
import { mkdir, open, opendir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { bytesPassed } from '../give-back-memory.ts'
import { BlobsUnavailable } from './port.ts'

/** A whole file that is not in the store yet. Disposing removes it; one that was kept has moved on by then. */
export interface Draft extends AsyncDisposable {
  readonly path: string
  /** SHA-256, hex. */
  readonly hash: string
  /** Bytes. */
  readonly size: number
  /** Its first bytes, at most 4096: what it is shows there. */
  readonly head: Buffer
}

/** More bytes came than were allowed. */
export class DraftTooLarge extends Error {
  override readonly name = 'DraftTooLarge'
}

const headBytes = 4096

/**
 * Writes what `source` gives to a file in `directory`, hashing it on the way; on the disk when it resolves. Each chunk is written before
 * the next is asked for. Throws `DraftTooLarge` after `maxBytes`, `BlobsUnavailable` when the disk does not take it, and what `source`
 * throws; nothing is left behind then.
 */
export async function writeDraft(
  source: AsyncIterable<Uint8Array>,
  { directory, maxBytes, signal }: { directory: string; maxBytes: number; signal?: AbortSignal | undefined },
): Promise<Draft> {
  const path = join(directory, `${randomUUID()}.draft`)
  const hash = createHash('sha256')
  const head = Buffer.alloc(headBytes)
  let size = 0
  const file = await onDisk(async () => {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    // Never through a file or a link that is there already.
    return await open(path, 'wx', 0o600)
  })
  try {
    for await (const chunk of source) {
      signal?.throwIfAborted()
      if (size + chunk.length > maxBytes) throw new DraftTooLarge(`more than ${maxBytes} bytes`)
      if (size < headBytes) head.set(chunk.subarray(0, headBytes - size), size)
      hash.update(chunk)
      await onDisk(async () => {
        for (let from = 0; from < chunk.length;) from += (await file.write(chunk, from)).bytesWritten
      })
      size += chunk.length
      bytesPassed(chunk.length)
    }
    await onDisk(() => file.sync())
    await file.close()
  } catch (error) {
    await file.close().catch(() => {})
    await rm(path, { force: true })
    throw error
  }
  return {
    path,
    hash: hash.digest('hex'),
    size,
    head: head.subarray(0, Math.min(size, headBytes)),
    [Symbol.asyncDispose]: () => rm(path, { force: true }),
  }
}

/** Removes drafts that nobody wrote to since `before`, Unix ms of the system's clock: those that a process which ended in the middle left behind. */
export async function sweepDrafts(directory: string, before: number, stop: AbortSignal): Promise<void> {
  let files
  try {
    files = await opendir(directory)
  } catch {
    return // nothing was ever written
  }
  for await (const { name } of files) {
    if (stop.aborted) return
    if (!name.endsWith('.draft')) continue
    const path = join(directory, name)
    const found = await stat(path).catch(() => undefined)
    if (found !== undefined && found.mtimeMs < before) await rm(path, { force: true })
  }
}

/** Work on the local disk, its failures named. */
export async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
    throw new BlobsUnavailable(`The disk of the media store does not take files (${code}).`, remedyOf(code), {
      cause,
    })
  }
}

function remedyOf(code: string): string {
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return 'Free some space in the data directory, or lower MEDIA_RETENTION_DAYS.'
  if (code === 'EMFILE' || code === 'ENFILE') return 'Raise the limit of open files (ulimit -n).'
  return 'Let the user that runs the hub write in the directory media of the data directory.'
}

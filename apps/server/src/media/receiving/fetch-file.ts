import { HubError } from '@inbox-hub/contract'
import { type Media as FileFacts, mediaOf, type MediaKind, type MediaSource } from '@inbox-hub/whatsapp'

import type { Draft } from '../../platform/blobs/index.ts'
import type { FileAgain, Link } from '../../sessions/baileys/index.ts'
import type { Outcome } from './download-outcome.ts'
import { FileGone, HostUnreachable, type MediaHost } from './media-host.ts'
import { FileCorrupt, fileIn, FileTooLong } from './unseal.ts'

/** A file that can be fetched: what its message says of it. */
export interface FetchableFile {
  kind: MediaKind
  facts: FileFacts & { source: MediaSource }
}

/** The file in a message's content, if it says enough of it to fetch it. */
export function fetchableOf(content: Parameters<typeof mediaOf>[0]): FetchableFile | undefined {
  const facts = mediaOf(content)
  if (facts?.source === undefined || !('media' in content)) return undefined
  return { kind: content.kind, facts: { ...facts, source: facts.source } }
}

export interface FetchDeps {
  host: MediaHost
  /** Writes a file that arrives to the disk. */
  receive: (bytes: AsyncIterable<Uint8Array>, options: { signal: AbortSignal }) => Promise<Draft>
}

/**
 * Fetches a file and checks it. A file that WhatsApp has no more is asked of the phone, once; `moved` is told where it put it.
 * Answers the draft, which is the caller's to use up, or why there is none. Rejects when the signal aborts, and with bugs.
 */
export async function fetchFile(
  { kind, facts }: FetchableFile,
  {
    sessionId,
    directPath,
    maxBytes,
    askPhone,
    moved,
    signal,
  }: {
    sessionId: number
    /** Where it lies, if not where the message says. */
    directPath: string | undefined
    maxBytes: number
    /** Undefined while the session is not online. */
    askPhone: (() => ReturnType<Link['fileAgain']>) | undefined
    moved: (directPath: string) => Promise<void>
    signal: AbortSignal
  },
  { host, receive }: FetchDeps,
): Promise<Draft | Exclude<Outcome, { is: 'here' }>> {
  const from = (path: string): Promise<Draft> =>
    host.fetch(sessionId, path, (bytes) => receive(fileIn(bytes, kind, facts, maxBytes), { signal }), signal)
  const path = directPath ?? facts.source.directPath
  try {
    return await from(path)
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof FileGone)) return outcomeOf(error)
  }
  const answer: FileAgain = (await askPhone?.()) ?? { is: 'silent' }
  signal.throwIfAborted()
  if (answer.is === 'silent') return { is: 'phone_silent' }
  if (answer.is === 'refused') return { is: 'expired' }
  await moved(answer.directPath)
  try {
    return await from(answer.directPath)
  } catch (error) {
    signal.throwIfAborted()
    // The phone has just put it there: the host will have it in a moment.
    return error instanceof FileGone ? { is: 'unreachable', detail: error.message } : outcomeOf(error)
  }
}

function outcomeOf(error: unknown): Exclude<Outcome, { is: 'here' | 'expired' }> {
  if (error instanceof HostUnreachable) return { is: 'unreachable', detail: error.message }
  if (error instanceof FileCorrupt) return { is: 'corrupt', detail: error.message }
  if (error instanceof FileTooLong) return { is: 'too_large' }
  if (error instanceof HubError) {
    if (error.code === 'FILE_TOO_LARGE') return { is: 'too_large' }
    if (error.code === 'FILE_EMPTY') return { is: 'corrupt', detail: 'it is empty' }
    if (error.code === 'MEDIA_QUOTA_EXCEEDED') return { is: 'no_room' }
    if (error.code === 'MEDIA_STORE_UNAVAILABLE') return { is: 'store_down' }
  }
  throw error
}

export { outcomeOf as outcomeOfFailure }

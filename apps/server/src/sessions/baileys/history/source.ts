import { createHash } from 'node:crypto'
import { createInflate } from 'node:zlib'

import { downloadContentFromMessage, type proto } from '../baileys.ts'
import { isMissing } from '../missing.ts'
import { type HistoryPiece, HistoryReader, MalformedHistory } from './reader.ts'

/** A part as it travels, deflated: phones send some megabytes. Held in memory, because it is read twice. */
const maxPartBytes = 64 * 1024 * 1024
/** What one part may inflate to; a bomb ends here. */
const maxInflatedBytes = 2 * 1024 * 1024 * 1024

/** The phone, or its server, does not have the part any more: asking again is of no use. */
export class HistoryGone extends Error {
  override readonly name: string = 'HistoryGone'
}

/** The media host had the part and has it no more: the phone can put it there again. */
export class HistoryExpired extends HistoryGone {
  override readonly name: string = 'HistoryExpired'
}

/**
 * The deflated history of a notification: inside it, or at WhatsApp's media host. Only there, whatever address the notification carries:
 * baileys would fetch from any host that the sender named. Throws `HistoryGone` when it is not to be had
 * for good, `HistoryExpired` when the phone may put it there again.
 */
export async function partOf(
  {
    initialHistBootstrapInlinePayload: inline,
    directPath,
    mediaKey,
    fileSha256,
  }: proto.Message.IHistorySyncNotification,
  host: string,
  options: RequestInit,
): Promise<Uint8Array> {
  if (!isMissing(inline) && inline.length > 0) return inline
  if (isMissing(directPath) || !/^\/[\w\-./?=&%~+:]+$/.test(directPath))
    throw new HistoryGone('the history has no path that we would follow')
  const encrypted = await downloadContentFromMessage(
    { mediaKey: mediaKey ?? null, directPath },
    'md-msg-hist',
    { host, options },
  ).catch((error: unknown) => {
    throw isGone(error)
      ? new HistoryExpired('the media host does not have this part any more', { cause: error })
      : error
  })
  const chunks: Buffer[] = []
  let bytes = 0
  // A stream of Buffers: what baileys decrypted.
  for await (const chunk of encrypted as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength
    if (bytes > maxPartBytes) throw new HistoryGone('the history is larger than any phone sends')
    chunks.push(chunk)
  }
  const part = Buffer.concat(chunks, bytes)
  if (
    !isMissing(fileSha256) &&
    fileSha256.length > 0 &&
    !createHash('sha256').update(part).digest().equals(fileSha256)
  )
    throw new Error('the media host gave other bytes than the phone put there')
  return part
}

/** What baileys makes of an answer of the media host: a Boom with its status. A link that has run out is refused (403), not only unknown. */
function isGone(error: unknown): boolean {
  const status = (error as { output?: { statusCode?: number } } | undefined)?.output?.statusCode
  return status === 403 || status === 404 || status === 410
}

/** The pieces of a deflated history, as fast as they are asked for, and how much of it has been read, 0 to 1. @throws {MalformedHistory} */
export async function* piecesOf(part: Uint8Array): AsyncGenerator<{ piece: HistoryPiece; read: number }> {
  const reader = new HistoryReader()
  const inflate = createInflate({ chunkSize: 64 * 1024 })
  inflate.end(part)
  let bytes = 0
  try {
    // A stream of Buffers: nothing sets an encoding.
    for await (const chunk of inflate as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength
      if (bytes > maxInflatedBytes) throw new MalformedHistory('the history is larger than any phone sends')
      reader.push(chunk)
      const read = Math.min(1, inflate.bytesWritten / part.byteLength)
      for (let piece = reader.next(); piece !== undefined; piece = reader.next()) yield { piece, read }
    }
  } catch (error) {
    if (isZlibError(error)) throw new MalformedHistory('the history cannot be inflated', { cause: error })
    throw error
  }
  // The last conversation may end with the last byte.
  for (let piece = reader.next(); piece !== undefined; piece = reader.next()) yield { piece, read: 1 }
  if (!reader.isAtEnd) throw new MalformedHistory('the history is cut off')
}

function isZlibError(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code
  return typeof code === 'string' && code.startsWith('Z_')
}

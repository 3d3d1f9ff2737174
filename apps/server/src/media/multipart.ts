import { once } from 'node:events'
import type { Readable } from 'node:stream'

import { Busboy } from '@fastify/busboy'
import { HubError, issueText, type Language } from '@inbox-hub/contract'

export interface FilePart {
  readonly bytes: Readable
  /** '' when it has none. */
  readonly fileName: string
  readonly contentType: string
}

const limits = { files: 1, fields: 20, fieldNameSize: 100, fieldSize: 20_000, parts: 22, headerPairs: 20 }
/** What a form may hold besides its file. */
export const formBytes = 512 * 1024

/** Whether a body is a form with files in it. */
export function isMultipart(contentType: string): boolean {
  return /^\s*multipart\/form-data\b/i.test(contentType)
}

/**
 * Reads a form with one file in it: `take` is given the file while it arrives, and the form is read on when it has taken it. Fields may stand before or after
 * it. Throws what `take` throws, at once, and VALIDATION_ERROR for what is no such form.
 */
export async function readForm<T extends AsyncDisposable>(
  body: AsyncIterable<Buffer>,
  contentType: string,
  language: Language,
  take: (file: FilePart) => Promise<T>,
): Promise<{ file: T; fields: Readonly<Record<string, string>> }> {
  const bad = (issue: 'malformed_multipart' | 'no_file' | 'one_file', cause?: unknown) =>
    new HubError('VALIDATION_ERROR', { file: issueText(issue, language) }, { cause })
  let parser: InstanceType<typeof Busboy>
  try {
    parser = new Busboy({ headers: { 'content-type': contentType }, limits, isPartAFile: isFile })
  } catch (cause) {
    throw bad('malformed_multipart', cause) // no boundary
  }

  const fields: Record<string, string> = Object.create(null)
  let taking: Promise<T> | undefined
  let part: Readable | undefined
  let tooMany = false
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => {})
  parser.on('field', (name, value) => {
    fields[name] = value
  })
  parser.on('filesLimit', () => {
    tooMany = true
  })
  parser.on('file', (_field, bytes, fileName: string | undefined, _encoding, type) => {
    part = bytes
    // Of a form that ends in the middle, also when nobody reads the file any more.
    bytes.on('error', () => {})
    taking = take({ bytes, fileName: fileName ?? '', contentType: type })
    // What is not read of it would hold up the rest of the form.
    taking.catch((error: unknown) => {
      bytes.resume()
      failed.reject(error)
    })
  })
  parser.on('error', (cause: unknown) => failed.reject(bad('malformed_multipart', cause)))

  async function feed(): Promise<void> {
    for await (const chunk of body) {
      if (!parser.write(chunk)) await once(parser, 'drain')
    }
    const finished = once(parser, 'finish')
    parser.end()
    await finished
  }

  try {
    const feeding = feed()
    feeding.catch(() => {})
    await Promise.race([feeding, failed.promise])
    if (taking === undefined) throw bad('no_file')
    const file = await Promise.race([taking, failed.promise])
    if (tooMany) throw bad('one_file')
    return { file, fields }
  } catch (error) {
    parser.removeAllListeners('file')
    // Ends the taking of what will not arrive; what was taken already belongs to nobody.
    part?.destroy(error instanceof Error ? error : undefined)
    const taken = await taking?.catch(() => undefined)
    await taken?.[Symbol.asyncDispose]()
    throw error
  }
}

/** The client went away in the middle: nobody reads the answer, and it is no fault of ours. */
export async function fromClient<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ECONNRESET' || code === 'ABORT_ERR')
      throw new HubError('REQUEST_TIMEOUT', {}, { cause: error })
    throw error
  }
}

/** curl's `-F file=@x` names a file; a part that says a type of bytes is one too. */
function isFile(_field: string | undefined, type: string | undefined, fileName: string | undefined): boolean {
  return fileName !== undefined || (type !== undefined && type !== 'text/plain')
}

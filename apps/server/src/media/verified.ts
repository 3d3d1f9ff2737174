import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'

/**
 * `source` as it comes, but its last chunk only once the whole has the hash it should: whoever reads to the end has the file, and
 * whoever gets an error has not. The error is `onDamage`'s.
 */
export function verified(source: Readable, hash: string, onDamage: () => Error): Readable {
  async function* checked(): AsyncGenerator<Buffer> {
    const sum = createHash('sha256')
    let held: Buffer | undefined
    for await (const chunk of source as AsyncIterable<Buffer>) {
      sum.update(chunk)
      if (held !== undefined) yield held
      held = chunk
    }
    if (sum.digest('hex') !== hash) throw onDamage()
    if (held !== undefined) yield held
  }
  const checking = Readable.from(checked(), { objectMode: false })
  // One that is given up before its first byte was asked for would leave the file open.
  checking.once('close', () => source.destroy())
  return checking
}

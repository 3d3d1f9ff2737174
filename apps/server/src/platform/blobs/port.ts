import type { Readable } from 'node:stream'

import type { Draft } from './draft.ts'

/** Bytes of a file, both ends included. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** Where files are kept. Names are SHA-256 hashes in hex, never anything that a client chose. */
export interface Blobs extends AsyncDisposable {
  readonly kind: 'disk' | 's3'
  /** Keeps a draft under its hash; what is there under it already is the same. Resolves when it will survive a power cut. Throws `BlobsUnavailable`. */
  keep(draft: Draft): Promise<void>
  /** Its bytes as they are read. Throws `BlobMissing`, also when the size is not `size`, and `BlobsUnavailable`. */
  open(
    hash: string,
    options: { size: number; range?: ByteRange | undefined; signal?: AbortSignal | undefined },
  ): Promise<Readable>
  /** Removes it; nothing happens when it is gone already. Throws `BlobsUnavailable`. */
  remove(hash: string): Promise<void>
  /** Resolves when the store can be worked with; throws `BlobsUnavailable`. Changes nothing. */
  probe(): Promise<void>
}

/** There is no such file, or only a part of it. */
export class BlobMissing extends Error {
  override readonly name = 'BlobMissing'
}

/** The store cannot be worked with. The message says why, the remedy what the operator can do. */
export class BlobsUnavailable extends Error {
  override readonly name = 'BlobsUnavailable'
  readonly remedy: string
  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(message, options)
    this.remedy = remedy
  }
}

export function isHash(text: string): boolean {
  return /^[\da-f]{64}$/.test(text)
}

/** The last door before a path or a key is made of a name: a bug elsewhere must not become a way out of the store. */
export function checkHash(hash: string): string {
  if (!isHash(hash)) throw new TypeError('not a SHA-256 in hex')
  return hash
}

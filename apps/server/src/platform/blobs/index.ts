/**
 * Files of any size, kept under the SHA-256 of what is in them: the same file is there once, and what is read can be checked.
 *
 * What arrives is first written to a draft on the local disk (`writeDraft`), because its name is known only when all of it is; then
 * `keep` gives it to the store. Nothing here holds more than a few chunks of a file in memory.
 */
import { createDiskBlobs } from './disk.ts'
import { createS3Blobs, type S3Settings } from './s3.ts'
import type { Clock } from '../clock.ts'
import type { Blobs } from './port.ts'

export { blobPath } from './disk.ts'
export { BlobMissing, type Blobs, BlobsUnavailable, type ByteRange, isHash } from './port.ts'
export { type Draft, DraftTooLarge, sweepDrafts, writeDraft } from './draft.ts'
export type { S3Settings } from './s3.ts'

/** The store that the operator chose: S3 when there are settings for it, else a directory. */
export function openBlobs({
  directory,
  s3,
  clock,
}: {
  directory: string
  s3: S3Settings | undefined
  clock: Clock
}): Blobs {
  return s3 === undefined ? createDiskBlobs(directory) : createS3Blobs(s3, clock)
}

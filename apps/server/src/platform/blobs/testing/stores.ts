import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import S3rver from '@20minutes/s3rver'

import { systemClock } from '../../clock.ts'
import { type Blobs, openBlobs, type S3Settings } from '../index.ts'

/** A place for files, and where drafts go. */
export interface BlobsUnderTest extends AsyncDisposable {
  readonly blobs: Blobs
  readonly drafts: string
  /** Where the disk store has its files. */
  readonly directory: string
  /** How the S3 store is reached; undefined for the disk. */
  readonly s3: S3Settings | undefined
}

const bucket = 'inbox-hub-media'

/** An S3 server on loopback that checks signatures, with one empty bucket. */
export async function startS3(): Promise<S3Settings & AsyncDisposable> {
  const directory = await mkdtemp(join(tmpdir(), 'inbox-hub-s3-'))
  const server = new S3rver({
    address: '127.0.0.1',
    port: 0,
    silent: true,
    directory,
    resetOnClose: true,
    configureBuckets: [{ name: bucket, configs: [] }],
  })
  const { port } = await server.run()
  return {
    endpoint: `http://127.0.0.1:${port}`,
    bucket,
    region: 'us-east-1',
    // Its only user.
    accessKeyId: 'S3RVER',
    secretAccessKey: 'S3RVER',
    prefix: 'media/',
    addressing: 'path',
    async [Symbol.asyncDispose]() {
      await server.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

export async function startBlobs(kind: Blobs['kind']): Promise<BlobsUnderTest> {
  await using stack = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'inbox-hub-blobs-'))
  stack.defer(() => rm(dir, { recursive: true, force: true }))
  const s3 = kind === 's3' ? stack.use(await startS3()) : undefined
  const directory = join(dir, 'files')
  const blobs = stack.use(openBlobs({ directory, s3, clock: systemClock }))
  const all = stack.move()
  return {
    blobs,
    directory,
    drafts: join(dir, 'drafts'),
    s3,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

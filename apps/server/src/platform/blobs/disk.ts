import { constants } from 'node:fs'
import { access, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'

import { syncDirectory } from '../data-dir.ts'
import { onDisk } from './draft.ts'
import { BlobMissing, type Blobs, BlobsUnavailable, checkHash } from './port.ts'

/** Where a file lies below `root`, in 65,536 folders at most: `ab/cd/abcd…`. */
export function blobPath(root: string, hash: string): string {
  return join(root, checkHash(hash).slice(0, 2), hash.slice(2, 4), hash)
}

/** Files in `directory`. */
export function createDiskBlobs(directory: string): Blobs {
  const root = resolve(directory)
  const pathOf = (hash: string) => blobPath(root, hash)

  return {
    kind: 'disk',

    async keep({ hash, path }) {
      const target = pathOf(hash)
      await onDisk(async () => {
        await mkdir(dirname(target), { recursive: true, mode: 0o700 })
        // Also over one that is there: it is the same, and if a failing disk has changed it, this mends it.
        await rename(path, target)
        // A rename is on the disk when the directory is; a new folder, when its own is.
        for (const folder of [dirname(target), dirname(dirname(target)), root]) syncDirectory(folder)
      })
    },

    async open(hash, { size, range, signal }) {
      const path = pathOf(hash)
      let file
      try {
        // Whoever can put a link into the store must not choose what is read.
        file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
      } catch (cause) {
        const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
        if (code === 'ENOENT' || code === 'ELOOP') throw new BlobMissing(hash, { cause })
        throw new BlobsUnavailable(
          `The media store cannot be read (${String(code)}).`,
          'Let the user that runs the hub read the directory media of the data directory.',
          { cause },
        )
      }
      const { size: found } = await file.stat()
      if (found !== size) {
        await file.close()
        throw new BlobMissing(`${hash} has ${found} bytes instead of ${size}`)
      }
      return file.createReadStream({ ...range, ...(signal === undefined ? {} : { signal }) })
    },

    async remove(hash) {
      const path = pathOf(hash)
      await onDisk(() => rm(path, { force: true }))
    },

    async probe() {
      await onDisk(async () => {
        await mkdir(root, { recursive: true, mode: 0o700 })
        await access(root, constants.R_OK | constants.W_OK | constants.X_OK)
      })
    },

    async [Symbol.asyncDispose]() {},
  }
}

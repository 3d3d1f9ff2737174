import { execFile } from 'node:child_process'
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A disk that can be full. */
export interface Disk extends AsyncDisposable {
  readonly name: string
  readonly dir: string
  /** Whether the next write that needs a page fails for certain. On a real disk, what fits into the room a file has already still goes. */
  readonly strict: boolean
  /** From when this resolves on there is no room. */
  fill(pid: number): Promise<void>
  free(pid: number | undefined): Promise<void>
}

/** Whether this machine has prlimit, as Linux distributions with util-linux do. */
export async function canLimitDisks(): Promise<boolean> {
  try {
    await run('prlimit', ['--version'])
    return true
  } catch {
    return false
  }
}

/** The smallest limit on a file's size that leaves nothing of SQLite's log writable: its first page ends behind it. */
const noRoomBytes = 4096

/**
 * A limit on how large a process's files may be (setrlimit RLIMIT_FSIZE), which makes its writes fail as a full disk does. Node ignores
 * the signal that would end it. Needs no rights, only prlimit of util-linux; undefined without it.
 */
export async function limitedDisk(): Promise<Disk | undefined> {
  if (!(await canLimitDisks())) return undefined
  const dir = await mkdtemp(join(tmpdir(), 'inbox-hub-chaos-'))
  const limit = (pid: number, soft: number | 'unlimited'): Promise<unknown> =>
    run('prlimit', [`--pid=${pid}`, `--fsize=${soft}:unlimited`])
  return {
    name: 'a limit on the size of files',
    dir,
    strict: true,
    fill: async (pid) => void (await limit(pid, noRoomBytes)),
    // A process that was started since has no limit.
    free: async (pid) => void (pid !== undefined && (await limit(pid, 'unlimited'))),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  }
}

/** Room of the file system, bytes. */
const sizeMb = 64

/** A file system in memory that is really full. Needs the right to mount; undefined without it. */
export async function smallDisk(): Promise<Disk | undefined> {
  const dir = await mkdtemp(join(tmpdir(), 'inbox-hub-chaos-'))
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${sizeMb}m`, 'tmpfs', dir])
  } catch {
    await rm(dir, { recursive: true, force: true })
    return undefined
  }
  const ballast = join(dir, 'ballast')
  return {
    name: 'a file system without room',
    dir,
    strict: false,
    async fill() {
      const { bavail, bsize } = await statfs(dir)
      await writeFile(ballast, Buffer.alloc(bavail * bsize)).catch((error: unknown) => {
        // Somebody took some of it meanwhile: then it is full as well.
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
      })
    },
    free: () => rm(ballast, { force: true }),
    async [Symbol.asyncDispose]() {
      await run('umount', [dir])
      await rm(dir, { recursive: true, force: true })
    },
  }
}

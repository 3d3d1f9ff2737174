import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'

import { syncDirectory } from '../../data-dir.ts'
import type { Log } from '../../log.ts'
import { WorkerOnDemand } from '../../worker-on-demand.ts'
import type { Checkpoint } from './checkpoint-worker.ts'
import type { SqliteConnection } from './connection.ts'

/** Commits between two looks at the length of the log. */
const looksEvery = 16

/** Pages of 4 KB in the log before they go to their places: four times SQLite's own choice, because hot pages then go once for many changes. */
const checkpointPages = 4_000

/** A log of 64 MB that never came to an end, because commits went on while the worker was at it, is brought to one here. */
const longLogPages = 16_000

/**
 * Makes commits durable without stopping the event loop. The connections run with `synchronous = NORMAL`: COMMIT writes the log, and the log
 * is synced here, on a thread of libuv's pool. Between the two, readers keep the view from before the commit, so that nobody is told of
 * what a power cut could still take away. Checkpoints run in a worker. https://www.sqlite.org/wal.html
 */
export class WriteAheadLog implements AsyncDisposable {
  readonly #path: string
  readonly #file: FileHandle
  readonly #writer: SqliteConnection
  readonly #reader: SqliteConnection
  readonly #log: Log
  readonly #worker = new WorkerOnDemand<string, Checkpoint>(
    new URL('checkpoint-worker', import.meta.url).href,
    'checkpoint',
  )
  #commits = 0
  #isSound = true
  #checkpointing: Promise<void> | undefined

  private constructor(deps: {
    path: string
    file: FileHandle
    writer: SqliteConnection
    reader: SqliteConnection
    log: Log
  }) {
    this.#path = deps.path
    this.#file = deps.file
    this.#writer = deps.writer
    this.#reader = deps.reader
    this.#log = deps.log
  }

  /** Takes over from SQLite what `writer` commits to the database at `path`, in WAL mode since before. */
  static async over(
    path: string,
    { writer, reader, log }: { writer: SqliteConnection; reader: SqliteConnection; log: Log },
  ): Promise<WriteAheadLog> {
    await using opened = new AsyncDisposableStack()
    const file = opened.use(await open(`${path}-wal`, 'r+'))
    // A file that a power cut can make nameless was not stored.
    syncDirectory(dirname(path))
    writer.script('PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0')
    opened.move()
    return new WriteAheadLog({ path, file, writer, reader, log })
  }

  /**
   * Commits the open transaction; resolves when it is on the disk. Rejects when that is not so: before COMMIT has run nothing is stored, after
   * it nobody knows, as with a database whose connection is lost meanwhile. `whenWritten` is called between the two.
   */
  async commit(whenWritten: () => void): Promise<void> {
    this.#reader.execute('BEGIN')
    try {
      // A view begins with the first read.
      this.#reader.execute('SELECT 1 FROM sqlite_schema LIMIT 1')
      this.#writer.execute('COMMIT')
      whenWritten()
      await this.#file.datasync()
    } catch (error) {
      // A kernel tells of a failed write once, and calls the page clean afterwards.
      if (!this.#writer.inTransaction) this.#isSound = false
      throw error
    } finally {
      this.#reader.execute('COMMIT')
    }
    this.#commits += 1
    if (this.#commits % looksEvery === 0) this.#look()
  }

  /** Before a transaction. After a sync that failed everything in the log has to be at its place first; throws while that fails. */
  ensureSound(): void {
    if (this.#isSound) return
    this.#checkpoint('TRUNCATE')
    this.#isSound = true
    this.#log.warn(
      {},
      'the log of the store could not be synced; all of it is at its place now, and writing goes on',
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker[Symbol.asyncDispose]()
    await this.#checkpointing
    await this.#file.close()
  }

  #look(): void {
    // On SQLite before 3.51, which has no NOOP, this is the checkpoint itself.
    const { log, checkpointed } = this.#checkpoint('NOOP')
    if (log - checkpointed < checkpointPages || this.#checkpointing !== undefined) return
    if (log >= longLogPages) this.#attempt(() => this.#checkpoint('PASSIVE'))
    else
      this.#checkpointing = this.#worker
        .ask(this.#path)
        .then(
          (checkpoint) => {
            if ('error' in checkpoint) this.#warn(checkpoint.error)
          },
          (error: unknown) => this.#warn(error),
        )
        .finally(() => {
          this.#checkpointing = undefined
        })
  }

  /** A checkpoint that fails costs nothing but the room: the next one takes its pages along. */
  #attempt(checkpoint: () => void): void {
    try {
      checkpoint()
    } catch (error) {
      this.#warn(error)
    }
  }

  #warn(error: unknown): void {
    this.#log.warn({ error }, 'the log of the store could not be brought to its place; trying again')
  }

  #checkpoint(mode: 'NOOP' | 'PASSIVE' | 'TRUNCATE'): { log: number; checkpointed: number } {
    const [answer] = this.#writer.execute(`PRAGMA wal_checkpoint(${mode})`).rows
    // The columns of this PRAGMA.
    const { busy, ...pages } = answer as { busy: number; log: number; checkpointed: number }
    if (busy !== 0 && mode === 'TRUNCATE') throw new Error('somebody still reads the log')
    return pages
  }
}

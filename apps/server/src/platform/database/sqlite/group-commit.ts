import { AsyncResource } from 'node:async_hooks'

import type { Clock } from '../../clock.ts'
import type { Log } from '../../log.ts'
import { type ObserveCommit, runAfterCommit } from '../commit.ts'
import { StoreFault } from '../faults.ts'
import type { Tx } from '../index.ts'
import type { SqliteConnection } from './connection.ts'
import { SqliteTx } from './tx.ts'
import type { WriteAheadLog } from './write-ahead-log.ts'

/** Writers that may share one commit: enough to make the fsync vanish, few enough to bound what one failure takes with it. */
const maxWriters = 256

/**
 * A batch closes when the event loop has nothing else to do, and while it has, at the latest after twice what a commit stops it lately.
 * A busy loop loses nothing by waiting, it works on; and writing the log stops it, so that two thirds of the time stay for work. A lone
 * writer on an idle loop waits for one turn: some microseconds. While one batch is synced, the next gathers.
 */
const gatherPerCommit = 2
const leastGatherMs = 0.5
const mostGatherMs = 20

/** A turn of the event loop shorter than this did nothing but look at its queues. */
const idleTurnMs = 0.03

/** How long one batch may keep the event loop from everything else. */
const mostBatchMs = 20

/** A transaction open longer than this across turns of the loop waits for something other than the database: reported. */
const slowWriterMs = 100

/** … and after this long it is given up, because every other writer of the process waits behind it. */
const stuckWriterMs = 5_000

interface Job {
  readonly work: (tx: Tx) => Promise<unknown>
  /** Of whoever called `write`: the work runs there, so that its failures stay attributed to its session. */
  readonly context: AsyncResource
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

/** The writer whose transaction is open. */
interface Current {
  readonly job: Job
  readonly giveUp: (error: Error) => void
  alarms: readonly Disposable[]
}

interface Written {
  readonly job: Job
  readonly value: unknown
  readonly tx: SqliteTx
}

export interface GroupCommitOptions {
  log: Log
  clock: Clock
  observe: ObserveCommit
}

/**
 * Runs writers one after another in shared transactions of one connection: everyone who asks during one turn of the event loop shares
 * one commit, hence one fsync. Each has a savepoint, so one that throws undoes only itself. Nobody is told before the commit is durable.
 */
export class GroupCommit {
  readonly #connection: SqliteConnection
  readonly #wal: Pick<WriteAheadLog, 'commit' | 'ensureSound'>
  readonly #log: Log
  readonly #clock: Clock
  readonly #observe: ObserveCommit
  #queue: Job[] = []
  #busy = false
  #closed = false
  #idle: PromiseWithResolvers<void> | undefined
  #gatheringSince = 0
  #lastLook = 0
  #current: Current | undefined
  #watching = false
  #queuedAtLastLook = 0
  #gatherMs = leastGatherMs
  #commitMs = 0

  /** Transactions of `connection`, committed by `wal`. */
  constructor(
    connection: SqliteConnection,
    wal: Pick<WriteAheadLog, 'commit' | 'ensureSound'>,
    { log, clock, observe }: GroupCommitOptions,
  ) {
    this.#connection = connection
    this.#wal = wal
    this.#log = log
    this.#clock = clock
    this.#observe = observe
  }

  write<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new StoreFault('The store is closed.'))
    return new Promise<T>((resolve, reject) => {
      // `value` is what `work` resolved with, a T.
      this.#queue.push({
        work,
        context: new AsyncResource('DatabaseWrite'),
        resolve: (value) => resolve(value as T),
        reject,
      })
      if (!this.#busy) this.#gather()
    })
  }

  /** Refuses new writers and resolves when the ones that already asked are settled. */
  async close(): Promise<void> {
    this.#closed = true
    if (!this.#busy) return
    this.#idle ??= Promise.withResolvers<void>()
    await this.#idle.promise
  }

  #gather(): void {
    this.#busy = true
    this.#gatheringSince = performance.now()
    this.#lastLook = this.#gatheringSince
    this.#queuedAtLastLook = 0
    setImmediate(this.#look)
  }

  /** Runs at the end of each turn of the loop, until the batch is worth closing. */
  readonly #look = (): void => {
    const now = performance.now()
    const grew = this.#queue.length > this.#queuedAtLastLook
    const loopIsBusy = grew || now - this.#lastLook > idleTurnMs
    if (loopIsBusy && this.#queue.length < maxWriters && now - this.#gatheringSince < this.#gatherMs) {
      this.#lastLook = now
      this.#queuedAtLastLook = this.#queue.length
      setImmediate(this.#look)
      return
    }
    void this.#commitBatch()
  }

  async #commitBatch(): Promise<void> {
    const written: Written[] = []
    try {
      await this.#runWriters(written)
      await this.#commit(written)
    } catch (error) {
      // The transaction is lost, or in a state nobody knows: everyone in it is told the same.
      const fault = faultOf(error)
      for (const { job } of written) job.reject(fault)
      this.#abandon()
    }
    if (this.#queue.length > 0) this.#gather()
    else {
      this.#busy = false
      this.#idle?.resolve()
      this.#idle = undefined
    }
  }

  /** Runs writers of the queue and adds those that ended well to `written`, uncommitted. Throws when the transaction they share is lost. */
  async #runWriters(written: Written[]): Promise<void> {
    const connection = this.#connection
    const startedAt = performance.now()
    for (let taken = 0; taken < maxWriters && performance.now() - startedAt < mostBatchMs; taken++) {
      const job = this.#queue.shift()
      if (job === undefined) return
      const isAlone = written.length === 0
      try {
        if (isAlone) this.#wal.ensureSound()
        connection.execute(isAlone ? 'BEGIN IMMEDIATE' : 'SAVEPOINT writer')
      } catch (error) {
        // The store answers nobody now. Told at once, the queue does not wait for the busy timeout one writer after another.
        const fault = faultOf(error)
        for (const waiting of [job, ...this.#queue.splice(0)]) waiting.reject(fault)
        throw fault
      }
      const tx = new SqliteTx(connection)
      try {
        const value = await this.#runWriter(job, tx)
        tx.close()
        // Even if the writer caught it. Without a transaction its later statements would have committed by themselves.
        if (tx.fault !== undefined) throw tx.fault
        if (!isAlone) connection.execute('RELEASE writer')
        written.push({ job, value, tx })
      } catch (error) {
        tx.close()
        job.reject(error)
        // After a fault of the disk SQLite may have undone the whole transaction, and the finished writers with it.
        if (!connection.inTransaction && !isAlone) throw tx.fault ?? error
        if (connection.inTransaction) {
          connection.execute(isAlone ? 'ROLLBACK' : 'ROLLBACK TO writer')
          if (!isAlone) connection.execute('RELEASE writer')
        }
      }
    }
  }

  async #runWriter(job: Job, tx: SqliteTx): Promise<unknown> {
    const outcome = Promise.withResolvers<unknown>()
    const current: Current = { job, giveUp: outcome.reject, alarms: [] }
    this.#current = current
    if (!this.#watching) {
      this.#watching = true
      setImmediate(this.#watch)
    }
    try {
      job.context.runInAsyncScope(job.work, undefined, tx).then(outcome.resolve, outcome.reject)
      return await outcome.promise
    } finally {
      this.#current = undefined
      for (const alarm of current.alarms) alarm[Symbol.dispose]()
    }
  }

  /** A writer that only asks the database ends within the turn it began in. One that is still open in the next turn gets its alarms. */
  readonly #watch = (): void => {
    this.#watching = false
    const current = this.#current
    if (current === undefined || current.alarms.length > 0) return
    const work = String(current.job.work).slice(0, 400)
    current.alarms = [
      this.#clock.after(slowWriterMs, () =>
        this.#log.error(
          { durationMs: slowWriterMs, work },
          'a transaction waits for something other than the database; all writers wait behind it',
        ),
      ),
      this.#clock.after(stuckWriterMs, () =>
        current.giveUp(
          new Error(
            `The transaction was undone: it waited ${stuckWriterMs} ms for something other than the database. Did it await the network, or database.write inside database.write? Work: ${work}`,
          ),
        ),
      ),
    ]
  }

  async #commit(written: readonly Written[]): Promise<void> {
    if (written.length === 0) return
    const startedAt = performance.now()
    await this.#wal.commit(() => this.#note(performance.now() - startedAt))
    this.#observe(performance.now() - startedAt, written.length)
    for (const { job, tx } of written) {
      const { waiting } = tx
      if (waiting !== undefined) job.context.runInAsyncScope(runAfterCommit, undefined, waiting, this.#log)
    }
    for (const { job, value } of written) job.resolve(value)
  }

  #abandon(): void {
    try {
      if (this.#connection.inTransaction) this.#connection.execute('ROLLBACK')
    } catch (error) {
      this.#log.error({ error }, 'a failed transaction could not be undone; the next BEGIN will tell')
    }
  }

  #note(durationMs: number): void {
    this.#commitMs += (durationMs - this.#commitMs) / 8
    this.#gatherMs = Math.min(mostGatherMs, Math.max(leastGatherMs, this.#commitMs * gatherPerCommit))
  }
}

function faultOf(error: unknown): StoreFault {
  return error instanceof StoreFault ? error : new StoreFault('The store could not commit.', { cause: error })
}

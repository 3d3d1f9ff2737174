import { parentPort } from 'node:worker_threads'

import { SqliteConnection } from './connection.ts'

/** How much of the log a checkpoint brought to its place, in pages; or why it could not. */
export type Checkpoint = { log: number; checkpointed: number } | { error: string }

let connection: { path: string; sqlite: SqliteConnection } | undefined

/** Brings what is in the log of the database at `path` to its place, as far as no reader needs it as it was. Never holds up a writer. */
function checkpoint(path: string): Checkpoint {
  try {
    if (connection?.path !== path) {
      connection?.sqlite[Symbol.dispose]()
      connection = { path, sqlite: new SqliteConnection(path, { readOnly: false }) }
    }
    const [answer] = connection.sqlite.execute('PRAGMA wal_checkpoint(PASSIVE)').rows
    // The columns of this PRAGMA: busy, log, checkpointed.
    return answer as { log: number; checkpointed: number }
  } catch (error) {
    return { error: String(error) }
  }
}

parentPort?.on('message', (path: string) => {
  // A worker's port has no origin to name.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  parentPort?.postMessage(checkpoint(path))
})

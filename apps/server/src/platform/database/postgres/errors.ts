import pg from 'pg'

import { StoreFault } from '../faults.ts'

/**
 * SQLSTATE classes and codes that are about the server and not about the statement,
 * https://www.postgresql.org/docs/15/errcodes-appendix.html.
 */
const storeFaults = [
  '08', // connection
  '25006', // read-only: we reached a standby
  '25P03', // idle in transaction for too long: the server ended the connection
  '28', // authorization
  '3D', // no such database
  '53', // disk full, out of memory, too many connections
  '57', // shutting down, cancelled, timed out
  '58', // the system under it
  'F0', // damaged configuration
  'XX', // internal, damaged data
]

/** `StoreFault` for what the server or the network did to us, everything else as it came. */
export function classified(error: unknown): unknown {
  if (error instanceof StoreFault) return error
  if (!(error instanceof pg.DatabaseError)) {
    // Not an answer of the server: sockets, time-outs, a client that died under us.
    return new StoreFault('The database cannot be reached.', { cause: error })
  }
  const code = error.code ?? 'XX000'
  if (!storeFaults.some((prefix) => code.startsWith(prefix))) return error
  return new StoreFault(`The database refused: ${error.message}.`, { cause: error })
}

/** Two transactions stood in each other's way; the server undid this one, and doing it again is safe. */
export function isConflict(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.code === '40001' || error.code === '40P01')
}

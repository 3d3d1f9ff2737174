import { join, resolve } from 'node:path'

import { liveOwners } from '../../cluster/index.ts'
import { type Config, readConfig } from '../../config.ts'
import { systemClock } from '../../platform/clock.ts'
import { takeDataDir } from '../../platform/data-dir.ts'
import {
  type Database,
  DataDirInUse,
  openDatabase,
  readSqlite,
  type StatementTarget,
} from '../../platform/database/index.ts'
import { silentLog } from '../../platform/log.ts'
import {
  createSecrets,
  keyIdOf,
  newMasterKey,
  readKeyFile,
  replaceKeyFile,
} from '../../platform/secrets/index.ts'
import { moveToCurrentKey, rotationOf } from '../../sessions/master-key-rotation.ts'
import { CommandFailure } from '../failure.ts'
import { createBoard, print, printJson, type Terminal } from '../terminal.ts'

/** How long a running hub may take to begin, ms: it looks every two seconds. */
const patienceMs = 30_000
const looksEveryMs = 250

/**
 * Moves the store to a new master key, while a hub serves from it or not, and drops the old one from the key file when nothing is sealed
 * under it any more. Interrupted anywhere, it goes on when it is called again. With keys from the environment it brings to an end what
 * their order began, and says when the old one can be taken out.
 */
export async function rotateMasterKey(
  { json = false }: { json?: boolean },
  terminal: Terminal,
): Promise<void> {
  const config = readConfig(terminal.env)
  const [current, ...older] = config.masterKeys ?? (await keysOfFile(config))
  if (current === undefined || (config.masterKeys !== undefined && older.length === 0)) {
    throw new CommandFailure(
      'The master key is given in INBOX_HUB_MASTER_KEY, and no other beside it.',
      'Give a new one (openssl rand -base64 32), a comma and the present one there, restart the hub, and call this again with the same.',
    )
  }
  await move(config, keyIdOf(current), terminal)
  const dropped = older.map((key) => keyIdOf(key))
  const kept = config.masterKeys === undefined ? dropFromFile(config.dataDir, current, older) : []
  if (json) {
    printJson(terminal, { keyId: keyIdOf(current), dropped, kept })
    return
  }
  print(
    terminal,
    `Everything is sealed under master key ${keyIdOf(current)}; ${dropped.join(', ')} is not used any more.`,
    config.masterKeys === undefined
      ? `Backups made before need the old key, which is in ${kept.join(', ')}: keep it with them, and delete it when they are gone.`
      : 'Take it out of INBOX_HUB_MASTER_KEY and restart. Backups made before need it: keep it with them.',
  )
}

/** The keys of the file with a new one in front, unless a rotation is on its way already. */
async function keysOfFile(config: Config): Promise<readonly Uint8Array[]> {
  const found = readKeyFile(config.dataDir, silentLog)
  if (found === undefined) {
    throw new CommandFailure(
      `There is no master key in ${resolve(config.dataDir)}.`,
      'Set INBOX_HUB_DATA_DIR to the data directory of the hub.',
    )
  }
  if (found.length > 1) return found
  await refuseOtherNodes(config)
  const keys = [newMasterKey(), ...found]
  replaceKeyFile(config.dataDir, keys)
  return keys
}

/** A node elsewhere does not see the file here, and could not open what is sealed under the new key. */
async function refuseOtherNodes(config: Config): Promise<void> {
  if (config.databaseUrl === undefined) return
  await using store = await openStore(config)
  const owners = await liveOwners.all(store, {})
  if (owners.length <= (store.database === undefined ? 1 : 0)) return
  throw new CommandFailure(
    'Hubs on other machines or in other directories serve from this store, and do not see this key file.',
    'Stop them meanwhile; or give all of them the same keys in INBOX_HUB_MASTER_KEY (docs/guide/backup-and-restore.md).',
  )
}

/** Makes the current key the only one of the file, with each older one in a file of its own; answers which. */
function dropFromFile(dataDir: string, current: Uint8Array, older: readonly Uint8Array[]): string[] {
  const kept = older.map((key) => {
    const name = `master.key.${keyIdOf(key)}`
    replaceKeyFile(dataDir, [key], name)
    return join(resolve(dataDir), name)
  })
  replaceKeyFile(dataDir, [current])
  return kept
}

/** A store to look into, and to write to when no hub here serves from it. */
interface OpenStore extends AsyncDisposable, StatementTarget {
  readonly database: Database | undefined
}

async function openStore({ databaseUrl: url, dataDir }: Config): Promise<OpenStore> {
  await using opened = new AsyncDisposableStack()
  const isServed = url === undefined ? undefined : isTaken(opened, dataDir)
  try {
    const database = opened.use(await openDatabase({ url, dataDir, log: silentLog, clock: systemClock }))
    const all = opened.move()
    return {
      sql: database.sql,
      database: isServed === true ? undefined : database,
      [Symbol.asyncDispose]: () => all.disposeAsync(),
    }
  } catch (error) {
    if (!(error instanceof DataDirInUse)) throw error
    const reader = readSqlite(dataDir)
    return {
      sql: reader.sql,
      database: undefined,
      [Symbol.asyncDispose]: async () => reader[Symbol.dispose](),
    }
  }
}

/** Whether a hub has the data directory; else nobody gets it until `opened` is disposed of. */
function isTaken(opened: AsyncDisposableStack, dataDir: string): boolean {
  try {
    opened.use(takeDataDir(dataDir))
    return false
  } catch (error) {
    if (error instanceof DataDirInUse) return true
    throw error
  }
}

/** Resolves when nothing is sealed under another key than `keyId`: done here while no hub runs, else by the hub. */
async function move(config: Config, keyId: string, terminal: Terminal): Promise<void> {
  const { signal } = terminal
  const board = createBoard({ ...terminal, out: terminal.err })
  let begun = performance.now()
  let last = -1
  for (;;) {
    signal.throwIfAborted()
    await using store = await openStore(config)
    if (store.database !== undefined) {
      const { dataDir, masterKeys } = config
      const { database } = store
      const secrets = await createSecrets({ database, dataDir, masterKeys, log: silentLog })
      await moveToCurrentKey(database, secrets, { stop: signal })
    }
    const { done, moved, of } = await rotationOf(store, keyId)
    if (terminal.isInteractive) board.draw([`${moved} of ${of} sessions moved`])
    if (done) return
    if (moved !== last) begun = performance.now()
    last = moved
    if (performance.now() - begun > patienceMs) {
      throw new CommandFailure(
        'The hub that is running does not move the store to the new key.',
        'Restart it, and call this again: it goes on where it was.',
      )
    }
    await new Promise<void>((resolve) => void setTimeout(resolve, looksEveryMs))
  }
}

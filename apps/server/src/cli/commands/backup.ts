import { chmod, copyFile, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { backup as copyDatabase, DatabaseSync } from 'node:sqlite'

import { type Config, readConfig } from '../../config.ts'
import { systemClock } from '../../platform/clock.ts'
import { openDatabase } from '../../platform/database/index.ts'
import { silentLog } from '../../platform/log.ts'
import { createSecrets } from '../../platform/secrets/index.ts'
import { afterRestore } from '../../sessions/after-restore.ts'
import { CommandFailure } from '../failure.ts'
import { print, type Terminal } from '../terminal.ts'

/** Copies the SQLite store as it is at one moment, while the hub runs or not, and the master key file beside it. */
export async function backup(file: string, terminal: Terminal): Promise<void> {
  const { dataDir, masterKeys } = sqliteConfig(terminal)
  const source = join(resolve(dataDir), 'inbox-hub.db')
  const target = resolve(file)
  if (!(await exists(source))) {
    throw new CommandFailure(
      `There is no store in ${resolve(dataDir)}.`,
      'Set INBOX_HUB_DATA_DIR to the data directory of the hub.',
    )
  }
  if (await exists(target))
    throw new CommandFailure(`${target} exists already.`, 'Give a name that is not taken.')
  using database = new DatabaseSync(source, { readOnly: true })
  await copyDatabase(database, target)
  await chmod(target, 0o600)
  print(terminal, `Store: ${target}`)
  if (masterKeys === undefined) {
    const keyFile = join(dirname(target), 'master.key')
    if (!(await exists(keyFile))) {
      await copyFile(join(resolve(dataDir), 'master.key'), keyFile)
      await chmod(keyFile, 0o600)
    }
    print(
      terminal,
      `Master key: ${keyFile}`,
      'Without the key the store cannot be opened; with it, it can be read. Keep them apart.',
    )
  }
}

/** Makes a store that was put back from a backup safe to start with. */
export async function restored(terminal: Terminal): Promise<void> {
  const { databaseUrl: url, dataDir, masterKeys } = readConfig(terminal.env)
  const log = silentLog
  await using database = await openDatabase({ url, dataDir, log, clock: systemClock })
  // Refuses a master key that is not this store's, before anything is changed.
  await createSecrets({ database, dataDir, masterKeys, log })
  const sessions = await database.write(afterRestore)
  print(
    terminal,
    `Ready to start: ${sessions} sessions keep their link and begin new Signal sessions with everybody.`,
    'What was received and sent after the backup was made is not in it.',
  )
}

function sqliteConfig({ env }: Terminal): Config {
  const config = readConfig(env)
  if (config.databaseUrl !== undefined) {
    throw new CommandFailure(
      'The store is PostgreSQL, which has tools of its own for this.',
      'Use pg_dump, and keep the master key with it (docs/guide/backup-and-restore.md).',
    )
  }
  return config
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}

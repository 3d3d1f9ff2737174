import {
  makeBackup,
  makeSafe,
  type Manifest,
  type Progress,
  restoreBackup,
  verifyBackup,
} from '../../backup/index.ts'
import { type Config, readConfig } from '../../config.ts'
import { systemClock } from '../../platform/clock.ts'
import { openDatabase } from '../../platform/database/index.ts'
import { silentLog } from '../../platform/log.ts'
import { createSecrets } from '../../platform/secrets/index.ts'
import { CommandFailure } from '../failure.ts'
import { createBoard, print, printJson, type Terminal } from '../terminal.ts'

export interface BackupOptions {
  verify?: boolean
  /** Commander's `--no-files` and `--no-key`. */
  files: boolean
  key: boolean
  json?: boolean
}

/** Makes a backup, or with `verify` reads one. Answers the exit code. */
export async function backup(directory: string, options: BackupOptions, terminal: Terminal): Promise<number> {
  if (options.verify === true) return await verify(directory, options, terminal)
  const config = sqliteConfig(
    terminal,
    'pg_dump --format=custom "$DATABASE_URL" > hub.dump, then rsync of data/media/files; and keep the master key.',
  )
  const { signal } = terminal
  const { files, key } = options
  const work = { target: directory, files, key, clock: systemClock, signal, progress: progressOn(terminal) }
  const manifest = await makeBackup(config, work)
  if (options.json === true) printJson(terminal, manifest)
  else print(terminal, `Backup: ${directory}`, ...describe(manifest))
  return 0
}

async function verify(directory: string, options: BackupOptions, terminal: Terminal): Promise<number> {
  const { signal } = terminal
  const { manifest, problems } = await verifyBackup(directory, { signal, progress: progressOn(terminal) })
  if (options.json === true) printJson(terminal, { intact: problems.length === 0, problems, manifest })
  else if (problems.length === 0) print(terminal, 'The backup is intact.', ...describe(manifest))
  else print(terminal, 'The backup is damaged:', ...problems.map((problem) => `  ${problem}`))
  return problems.length === 0 ? 0 : 1
}

export async function restore(
  directory: string,
  { force = false, json = false }: { force?: boolean; json?: boolean },
  terminal: Terminal,
): Promise<void> {
  const config = sqliteConfig(
    terminal,
    'pg_restore --clean --if-exists --dbname="$DATABASE_URL" hub.dump, then "inbox-hub restored".',
  )
  const { signal } = terminal
  const work = { source: directory, force, clock: systemClock, signal, progress: progressOn(terminal) }
  const { manifest, sessions, files, putAside } = await restoreBackup(config, work)
  const linked = sessions.filter(({ isLinked }) => isLinked).map(({ sessionId }) => sessionId)
  if (json) {
    printJson(terminal, { madeAt: manifest.madeAt, version: manifest.version, sessions, files, putAside })
    return
  }
  print(
    terminal,
    `Restored as of ${manifest.madeAt}: ${sessions.length} sessions, ${files.restored} files. Start the hub.`,
    ...(files.missing > 0
      ? [
          `${files.missing} files are not in the backup: what is not in the store already is fetched again while WhatsApp has it.`,
        ]
      : []),
    ...(putAside === undefined
      ? []
      : [`What was there before is in ${putAside}. Never start a hub on it again.`]),
    ...afterwards(linked),
  )
}

/** Makes a store that was put back by other means safe to start with. */
export async function restored(terminal: Terminal): Promise<void> {
  const { databaseUrl: url, dataDir, masterKeys } = readConfig(terminal.env)
  const log = silentLog
  await using database = await openDatabase({ url, dataDir, log, clock: systemClock })
  // Refuses a master key that is not this store's, before anything is changed.
  const secrets = await createSecrets({ database, dataDir, masterKeys, log })
  const sessions = await makeSafe(database, { secrets, now: systemClock.now() })
  const linked = sessions.filter(({ isLinked }) => isLinked).map(({ sessionId }) => sessionId)
  print(terminal, `Ready to start: ${sessions.length} sessions.`, ...afterwards(linked))
}

function afterwards(linked: readonly string[]): string[] {
  return [
    linked.length === 0
      ? 'No session was linked.'
      : `These keep their link and begin new Signal sessions with everybody: ${linked.join(', ')}. One that was unlinked after the backup was made says logged_out: link it again.`,
    'What was received and sent after the backup was made is not in it. People log in again. API keys that were revoked since open again: see "inbox-hub keys ls".',
  ]
}

function describe({ madeAt, store, masterKey, files }: Manifest): string[] {
  return [
    `Store: as of ${madeAt}, ${store.bytes.toLocaleString('en')} bytes`,
    files === null
      ? 'Files: left out'
      : `Files: ${files.count}, ${files.bytes.toLocaleString('en')} bytes${files.missing.length === 0 ? '' : `; the hub has lost ${files.missing.length} more`}`,
    masterKey.included
      ? `Master key: included (${masterKey.id}). Whoever has this backup can read everything and act as the linked numbers.`
      : `Master key: not included. Keep the key ${masterKey.id} elsewhere: without it the backup cannot be opened.`,
  ]
}

/** Drawn for who looks on; silent in scripts. */
function progressOn(terminal: Terminal): Progress {
  if (!terminal.isInteractive) return () => {}
  const board = createBoard({ ...terminal, out: terminal.err })
  return ({ doing, done, of }) => board.draw([`${doing}: ${Math.floor((100 * done) / Math.max(1, of))} %`])
}

function sqliteConfig({ env }: Terminal, instead: string): Config {
  const config = readConfig(env)
  if (config.databaseUrl !== undefined) {
    throw new CommandFailure(
      'The store is PostgreSQL, which has tools of its own for this.',
      `${instead} More: docs/guide/backup-and-restore.md`,
    )
  }
  return config
}

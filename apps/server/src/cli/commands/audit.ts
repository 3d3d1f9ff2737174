import { verifyAudit } from '../../audit/index.ts'
import { readConfig } from '../../config.ts'
import { systemClock } from '../../platform/clock.ts'
import { DataDirInUse, openDatabase } from '../../platform/database/index.ts'
import { silentLog } from '../../platform/log.ts'
import { createSecrets } from '../../platform/secrets/index.ts'
import { CommandFailure } from '../failure.ts'
import { print, printJson, type Terminal } from '../terminal.ts'

export interface VerifyOptions {
  json?: boolean
}

const problems = {
  missing: 'is missing: entries were removed, or moved',
  changed: 'was changed, or does not follow the one before it',
  end_removed: 'is missing: entries were removed from the end',
  end_changed: 'is not where the log ended: what says so was changed',
} as const

/** Walks the whole audit log of a store. Answers the exit code: 1 when it is broken. */
export async function verify({ json = false }: VerifyOptions, terminal: Terminal): Promise<number> {
  const { databaseUrl: url, dataDir, masterKeys } = readConfig(terminal.env)
  const log = silentLog
  try {
    await using database = await openDatabase({ url, dataDir, log, clock: systemClock })
    const verdict = await verifyAudit(database, await createSecrets({ database, dataDir, masterKeys, log }))
    if (json) printJson(terminal, verdict)
    else if (verdict.intact) {
      print(terminal, `The audit log is intact: ${verdict.count} entries.`)
      if (verdict.count > 0)
        print(
          terminal,
          `Last hash: ${verdict.hash}`,
          'Kept elsewhere, it proves later that none of these went.',
        )
    } else print(terminal, `The audit log is broken: entry ${verdict.seq} ${problems[verdict.problem]}.`)
    return verdict.intact ? 0 : 1
  } catch (error) {
    if (!(error instanceof DataDirInUse)) throw error
    throw new CommandFailure(
      'The hub is running, and has its data directory for itself.',
      'Stop it for this; or check a backup: "inbox-hub restore" with INBOX_HUB_DATA_DIR on an empty directory.',
      { cause: error },
    )
  }
}

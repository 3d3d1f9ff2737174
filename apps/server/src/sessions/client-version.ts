import type { Clock } from '../platform/clock.ts'
import { type Database, statement } from '../platform/database/index.ts'
import type { GuardedFetch } from '../platform/guarded-fetch/index.ts'
import type { Log } from '../platform/log.ts'
import type { WebVersion } from './session-state.ts'

/** Versions of WhatsApp Web beside the pinned one: for the day WhatsApp refuses that. */
export interface ClientVersions {
  /** What some session last got in with after the pinned one was refused. Kept in the store. */
  readonly knownGood: WebVersion | undefined
  /** What WhatsApp serves to browsers now; undefined when that cannot be found out within 5 s. Many who ask at once ask once. */
  lookUp(): Promise<WebVersion | undefined>
  /** A login went through with it; undefined is the pinned one. */
  worked(version: WebVersion | undefined): void
}

const settingName = 'whatsapp_web_version'
const page = 'https://web.whatsapp.com/sw.js'
const timeoutMs = 5_000
/** A version found serves all sessions that ask within this time. */
const freshMs = 10 * 60_000

const read = statement((db, p: { name: string }) =>
  db.selectFrom('setting').select('value').where('name', '=', p.name),
)
const save = statement((db, p: { name: string; value: string }) =>
  db
    .insertInto('setting')
    .values({ name: p.name, value: p.value })
    .onConflict((conflict) =>
      conflict.column('name').doUpdateSet((eb) => ({ value: eb.ref('excluded.value') })),
    ),
)

/**
 * `fetchPage` is undefined on a private WhatsApp server, whose version nobody else can tell.
 * The page and the expression are those of baileys' `fetchLatestWaWebVersion`, which has no time limit of its own.
 */
export async function createClientVersions({
  database,
  fetchPage,
  clock,
  log,
}: {
  database: Database
  fetchPage: GuardedFetch['fetchBytes'] | undefined
  clock: Clock
  log: Log
}): Promise<ClientVersions> {
  let knownGood = parseVersion((await read.first(database, { name: settingName }))?.value)
  let asked: { at: number; answer: Promise<WebVersion | undefined> } | undefined

  async function ask(): Promise<WebVersion | undefined> {
    if (fetchPage === undefined) return undefined
    try {
      const { body } = await fetchPage(page, {
        maxBytes: 4_000_000,
        timeoutMs,
        // Without these two the page is not served.
        headers: {
          'sec-fetch-site': 'none',
          'user-agent':
            'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36',
        },
      })
      const revision = /\\?"client_revision\\?":\s*(\d{4,12})/.exec(Buffer.from(body).toString('latin1'))?.[1]
      if (revision !== undefined) return [2, 3000, Number(revision)]
      log.warn({ host: 'web.whatsapp.com' }, 'the page of WhatsApp Web names no version')
    } catch (error) {
      log.warn({ error, host: 'web.whatsapp.com' }, 'the version of WhatsApp Web could not be found out')
    }
    return undefined
  }

  return {
    get knownGood() {
      return knownGood
    },
    lookUp() {
      const now = clock.monotonic()
      if (asked === undefined || now - asked.at > freshMs) asked = { at: now, answer: ask() }
      const { answer } = asked
      // A failure is not worth keeping.
      void answer.then((version) => {
        if (version === undefined && asked?.answer === answer) asked = undefined
      })
      return answer
    },
    worked(version) {
      if (version === undefined || version.join('.') === knownGood?.join('.')) return
      knownGood = version
      log.info(
        { version: version.join('.') },
        'WhatsApp takes this version of WhatsApp Web; kept for the others',
      )
      database
        .write((tx) => save.run(tx, { name: settingName, value: JSON.stringify(version) }))
        .catch((error: unknown) => log.warn({ error }, 'the version that worked is not stored'))
    },
  }
}

function parseVersion(stored: string | undefined): WebVersion | undefined {
  if (stored === undefined) return undefined
  const parts: unknown = JSON.parse(stored)
  if (!Array.isArray(parts)) return undefined
  const [major, minor, revision]: unknown[] = parts
  return typeof major === 'number' && typeof minor === 'number' && typeof revision === 'number'
    ? [major, minor, revision]
    : undefined
}

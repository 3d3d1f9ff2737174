import { generateKeySync } from 'node:crypto'

import { Registry } from 'prom-client'

import { type Chats, createChats } from '../../chats/index.ts'
import { createEvents, type Events, type StoredEvent } from '../../events/index.ts'
import type { Database } from '../../platform/database/index.ts'
import { silentLog } from '../../platform/log.ts'
import type { Sealer } from '../../platform/secrets/index.ts'
import { createManualClock, type ManualClock } from '../../platform/testing/manual-clock.ts'
import type { SessionView } from '../../sessions/index.ts'
import { createMessages, type Messages } from '../index.ts'
import { noMedia } from './no-media.ts'
import { noOutbound } from './no-outbound.ts'
import { noFiles } from './no-files.ts'
import { type ScriptedSessions, scriptedSessions } from './scripted-sessions.ts'

/** The modules under test on a real store, with sessions that do as they are told and a clock that stands still. */
export interface Fixture extends AsyncDisposable {
  database: Database
  sessions: ScriptedSessions
  chats: Chats
  messages: Messages
  links: typeof noFiles.links
  events: Events
  clock: ManualClock
  session: SessionView
  /** Everything told so far, in order. */
  told(type?: string): Promise<readonly StoredEvent[]>
  /** Resolves when all entries of the journal were dealt with. */
  projected(): Promise<void>
}

/** Seals nothing, but notices bytes that are opened under another name than they were sealed under. */
const markingSealer: Sealer = {
  seal: (plain, context) => Buffer.concat([Buffer.from(`${context}\n`), plain]),
  open(sealed, context) {
    const mark = Buffer.from(`${context}\n`)
    const bytes = Buffer.from(sealed)
    if (!bytes.subarray(0, mark.length).equals(mark)) throw new Error('sealed for something else')
    return bytes.subarray(mark.length)
  },
}

export async function startFixture(
  open: () => Promise<Database>,
  { clock = createManualClock(), start = true }: { clock?: ManualClock; start?: boolean } = {},
): Promise<Fixture> {
  await using made = new AsyncDisposableStack()
  const database = made.use(await open())
  const sessions = scriptedSessions(() => clock.now())
  const events = made.use(createEvents({ database, log: silentLog, clock }))
  const chats = made.use(
    createChats({
      database,
      events,
      sessions,
      erasedKey: generateKeySync('hmac', { length: 256 }),
      clock,
      log: silentLog,
    }),
  )
  const messages = made.use(
    createMessages({
      database,
      events,
      sessions,
      chats,
      media: noMedia,
      outbound: noOutbound,
      uploadDir: undefined,
      files: noFiles,
      sealerOf: async () => markingSealer,
      isAdmin: async () => false,
      isAnnouncementGroup: async () => false,
      ordinaryGroups: async () => () => true,
      clock,
      log: silentLog,
      metrics: new Registry(),
    }),
  )
  if (start) await messages.start()
  const all = made.move()
  const session = sessions.view(1)
  if (session === undefined) throw new Error('the script has a session 1')
  return {
    database,
    sessions,
    chats,
    messages,
    links: noFiles.links,
    events,
    clock,
    session,
    async told(type) {
      const found = await events.after(0, { limit: 10_000 })
      return type === undefined ? found : found.filter((event) => event.type === type)
    },
    async projected() {
      await eventually(() => (sessions.owedEntries().length <= messages.backlog().parked ? true : undefined))
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

/** Awaits what happens by itself; fails loudly when it does not. */
export async function eventually<T>(read: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const deadline = performance.now() + 10_000
  for (;;) {
    const value = await read()
    if (value !== undefined) return value
    if (performance.now() > deadline) throw new Error('it did not happen')
    await new Promise<void>((resolve) => void setTimeout(resolve, 2))
  }
}

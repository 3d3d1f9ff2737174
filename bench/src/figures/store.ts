import { mkdtemp, rm } from 'node:fs/promises'
import { createReadStream, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Database } from 'inbox-hub/internal/platform/database/index'

import { randomOf } from '../chaos/random.ts'
import { type Hub, startHub } from '../support/hub.ts'
import { percentile } from '../support/statistics.ts'
import { atMost, type Figure, measured } from '../support/table.ts'
import {
  indexAll,
  openStore,
  type SeededSession,
  seedContacts,
  seedStore,
  vocabulary,
} from '../support/seed.ts'

/** Calls per kind of read; one in twenty may be slower than the figure. */
const calls = 200
/** Calls before them that are not counted: a server answers its first requests with code that has not been compiled yet. */
const firstCalls = 50
const sessions = 5
/** More contacts than a phone holds, of one session. */
const manyContacts = 100_000

type Read = (random: (below: number) => number) => string

/** What people look for: words that are in one message of six and words that are in a few, whole and while they are typed. */
function searches(seeded: readonly SeededSession[]): Record<string, Read> {
  const word = (rank: number): string => encodeURIComponent(vocabulary[rank % vocabulary.length] ?? '')
  const common = (random: (below: number) => number): string => word(random(20))
  const usual = (random: (below: number) => number): string => word(20 + random(2_000))
  const rare = (random: (below: number) => number): string => word(10_000 + random(9_000))
  const begun = (text: string, letters: number): string =>
    encodeURIComponent(decodeURIComponent(text).slice(0, letters))
  const of = (random: (below: number) => number): SeededSession => {
    const session = seeded[random(seeded.length)]
    if (session === undefined) throw new Error('nothing was seeded')
    return session
  }
  const search = (query: (random: (below: number) => number, session: SeededSession) => string): Read => {
    return (random) => {
      const session = of(random)
      return `/api/search/${session.name}?${query(random, session)}`
    }
  }
  return {
    'a common word': search((random) => `q=${common(random)}`),
    'a usual word': search((random) => `q=${usual(random)}`),
    'a rare word': search((random) => `q=${rare(random)}`),
    'no such word': search((random) => `q=zzq${random(1_000)}`),
    'common and rare words': search((random) => `q=${common(random)}+${rare(random)}+${usual(random)}`),
    'while it is typed': search((random) => `q=${begun(usual(random), 2 + random(5))}`),
    'a word in one chat': search(
      (random, { chats }) => `q=${usual(random)}&in=messages&chatId=${chats[random(chats.length)] ?? ''}`,
    ),
    'a word in one week': search((random) => {
      const start = Date.now() - (8 + random(300)) * 86_400_000
      return `q=${usual(random)}&startDate=${start}&endDate=${start + 7 * 86_400_000}`
    }),
    'by relevance': search((random) => `q=${usual(random)}+${usual(random)}&order=relevance`),
    'in all sessions': (random) => `/api/search?q=${usual(random)}`,
    'a number': search((random) => `q=${900_000 + random(99_999)}&in=chats,contacts`),
  }
}

/** The contacts of a session that has very many. */
function contactReads({ name }: SeededSession): {
  lists: Record<string, Read>
  searches: Record<string, Read>
} {
  const list = `/api/contacts/${name}`
  const found = (text: (random: (below: number) => number) => string): Read => {
    return (random) => `${list}?search=${encodeURIComponent(text(random))}`
  }
  const word = (rank: number): string => vocabulary[rank % vocabulary.length] ?? ''
  return {
    lists: {
      'contact list, first page': () => list,
      'contact list, pages 2 to 20': (random) => `${list}?page=${2 + random(19)}`,
      'contact counts': () => `${list}/stats`,
    },
    searches: {
      'contacts, a common name': found((random) => word(random(20))),
      'contacts, a rare name': found((random) => word(10_000 + random(9_000))),
      'contacts, two letters': found((random) => word(20 + random(2_000)).slice(0, 2)),
      'contacts, part of a number': found((random) => String(10_000 + random(89_999))),
      'contacts, nobody': found((random) => `zzq${random(1_000)}`),
      'people, two names': (random) =>
        `/api/search/${name}?q=${encodeURIComponent(`${word(random(20))} ${word(random(2_000))}`)}&in=contacts`,
    },
  }
}

interface Reads {
  p95: number
  times: readonly number[]
  /** The hub's, per call, ms: what others do on this machine is not in it. */
  cpuMs: number
}

async function readsOf(hub: Hub, read: Read): Promise<Reads> {
  // The same picks in each run.
  const picks = randomOf('reads')
  const random = (below: number): number => picks.int(0, below - 1)
  const timed = async (): Promise<number> => {
    const path = read(random)
    const began = performance.now()
    await hub.call('GET', path)
    return performance.now() - began
  }
  for (let i = 0; i < firstCalls; i += 1) await timed()
  const times: number[] = []
  const before = hub.usage().cpuMs
  for (let i = 0; i < calls; i += 1) times.push(await timed())
  return { p95: percentile(times, 0.95), times, cpuMs: (hub.usage().cpuMs - before) / calls }
}

/** What was filled, how fast, and how large it became. */
interface Filled {
  seeded: readonly SeededSession[]
  figures: readonly Figure[]
}

/**
 * Lists and searches of a store with many messages, through the API, one call after another: on SQLite, or on PostgreSQL where `DATABASE_URL`
 * names an empty database. With `keep`, a directory, the SQLite store stays there, and is read again by the next run instead of filled.
 */
export async function store({
  messages,
  keep,
}: {
  messages: number
  keep: string | undefined
}): Promise<Figure[]> {
  const dataDir = keep ?? (await mkdtemp(join(tmpdir(), 'inbox-hub-store-')))
  try {
    const { seeded, figures } = await filledOnce(dataDir, messages)
    await intoMemory(dataDir)
    await using hub = await startHub({ INBOX_HUB_DATA_DIR: dataDir })
    return [...figures, ...(await readFigures(hub, seeded))]
  } finally {
    if (keep === undefined) await rm(dataDir, { recursive: true, force: true })
  }
}

/** Has the operating system hold the SQLite store in memory, as that of a busy server is, whatever was done with this machine before. */
async function intoMemory(dataDir: string): Promise<void> {
  const file = join(dataDir, 'inbox-hub.db')
  if (!existsSync(file)) return
  for await (const _ of createReadStream(file, { highWaterMark: 4 * 2 ** 20 }));
}

async function readFigures(hub: Hub, seeded: readonly SeededSession[]): Promise<readonly Figure[]> {
  const of = (random: (below: number) => number): SeededSession => seeded[random(seeded.length)]!
  const lists: Record<string, Read> = {
    'chat list, first page of 20': (random) => `/api/messages/${of(random).name}/chats`,
    'chat list, pages 2 to 20': (random) => `/api/messages/${of(random).name}/chats?page=${2 + random(19)}`,
    'message page of a chat, 50': (random) => {
      const { name, chats } = of(random)
      return `/api/messages/${name}/${chats[random(chats.length)] ?? ''}`
    },
    'message page of a session, 50': (random) => `/api/messages/${of(random).name}?page=${1 + random(10)}`,
  }
  const figures: Figure[] = []
  const contacts = contactReads(seeded[0]!)
  for (const [name, read] of Object.entries({ ...lists, ...contacts.lists })) {
    const { p95, cpuMs } = await readsOf(hub, read)
    figures.push(atMost(`${name}: p95`, p95, 10, 'ms'), measured(`${name}: CPU each`, cpuMs, 'ms'))
  }
  const all: number[] = []
  for (const [name, read] of Object.entries({ ...searches(seeded), ...contacts.searches })) {
    const { p95, cpuMs, times } = await readsOf(hub, read)
    all.push(...times)
    figures.push(
      atMost(`search, ${name}: p95`, p95, 100, 'ms'),
      measured(`search, ${name}: CPU each`, cpuMs, 'ms'),
    )
  }
  return [...figures, atMost('search, all of these: p95', percentile(all, 0.95), 100, 'ms')]
}

async function filledOnce(dataDir: string, messages: number): Promise<Filled> {
  const note = join(dataDir, 'filled.json')
  // What the end of this function wrote.
  if (existsSync(note)) return JSON.parse(readFileSync(note, 'utf8')) as Filled
  {
    await using hub = await startHub({ INBOX_HUB_DATA_DIR: dataDir })
    for (let index = 0; index < sessions; index += 1)
      await hub.call('POST', '/api/sessions', { sessionId: `store-${index}`, autoConnect: false })
  }
  const filled = await fill(dataDir, messages)
  writeFileSync(note, JSON.stringify(filled))
  return filled
}

/** Fills the store while no hub has it open. */
async function fill(dataDir: string, messages: number): Promise<Filled> {
  await using database = await openStore({ dataDir, url: process.env['DATABASE_URL'] })
  const began = performance.now()
  const seeded = await seedStore(database, messages)
  const between = performance.now()
  await indexAll(database)
  const indexed = performance.now()
  await seedContacts(database, seeded[0]!.id, manyContacts)
  const contactsMs = performance.now() - indexed
  return {
    seeded,
    figures: [
      measured(
        `seeded: ${messages} messages, of ${sessions} sessions, per second`,
        (messages * 1000) / (between - began),
      ),
      measured(
        `contacts of one session: ${manyContacts}, stored per second`,
        (manyContacts * 1000) / contactsMs,
      ),
      measured('indexed for the search, per second', (messages * 1000) / (indexed - between)),
      measured('size of the store', await sizeMb(database, dataDir), 'MB'),
    ],
  }
}

async function sizeMb({ dialect, sql }: Database, dataDir: string): Promise<number> {
  if (dialect === 'sqlite') return statSync(join(dataDir, 'inbox-hub.db')).size / 2 ** 20
  // What a busy server does by itself after some time.
  await sql.execute('ANALYZE', [])
  const { rows } = await sql.execute('SELECT pg_database_size(current_database())::float8 AS bytes', [])
  // The one column selected above.
  return (rows as readonly { bytes: number }[])[0]!.bytes / 2 ** 20
}

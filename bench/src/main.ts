/** `npm run bench`: the figures of the product, measured on this machine against the emulator, beside raw Baileys in the same run. */
import { parseArgs } from 'node:util'

import { bigGroup } from './figures/big-group.ts'
import { groups } from './figures/groups.ts'
import { history } from './figures/history.ts'
import { inbound } from './figures/inbound.ts'
import { linking } from './figures/linking.ts'
import { media } from './figures/media.ts'
import { qrPng } from './figures/qr-png.ts'
import { reconnecting, resources } from './figures/resources.ts'
import { sends } from './figures/sends.ts'
import { store } from './figures/store.ts'
import { streams } from './figures/streams.ts'
import { webhooks } from './figures/webhooks.ts'
import { type Figure, printTable } from './support/table.ts'
import { isByYardstick } from './support/yardstick.ts'

interface Bench {
  what: string
  run: (full: boolean, messages: number | undefined, keep: string | undefined) => Promise<Figure[]>
}

const benches: Record<string, Bench> = {
  qr: { what: 'Drawing a QR', run: () => qrPng() },
  linking: { what: 'Linking', run: () => linking() },
  inbound: {
    what: 'Received → webhook delivered',
    run: (full) => inbound({ messages: full ? 20_000 : 4000 }),
  },
  groups: {
    what: 'Received in a group',
    run: (full) => groups({ messages: full ? 500 : 100 }),
  },
  'big-group': {
    what: 'Sending to a group of 1,000',
    run: (full) => bigGroup({ next: full ? 100 : 20 }),
  },
  history: {
    what: 'A phone tells its history while others receive',
    run: (_full, messages) => history({ messages: messages ?? 200_000 }),
  },
  sends: { what: 'Sending', run: (full) => sends({ count: full ? 10_000 : 2000 }) },
  store: {
    what: 'Lists and searches of a store with many messages',
    run: (full, messages, keep) => store({ messages: messages ?? (full ? 10_000_000 : 200_000), keep }),
  },
  webhooks: {
    what: 'Delivering webhooks',
    run: (full, messages) => webhooks({ count: messages ?? (full ? 100_000 : 20_000) }),
  },
  media: {
    what: 'Files that pass, out and in',
    run: (full) => media({ megabytes: full ? 2048 : 512 }),
  },
  streams: { what: 'Following events', run: (full) => streams({ seconds: full ? 60 : 15 }) },
  reconnecting: { what: 'Reconnecting', run: () => reconnecting() },
  resources: {
    what: 'Start and memory (waits four minutes for idle)',
    run: (full) => resources({ sessions: full ? 500 : 200 }),
  },
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    full: { type: 'boolean', default: false },
    messages: { type: 'string' },
    keep: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
const messages = values.messages === undefined ? undefined : Number(values.messages)
const isCount = messages === undefined || (Number.isSafeInteger(messages) && messages > 0)
const unknown = positionals.filter((name) => benches[name] === undefined)
if (values.help || unknown.length > 0 || !isCount) {
  if (unknown.length > 0) console.error(`There is no bench named ${unknown.join(', ')}.\n`)
  if (!isCount) console.error(`--messages takes a number of messages, not ${values.messages}.\n`)
  console.log(
    [
      'npm run bench -- [name …] [--full] [--messages N] [--keep DIR]',
      '',
      'Measures on this machine, against the emulator on loopback; needs Linux and an otherwise idle machine.',
      'Without names: all of them, about a quarter of an hour. --full: more messages and sessions.',
      '--messages: how many the store is filled with (200000; with --full 10000000, which takes half an hour and 10 GB),',
      'or webhooks are delivered (20000; with --full 100000).',
      '--keep: a directory where the filled store stays; the next run with it only reads.',
      'DATABASE_URL: an empty PostgreSQL database that the store is filled in, instead of SQLite.',
      '',
      ...Object.entries(benches).map(([name, { what }]) => `  ${name.padEnd(14)} ${what}`),
    ].join('\n'),
  )
  process.exit(unknown.length > 0 || !isCount ? 2 : 0)
}

const all: Figure[] = []
for (const [name, bench] of Object.entries(benches)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue
  console.log(`… ${bench.what}`)
  const figures = await bench.run(values.full, messages, values.keep)
  all.push(...figures)
  printTable(bench.what, figures)
}
const missed = (figures: readonly Figure[]): number =>
  figures.filter(({ reached }) => reached === false).length
console.log(
  [
    '',
    `Missed: ${missed(all.filter(isByYardstick))} of ${all.filter(isByYardstick).length} figures by the yardstick, raw Baileys with the same speed-ups in the same run,`,
    `which says what the promises are worth on this machine; ${missed(all.filter((figure) => !isByYardstick(figure)))} as they were promised on another machine.`,
  ].join('\n'),
)

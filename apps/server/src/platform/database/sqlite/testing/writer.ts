/** Run as a process of its own, to be killed: stores rows for ever, four at a time, and says which ones it was told are stored. */
import { systemClock } from '../../../clock.ts'
import { silentLog } from '../../../log.ts'
import { openDatabase } from '../../index.ts'

const [dataDir = ''] = process.argv.slice(2)
const database = await openDatabase({
  url: undefined,
  dataDir,
  log: silentLog,
  clock: systemClock,
  migrations: [
    {
      name: '0001-note.sql',
      checksum: 'x',
      sql: 'CREATE TABLE note_test (id INTEGER PRIMARY KEY, text TEXT NOT NULL)',
    },
  ],
})
let next = 0
await Promise.all(
  [1, 2, 3, 4].map(async () => {
    for (;;) {
      const id = ++next
      await database.write(async (tx) =>
        tx.sql.execute('INSERT INTO note_test (id, text) VALUES (?, ?)', [id, 'x']),
      )
      process.send?.(id)
    }
  }),
)

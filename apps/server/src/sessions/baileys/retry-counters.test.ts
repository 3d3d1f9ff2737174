import { expect, test } from 'vitest'

import { silentLog } from '../../platform/log.ts'
import { databases } from '../../platform/testing/databases.ts'
import { createManualClock } from '../../platform/testing/manual-clock.ts'
import { RetryCounters } from './retry-counters.ts'

const insertSession = `INSERT INTO session (id, owner_id, session_id, name, wish, state, data_key, webhook_events, webhook_preset,
  send_to_frappe, last_activity_at, created_at, updated_at) VALUES (1, 1, 's', 's', 'run', '{}', `

databases('how often a message was asked for again', ({ open, dialect }) => {
  test('is known after a restart, for an hour, and to its own account only', async () => {
    await using database = await open()
    await database.write(async (tx) => {
      const key = dialect === 'sqlite' ? "x'00'" : "'\\x00'"
      await tx.sql.execute(`${insertSession}${key}, '[]', 'standard', 0, 0, 0, 0)`, [])
    })
    const clock = createManualClock()
    const started = () => new RetryCounters({ database, clock, log: silentLog })
    const first = started()
    await first.of(1).set('M:1', 1)
    await first.of(1).set('M:1', 4)
    await first.of(1).set('N:1', 1)
    await first.of(1).del('N:1')
    await first.settled()

    const second = started()
    expect(second.of(1).get('M:1')).toBeUndefined()
    await second.load(1)
    expect(second.of(1).get('M:1')).toBe(4)
    expect(second.of(1).get('N:1')).toBeUndefined()
    expect(second.of(2).get('M:1')).toBeUndefined()

    await clock.advance(61 * 60_000)
    const third = started()
    await third.load(1)
    expect(third.of(1).get('M:1')).toBeUndefined()
    await third.sweep()
    expect((await database.sql.execute('SELECT 1 FROM retry_counter', [])).rows).toEqual([])
  })
})

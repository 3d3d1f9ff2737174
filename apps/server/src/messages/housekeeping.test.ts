import '../chats/index.ts'

import { expect, test } from 'vitest'

import { databases } from '../platform/testing/databases.ts'
import { keepOutboundMs, sweepMessages } from './housekeeping.ts'

const now = Date.UTC(2026, 10, 22)

databases('what messages leave behind', ({ open }) => {
  test('goes after two weeks, answers about numbers too, in steps that are stopped between', async () => {
    await using database = await open()
    const check = (digits: string, checked_at: number) => ({ session_id: 1, digits, pn: null, checked_at })
    const old = Array.from({ length: 600 }, (_, n) =>
      check(`4470090${String(n).padStart(5, '0')}`, now - keepOutboundMs - 1),
    )
    const young = check('12025550123', now - keepOutboundMs)
    await database.write(async (tx) => {
      await tx.db
        .insertInto('number_check')
        .values([...old, young])
        .execute()
    })
    await sweepMessages(database, { now, stop: AbortSignal.abort() })
    const left = async () => await database.read.selectFrom('number_check').select('digits').execute()
    expect(await left()).toHaveLength(601)
    await sweepMessages(database, { now, stop: new AbortController().signal })
    expect(await left()).toEqual([{ digits: young.digits }])
  })
})

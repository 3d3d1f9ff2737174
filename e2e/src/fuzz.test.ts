import { expect, test } from 'vitest'

import { campaign } from './fuzz/campaign.ts'

/** Over all operations; CI sets more, `npm run fuzz` any number. */
const size = Number(process.env['FUZZ_REQUESTS'] ?? 10_000)
/** Printed with the faults; the same one makes the same requests. */
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31)

test(`no request, however strange, gets a 5xx or an answer that the contract does not describe (T14, seed ${seed})`, async () => {
  const { faults, unhandled, statuses, unready } = await campaign({ size, seed })
  expect(faults).toEqual([])
  expect(unhandled).toEqual([])
  // It got past the doors, and knocked at all of them.
  expect(Object.keys(statuses)).toEqual(
    expect.arrayContaining(['200', '201', '400', '401', '404', '405', '415']),
  )
  expect(unready).toEqual([])
}, 1_200_000)

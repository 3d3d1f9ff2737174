import { endpoints } from '@inbox-hub/contract'
import { expect, test } from 'vitest'

import { attack } from './fuzz/attack.ts'
import { startHub } from './harness.ts'

/** Over all operations; a nightly run sets more. */
const size = Number(process.env['FUZZ_REQUESTS'] ?? 10_000)
/** Printed with the faults; the same one makes the same requests. */
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31)

test(`no request, however strange, gets a 5xx or an answer that the contract does not describe (seed ${seed})`, async () => {
  const unhandled: unknown[] = []
  const onUnhandled = (reason: unknown): void => void unhandled.push(reason)
  process.on('unhandledRejection', onUnhandled)
  using _listening = { [Symbol.dispose]: () => process.off('unhandledRejection', onUnhandled) }

  await using hub = await startHub()
  const support = await hub.pairSession('support')
  const customer = hub.emulator.phone('+12025550123')
  const question = customer.sends(support.phone, 'Are you open today?')
  await hub.webhook.received('message.received')

  const { faults, statuses } = await attack({
    url: hub.url,
    endpoints: Object.values(endpoints),
    size,
    seed,
    known: {
      sessions: ['support', String(support.id)],
      victims: ['fuzz-1', 'fuzz-2', '999'],
      chats: [
        '12025550123',
        '+1 202 555 0123',
        '12025550123@c.us',
        '12025550123@s.whatsapp.net',
        '99887766554433@lid',
        '120363000000000001@g.us',
        'status@broadcast',
      ],
      messages: [question.id, '1', `true_12025550123@c.us_${question.id}`, '3EB0C767D26A1B2C3D4E'],
      keys: [hub.key],
    },
  })
  expect(faults).toEqual([])
  expect(unhandled).toEqual([])
  // It got past the doors, and knocked at all of them.
  expect(Object.keys(statuses)).toEqual(
    expect.arrayContaining(['200', '201', '400', '401', '404', '405', '415']),
  )
  expect((await hub.api.call(endpoints.ready)).checks.every(({ ok }) => ok)).toBe(true)
}, 600_000)

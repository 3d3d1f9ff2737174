import {
  canLimitDisks,
  type ChaosOptions,
  postgresServer,
  type Scenario,
  scenarios,
} from '@inbox-hub/bench/chaos'
import { describe, test } from 'vitest'

/*
 * The chaos suite at a size that a test run can afford (full size: npm run chaos). Only what has to be so on any machine is asserted;
 * how long things took is printed by the command. Every refusal of WhatsApp (T5) is tried in failures.test.ts, by the hub's own clock.
 */

/** Another seed plans other outages: CHAOS_SEED repeats the plan of a run that failed. */
const seed = Number(process.env['CHAOS_SEED'] ?? Math.floor(Math.random() * 1_000_000))
const limitMs = 240_000

const postgresUrl = await postgresServer()
if (postgresUrl === undefined && process.env['CI'] === 'true')
  throw new Error('The chaos on PostgreSQL cannot run: set TEST_DATABASE_URL to a server.')

const limitsDisks = await canLimitDisks()
if (!limitsDisks && process.env['CI'] === 'true')
  throw new Error('The chaos of a full disk cannot run: install util-linux, which has prlimit.')

/** The promises that a scenario broke, and how. */
async function broken(
  scenario: Scenario,
  options: Pick<ChaosOptions, 'scale' | 'postgresUrl'>,
): Promise<string[]> {
  const { promises, anomalies } = await scenario({ seed, progress: () => {}, ...options })
  const missed = promises.filter(({ reached }) => reached === false)
  return [...missed.map(({ name, value, target }) => `${name}: ${value} instead of ${target}`), ...anomalies]
}

// Most of their time they wait, for starts and for leases to run out.
describe.concurrent(`chaos, seed ${seed}`, () => {
  test(
    'nothing is lost, doubled, out of order or unreadable when the hub is killed in the middle of everything (T1, T2)',
    async ({ expect }) => expect(await broken(scenarios.conversing, { scale: 0.1 })).toEqual([]),
    limitMs,
  )

  test.skipIf(postgresUrl === undefined)(
    `the same on PostgreSQL${postgresUrl === undefined ? ': skipped, no server; set TEST_DATABASE_URL' : ''}`,
    async ({ expect }) =>
      expect(await broken(scenarios.conversing, { scale: 0.02, postgresUrl })).toEqual([]),
    limitMs,
  )

  test(
    'however many press connect at once, a session has one socket (T6)',
    async ({ expect }) => expect(await broken(scenarios.crowd, { scale: 0.03 })).toEqual([]),
    limitMs,
  )

  test.skipIf(!limitsDisks)(
    `a full disk: nothing is acknowledged that is not stored, and it goes on by itself (T8)${limitsDisks ? '' : ': skipped, no prlimit'}`,
    async ({ expect }) => expect(await broken(scenarios.disk, { scale: 0.1 })).toEqual([]),
    limitMs,
  )

  test(
    'garbage on a connection ends that connection and nothing else (T15)',
    async ({ expect }) => expect(await broken(scenarios.garbage, { scale: 0.02 })).toEqual([]),
    limitMs,
  )
})

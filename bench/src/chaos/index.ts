import { conversing, receiving, sending } from './crash.ts'
import { crowd } from './crowd.ts'
import { garbage } from './garbage.ts'
import { fullDisk } from './full-disk.ts'
import { linking } from './linking.ts'
import { media } from './media.ts'
import { refusals } from './refusals.ts'
import type { Scenario } from './scenario.ts'

export { canLimitDisks } from './disk.ts'
export { postgresServer } from './postgres.ts'
export { type ChaosOptions, isKept, type Report, type Scenario } from './scenario.ts'

/** Every scenario by the name it is called with. */
export const scenarios = {
  receiving,
  sending,
  conversing,
  crowd,
  garbage,
  disk: fullDisk,
  refusals,
  linking,
  media,
} as const satisfies Record<string, Scenario>

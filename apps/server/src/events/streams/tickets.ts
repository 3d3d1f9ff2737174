import { randomBytes } from 'node:crypto'

import { boundedCache } from '../../platform/bounded-cache.ts'
import type { Clock } from '../../platform/clock.ts'

/** Tickets let a browser open one stream, which cannot send a key with it. Known to the process that made them. */
export interface Tickets {
  /** `expiresAt`: Unix ms. */
  issue(ownerId: number): { ticket: string; expiresAt: number }
  /** Whose it was; undefined when it was used, is too old, or never was. Using it up. */
  redeem(ticket: string): number | undefined
}

const livesMs = 30_000
/** Unused ones; the oldest go first. */
const maxTickets = 10_000

export function createTickets(clock: Clock): Tickets {
  const tickets = boundedCache<string, { ownerId: number; until: number }>(maxTickets)
  return {
    issue(ownerId) {
      const ticket = randomBytes(24).toString('base64url')
      tickets.set(ticket, { ownerId, until: clock.monotonic() + livesMs })
      return { ticket, expiresAt: clock.now() + livesMs }
    },
    redeem(ticket) {
      const found = tickets.get(ticket)
      tickets.delete(ticket)
      return found !== undefined && clock.monotonic() <= found.until ? found.ownerId : undefined
    },
  }
}

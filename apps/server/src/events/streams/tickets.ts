import { randomBytes } from 'node:crypto'

import { boundedCache } from '../../platform/bounded-cache.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Grant } from '../../platform/http/index.ts'

/** Tickets let a browser open one stream, which cannot send a key with it. Known to the process that made them. */
export interface Tickets {
  /** `expiresAt`: Unix ms. */
  issue(grant: Grant): { ticket: string; expiresAt: number }
  /** What the key opened that it was made with; undefined when it was used, is too old, or never was. Using it up. */
  redeem(ticket: string): Grant | undefined
}

const livesMs = 30_000
/** Unused ones; the oldest go first. */
const maxTickets = 10_000

export function createTickets(clock: Clock): Tickets {
  const tickets = boundedCache<string, { grant: Grant; until: number }>(maxTickets)
  return {
    issue(grant) {
      const ticket = randomBytes(24).toString('base64url')
      tickets.set(ticket, { grant, until: clock.monotonic() + livesMs })
      return { ticket, expiresAt: clock.now() + livesMs }
    },
    redeem(ticket) {
      const found = tickets.get(ticket)
      tickets.delete(ticket)
      return found !== undefined && clock.monotonic() <= found.until ? found.grant : undefined
    },
  }
}

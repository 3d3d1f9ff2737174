import { hash } from 'node:crypto'

import type { EventType } from '@inbox-hub/contract'

/**
 * The id of an event that `parts` cause, and nothing else does: doing the work again cannot tell it twice. Hashed, because parts are
 * chosen by strangers and ids travel in headers.
 */
export function eventId(type: EventType, ...parts: readonly (string | number)[]): string {
  return `${type.replace('.', '_')}_${hash('sha256', parts.join('\n'), 'base64url').slice(0, 27)}`
}

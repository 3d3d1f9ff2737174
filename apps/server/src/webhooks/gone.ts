import type { WebhookEndpoint } from './endpoint.ts'

/** Why a delivery has nowhere to go any more. */
export type Gone = 'removed' | 'disabled'

export const goneTexts = {
  removed: 'The webhook was removed before the event could be delivered',
  disabled:
    'The webhook was disabled before the event could be delivered; replay it once it is enabled again',
} as const satisfies Record<Gone, string>

/** Whether what stands in line for this endpoint may go, and there. `now`: Unix ms. */
export function isStill(
  endpoint: WebhookEndpoint | Gone,
  url: string,
  now: number,
): endpoint is WebhookEndpoint {
  return typeof endpoint !== 'string' && endpoint.url === url && endpoint.heldUntil <= now
}

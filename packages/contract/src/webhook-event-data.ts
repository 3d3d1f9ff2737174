import { z } from 'zod'

/** Data of `webhook.disabled`: a webhook was switched off by the hub, seen on an event of this session. */
export const webhookDisabled = z.object({
  webhookId: z.string(),
  name: z.string(),
  host: z.string().describe('Where it pointed'),
  reason: z.enum(['gone', 'failing']).describe('It answered 410, or took nothing for five days'),
  failingSince: z.int().nullable().describe('Unix ms'),
  lastError: z.string().nullable(),
  timestamp: z.int().describe('When it happened, Unix ms'),
})
export type WebhookDisabled = z.infer<typeof webhookDisabled>

import { type ErrorCode, HubError } from '@inbox-hub/contract'

import type { Link } from './baileys/index.ts'
import type { Sessions } from './index.ts'
import { QueryRefused, refusalError } from './query-refused.ts'

/** A session that is just reconnecting is waited for. */
const waitForLinkMs = 5_000

/**
 * Runs `call` on the session's connection. Throws `SESSION_NOT_CONNECTED`; for a refusal of WhatsApp the code that `meaning` gives its
 * number, else `WHATSAPP_ERROR`.
 */
export async function askWhatsApp<T>(
  sessions: Pick<Sessions, 'linkWithin'>,
  sessionId: number,
  call: (link: Link) => Promise<T>,
  meaning: (status: number) => ErrorCode | undefined = () => undefined,
): Promise<T> {
  const link = await sessions.linkWithin(sessionId, waitForLinkMs)
  if (link === undefined) throw new HubError('SESSION_NOT_CONNECTED')
  try {
    return await call(link)
  } catch (error) {
    if (!(error instanceof QueryRefused)) throw error
    throw refusalError(error, meaning(error.status))
  }
}

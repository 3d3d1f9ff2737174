import type { ErrorCode } from './errors/index.ts'

/** What every change of what the account's devices share can answer with. */
export const appStateErrors: readonly ErrorCode[] = [
  'SESSION_NOT_FOUND',
  'SESSION_NOT_CONNECTED',
  'APP_STATE_NOT_READY',
  'APP_STATE_CONFLICT',
  'WHATSAPP_ERROR',
]

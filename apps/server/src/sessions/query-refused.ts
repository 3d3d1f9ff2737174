import { type ErrorCode, HubError } from '@inbox-hub/contract'

/** WhatsApp answered a query with an error. */
export class QueryRefused extends Error {
  override readonly name = 'QueryRefused'
  /** WhatsApp's number: 401 and 403 no rights, 404 no such thing, 406 and 410 not valid (any more), 409 conflict, 429 too often. Source: whatsmeow errors.go, group.go. */
  readonly status: number
  constructor(status: number) {
    super(`WhatsApp refused a query with ${status}`)
    this.status = status
  }
}

const reasons: Readonly<Record<number, string>> = {
  400: 'BAD_REQUEST',
  401: 'NOT_AUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  406: 'NOT_ACCEPTABLE',
  409: 'CONFLICT',
  429: 'TOO_MANY_REQUESTS',
}

/** The failure that a refusal is to the caller: what it means for what was asked (`code`), else `WHATSAPP_ERROR` with the reason. Pure. */
export function refusalError({ status }: QueryRefused, code: ErrorCode | undefined): HubError {
  if (code !== undefined) return new HubError(code)
  return new HubError('WHATSAPP_ERROR', { reason: reasons[status] ?? 'REFUSED_BY_WHATSAPP', status })
}

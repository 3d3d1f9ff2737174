import { type ErrorCode, HubError, type ParticipantRefusal } from '@inbox-hub/contract'

import type { GroupRefused } from '../sessions/index.ts'

/** What a query was about: the same number of WhatsApp means one thing for an invitation and another for a group. */
export type Asked = 'group' | 'invitation'

/**
 * The failure that a refusal of WhatsApp is to the caller. Pure. `isMember`: whether the account is in the group, as far as we know: 403
 * is the answer to strangers and to plain members alike.
 */
export function refusalOf({ status }: GroupRefused, asked: Asked, isMember: boolean): HubError {
  const code = codeOf(status, asked, isMember)
  if (code !== undefined) return new HubError(code)
  return new HubError('WHATSAPP_ERROR', { reason: reasons[status] ?? 'REFUSED_BY_WHATSAPP', status })
}

function codeOf(status: number, asked: Asked, isMember: boolean): ErrorCode | undefined {
  switch (status) {
    case 401:
      return 'NOT_GROUP_ADMIN'
    case 403:
      return isMember ? 'NOT_GROUP_ADMIN' : 'NOT_IN_GROUP'
    case 404:
      return asked === 'group' ? 'GROUP_NOT_FOUND' : 'INVITE_NOT_VALID'
    case 400:
    case 406:
    case 410:
      return asked === 'invitation' ? 'INVITE_NOT_VALID' : undefined
    case 409:
      return asked === 'invitation' ? 'ALREADY_IN_GROUP' : undefined
    case 419:
      return 'GROUP_FULL'
    default:
      return undefined
  }
}

const reasons: Readonly<Record<number, string>> = {
  400: 'BAD_REQUEST',
  406: 'NOT_ACCEPTABLE',
  409: 'CONFLICT',
  429: 'TOO_MANY_REQUESTS',
}

/** Why WhatsApp did not do to one person what was asked; null when it did. */
export function participantRefusal(
  status: number,
  action: 'add' | 'remove' | 'promote' | 'demote' | 'approve' | 'reject',
): ParticipantRefusal | null {
  switch (status) {
    case 200:
      return null
    case 401:
    case 403:
      return 'NOT_ALLOWED'
    case 404:
      return action === 'add' ? 'NOT_ON_WHATSAPP' : 'NOT_A_MEMBER'
    case 408:
      return 'LEFT_RECENTLY'
    case 409:
      return 'ALREADY_MEMBER'
    case 419:
      return 'GROUP_FULL'
    default:
      return 'REFUSED'
  }
}

import type { ErrorCode, ParticipantRefusal } from '@inbox-hub/contract'

/** What a query was about: the same number of WhatsApp means one thing for an invitation and another for a group. */
export type Asked = 'group' | 'invitation'

/**
 * What a refusal of WhatsApp means here. Pure. `isMember`: whether the account is in the group, as far as we know: 403 is the answer to
 * strangers and to plain members alike.
 */
export function groupRefusal(status: number, asked: Asked, isMember: boolean): ErrorCode | undefined {
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

import type { Endpoint } from './endpoint.ts'
import type { endpoints } from './endpoints.ts'

type OperationId = keyof typeof endpoints

/**
 * Operations that are not GET and yet are not in the audit log, by why: `message_log`: each is a message, kept as one with its times;
 * `fleeting`: leaves nothing behind but a read mark or what the other side sees for a moment; `reads`: changes nothing, or only has what
 * is to be read fetched.
 */
export const notAudited: Readonly<Partial<Record<OperationId, 'message_log' | 'fleeting' | 'reads'>>> = {
  sendMessage: 'message_log',
  retryMessage: 'message_log',
  useTemplate: 'message_log',
  postNewsletterMessage: 'message_log',
  addNewsletterReaction: 'message_log',
  removeNewsletterReaction: 'message_log',
  addStatusReaction: 'message_log',
  removeStatusReaction: 'message_log',
  sendTyping: 'fleeting',
  markChatRead: 'fleeting',
  readChat: 'fleeting',
  unreadChat: 'fleeting',
  readGroup: 'fleeting',
  viewStatus: 'fleeting',
  watchPresence: 'fleeting',
  unwatchPresence: 'fleeting',
  findLids: 'reads',
  checkNumbers: 'reads',
  fetchOlderMessages: 'reads',
  fetchNewsletterMessages: 'reads',
  followNewsletterLive: 'reads',
  createEventTicket: 'reads',
  testSignature: 'reads',
}

/** Reading that is in it: it takes everything out of the hub. */
const auditedReads: ReadonlySet<string> = new Set<OperationId>([
  'exportAuditLogs',
  'exportEvents',
  'exportContact',
])

/** Whether a request to the operation is written into the audit log, whatever comes of it. */
export function isAudited({ id, method }: Pick<Endpoint, 'id' | 'method'>): boolean {
  return method === 'GET' ? auditedReads.has(id) : !Object.hasOwn(notAudited, id)
}

/** Logging in, which belongs to no organization. When it fails, those of the account that was tried have an entry of it each. */
export const loginActions: readonly OperationId[] = ['login', 'browserLogin']

/** What an administrator wants to know of first, beside all that was refused with 401 or 403. */
export const criticalActions: readonly OperationId[] = [
  'requestPairingCode',
  'deleteSession',
  'disconnectSession',
  'clearChat',
  'deleteChat',
  'deleteMessage',
  'deleteMedia',
  'leaveGroup',
  'endCommunity',
  'deleteNewsletter',
  'setProxy',
  'setWebhook',
  'createWebhook',
  'createOwnWebhook',
  'updateWebhook',
  'deleteWebhook',
  'rotateWebhookSecret',
  'createKey',
  'createOrganizationKey',
  'rotateKey',
  'revokeKey',
  'changePassword',
  'resetPassword',
  'makeResetLink',
  'beginTotp',
  'confirmTotp',
  'removeTotp',
  'approveTemplate',
  'deleteTemplate',
  'deleteOrganization',
  'inviteMember',
  'acceptInvitation',
  'register',
  'setMemberRole',
  'removeMember',
  'exportAuditLogs',
  'exportEvents',
  'exportContact',
  'eraseContact',
]

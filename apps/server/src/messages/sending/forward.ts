import { HubError } from '@inbox-hub/contract'
import { mediaOf, type MessageContent, plainKinds } from '@inbox-hub/whatsapp'

const asking: ReadonlySet<MessageContent['kind']> = new Set(['poll', 'event', 'buttons', 'list'])

/**
 * A message as it is passed on: what it says, without whom it answered and named, marked as forwarded once more. Throws
 * `KIND_NOT_FORWARDABLE`.
 */
export function forwarded(content: MessageContent): MessageContent {
  if (content.kind === 'undecryptable' || !isForwardable(content)) {
    throw new HubError('KIND_NOT_FORWARDABLE', { kind: content.kind })
  }
  const {
    quoted: _,
    mentions: __,
    expiresInS: ___,
    albumId: ____,
    ad: _____,
    viewOnce: ______,
    secret: _______,
    forwarded: times = 0,
    ...said
  } = content
  return { ...said, forwarded: times + 1 }
}

/**
 * A poll, an event or a menu would be another one, without the answers; what is shown once is not for others. A file is passed on as WhatsApp has it,
 * without being fetched.
 */
function isForwardable(content: Exclude<MessageContent, { kind: 'undecryptable' }>): boolean {
  const { kind, viewOnce } = content
  const media = mediaOf(content)
  if (media !== undefined) return viewOnce !== true && (media.source ?? media.storedAs) !== undefined
  return !asking.has(kind) && plainKinds.some((plain) => plain === kind)
}

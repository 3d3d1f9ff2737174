import { HubError } from '@inbox-hub/contract'
import type { FileContent, MediaKind, TextStyle } from '@inbox-hub/whatsapp'

import type { PostContent, TakenContent } from '../messages/index.ts'

/** What a status is to say. */
export type StatusSays =
  | { kind: 'text'; text: string; style: TextStyle }
  | { file: TakenContent; style: TextStyle }

/** The message that a status is; `ready` makes its file ready. */
export async function statusContent(
  says: StatusSays,
  ready: (asked: TakenContent) => Promise<FileContent>,
): Promise<PostContent> {
  if (!('file' in says)) return says
  const content = await ready(says.file)
  const { background } = says.style
  // Of files, a background is drawn behind those that show nothing.
  return content.kind === 'voice' && background !== undefined
    ? { ...content, style: { background } }
    : content
}

/** What a file of a kind is posted as: WhatsApp's apps show sounds as voice notes alone. Throws `STATUS_FILE_NOT_SHOWN` of what they do not show. */
export function statusKindOf(kind: MediaKind): MediaKind {
  switch (kind) {
    case 'image':
    case 'video':
    case 'gif':
    case 'voice':
      return kind
    case 'audio':
      return 'voice'
    case 'video_note':
    case 'document':
    case 'sticker':
      break
  }
  throw new HubError('STATUS_FILE_NOT_SHOWN', { found: kind })
}

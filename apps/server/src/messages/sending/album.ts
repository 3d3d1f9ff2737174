import { type FileContent, type MessageContent, mediaOf } from '@inbox-hub/whatsapp'

import type { SentContent } from '../content.ts'
import type { Own } from '../own.ts'
import { sentContent, withSecret } from './compose.ts'
import type { Prepared } from './prepare.ts'
import { whatsappIdOf } from './send-key.ts'

/** What names a message before it is stored. */
export interface MessageKey {
  whatsappId: string
  fingerprint: string
}

/**
 * The ids of an album's messages, all of them derived from that of its first picture, by which the whole is known: of its frame, which comes first and
 * announces the others, and of its pictures.
 */
export function albumIds(
  sessionId: number,
  firstId: string,
  pictures: number,
): { frame: string; pictures: readonly string[] } {
  const idOf = (what: string | number): string => whatsappIdOf(sessionId, `${firstId}\n${what}`)
  return {
    frame: idOf('album'),
    pictures: Array.from({ length: pictures }, (_, index) => (index === 0 ? firstId : idOf(index))),
  }
}

/**
 * The messages that a request becomes, in the order in which they go out: one, or those of an album.
 *
 * @param needsSecret - also those have one that nobody votes in or answers
 */
export function messagesOf(
  sessionId: number,
  prepared: Prepared,
  key: MessageKey,
  { own, needsSecret }: { own: Own; needsSecret: boolean },
): readonly { key: MessageKey; content: SentContent; isFirst: boolean }[] {
  const secretly = (content: SentContent): SentContent => withSecret(content, needsSecret)
  const first = secretly(sentContent(prepared, own))
  const { rest } = prepared
  if (rest === undefined) return [{ key, content: first, isFirst: true }]
  const { frame, pictures } = albumIds(sessionId, key.whatsappId, rest.length + 1)
  // Nobody asks for these by themselves: what tells them from each other is enough.
  const ownKey = (whatsappId: string): MessageKey => ({ whatsappId, fingerprint: whatsappId })
  return [
    { key: ownKey(frame), content: secretly(frameOf([prepared.content, ...rest])), isFirst: false },
    { key, content: inAlbum(first, frame), isFirst: true },
    ...rest.map((content, index) => ({
      key: ownKey(pictures[index + 1] ?? ''),
      content: inAlbum(secretly(content), frame),
      isFirst: false,
    })),
  ]
}

function frameOf(pictures: readonly (Prepared['content'] | FileContent)[]): MessageContent {
  const images = pictures.filter(({ kind }) => kind === 'image').length
  return { kind: 'album', text: '', album: { images, videos: pictures.length - images } }
}

function inAlbum(content: SentContent, albumId: string): SentContent {
  return 'media' in content && mediaOf(content) !== undefined ? { ...content, albumId } : content
}

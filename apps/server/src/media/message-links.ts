import type { Links } from './links.ts'

/**
 * Links to the files of messages, whether they are here yet or not: whoever follows one has the file fetched if need be. Made without
 * asking the store, so that lists and events can carry them.
 */
export interface MessageLinks {
  /** Until when links made now work, Unix ms. */
  expiresAt(): number
  fileOf(messageId: number, baseUrl: string): string
  thumbnailOf(messageId: number, baseUrl: string): string
  /** For events, which nobody asked for at any address: with the hub's own. */
  ofEvent(messageId: number): { url: string; thumbnailUrl: string }
}

/** Stands before our number of a message where the id of a file is expected; no id of a file has this form. */
const prefix = 'msg-'

/** The message that a link is about; undefined when it is about a file itself. */
export function messageOfLink(id: string): number | undefined {
  const digits = /^msg-([1-9]\d{0,14})$/.exec(id)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

export function createMessageLinks(
  links: Links,
  { linkMs, now, ownUrl }: { linkMs: number; now: () => number; ownUrl: () => string },
): MessageLinks {
  const made: MessageLinks = {
    expiresAt: () => now() + linkMs,
    fileOf: (messageId, baseUrl) => links.linkTo(baseUrl, `${prefix}${messageId}`, made.expiresAt()),
    thumbnailOf: (messageId, baseUrl) =>
      links.linkTo(baseUrl, `${prefix}${messageId}`, made.expiresAt(), 'thumbnails'),
    ofEvent: (messageId) => ({
      url: made.fileOf(messageId, ownUrl()),
      thumbnailUrl: made.thumbnailOf(messageId, ownUrl()),
    }),
  }
  return made
}

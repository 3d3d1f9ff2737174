import { isoOf } from '@inbox-hub/contract'

import type { ExtrasOf } from '../chats/index.ts'
import type { Media } from '../media/index.ts'
import type { Clock } from '../platform/clock.ts'
import type { People } from './index.ts'

/** What lists of contacts and chats show of people beside their names. */
export function extrasOf(
  people: Pick<People, 'facts'>,
  { media, clock }: { media: Pick<Media, 'links' | 'settings'>; clock: Clock },
): ExtrasOf {
  return async (sessionId, jids, baseUrl) => {
    const facts = await people.facts(sessionId, jids)
    const expiresAt = clock.now() + media.settings.linkMs
    return (jid) => {
      const { pictureMedia, isBlocked, isBusiness, business, about, lastSeenAt } = facts(jid)
      return {
        pictureUrl: pictureMedia === undefined ? null : media.links.linkTo(baseUrl, pictureMedia, expiresAt),
        isBlocked,
        isBusiness,
        about,
        lastSeen: lastSeenAt === undefined ? null : isoOf(lastSeenAt),
        businessProfile:
          business === undefined
            ? null
            : {
                description: business.description || null,
                website: business.websites[0] ?? null,
                email: business.email || null,
              },
      }
    }
  }
}

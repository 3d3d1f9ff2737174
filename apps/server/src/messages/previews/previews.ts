import type { LinkPreview, OutgoingLinkedText } from '@inbox-hub/whatsapp'

import type { Media } from '../../media/index.ts'
import type { Clock } from '../../platform/clock.ts'
import { type GuardedFetch, OutboundError } from '../../platform/guarded-fetch/index.ts'
import type { Log } from '../../platform/log.ts'
import { firstAddress } from './first-address.ts'
import { factsOfPage, type PageFacts } from './page-facts.ts'

/** Makes what texts show of the addresses in them. */
export interface Previews {
  /**
   * The preview of the first address in a text; undefined when there is none, or its page does not say anything in time: a text goes out
   * either way. Rejects with the reason of `signal` alone.
   */
  of(asked: OutgoingLinkedText, signal: AbortSignal | undefined): Promise<LinkPreview | undefined>
}

export interface PreviewsDeps {
  outbound: Pick<GuardedFetch, 'download'>
  media: Pick<Media, 'receive' | 'thumbnail'>
  clock: Clock
  log: Log
}

/** Whoever sends waits for it: page and picture have so long each, ms. */
const withinMs = 5_000
const maxPictureBytes = 5 * 1024 * 1024
/** Pages are read as far as their head only, whatever they say of their length. */
const anyLength = Number.MAX_SAFE_INTEGER
/** Many sites show their `og:` tags only to who calls itself a program that makes previews, as WhatsApp's phones do. */
const userAgent = 'WhatsApp/2 (compatible; InboxHub)'

export function createPreviews({ outbound, media, clock, log }: PreviewsDeps): Previews {
  async function pageAt(url: string, signal: AbortSignal | undefined): Promise<PageFacts | undefined> {
    const limits = { maxBytes: anyLength, timeoutMs: withinMs, signal, userAgent }
    return outbound.download(url, limits, async (answer) => {
      const contentType = String(answer.headers['content-type'] ?? '')
      if (!/^(text\/html|application\/xhtml\+xml)\b/i.test(contentType.trim())) return undefined
      return factsOfPage(answer.bytes, { url: answer.url, contentType })
    })
  }

  async function pictureAt(url: string, signal: AbortSignal | undefined): Promise<Buffer | undefined> {
    const late = new AbortController()
    using _timer = clock.after(withinMs, () =>
      late.abort(new OutboundError('timeout', 'the picture took too long')),
    )
    const both = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal])
    const limits = { maxBytes: maxPictureBytes, timeoutMs: withinMs, signal: both, userAgent }
    const found = await outbound.download(url, limits, async (answer) => ({
      declaredType: String(answer.headers['content-type'] ?? ''),
      draft: await media.receive(answer.bytes, { signal: both }),
    }))
    return media.thumbnail(found.draft, found.declaredType, both)
  }

  /** What `find` finds; undefined when it does not. */
  async function ifPossible<T>(
    kind: 'page' | 'picture',
    signal: AbortSignal | undefined,
    find: () => Promise<T>,
  ): Promise<T | undefined> {
    try {
      return await find()
    } catch (error) {
      signal?.throwIfAborted()
      // Without the error itself, which names the address: that is what the message says.
      log.info({ kind, reason: reasonOf(error) }, 'a link has no preview, or one without its picture')
      return undefined
    }
  }

  return {
    async of({ text, linkPreview }, signal) {
      const address = firstAddress(text)
      if (address === undefined) return undefined
      const facts =
        linkPreview === 'of_page'
          ? await ifPossible('page', signal, () => pageAt(address.url, signal))
          : linkPreview
      if (facts === undefined) return undefined
      const { imageUrl, ...said } = facts
      const thumbnail =
        imageUrl === undefined
          ? undefined
          : await ifPossible('picture', signal, () => pictureAt(imageUrl, signal))
      return {
        url: address.written,
        ...said,
        ...(thumbnail !== undefined && { thumbnail: thumbnail.toString('base64') }),
      }
    },
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof OutboundError) return error.because
  return error instanceof Error ? error.name : 'unknown'
}

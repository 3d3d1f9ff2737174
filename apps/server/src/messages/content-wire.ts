import type { MessageContentWire, MessageDetails } from '@inbox-hub/contract'
import {
  type Choice,
  type LinkPreview,
  type Location,
  type Media,
  mediaOf,
  type MessageExtras,
  type OwnDeed,
} from '@inbox-hub/whatsapp'

import { isDeed, type SentContent } from './content.ts'

/** Where a message's file is fetched without a key. */
export interface FileLinks {
  url: string
  thumbnailUrl: string
}

/** What a message says beyond its text, as lists and `message.received` show it. */
export function contentWire(
  content: SentContent,
  /** Where its file and thumbnail are, if the hub has them; asked only when it has one. */
  linksOf: () => FileLinks | undefined,
): MessageContentWire {
  const extras: MessageExtras = content.kind === 'undecryptable' || isDeed(content) ? {} : content
  const media = isDeed(content) ? undefined : mediaOf(content)
  const links = media === undefined ? undefined : linksOf()
  const { ad, forwarded = 0 } = extras
  return {
    kind: content.kind,
    media:
      media === undefined
        ? null
        : {
            url: links !== undefined && (media.source ?? media.storedAs) !== undefined ? links.url : null, // without its source there is nothing to fetch

            thumbnailUrl: links !== undefined && hasThumbnail(media) ? links.thumbnailUrl : null,
            mimetype: media.mimetype ?? null,
            filename: media.name ?? null,
            filesize: media.bytes ?? null,
            sha256: media.sha256 ?? null,
            seconds: media.seconds ?? null,
            width: media.width ?? null,
            height: media.height ?? null,
            pages: media.pages ?? null,
            animated: media.animated ?? content.kind === 'gif',
            waveform: media.waveform ?? null,
          },
    details: detailsOf(content, linksOf),
    viewOnce: extras.viewOnce ?? false,
    isForwarded: forwarded > 0,
    forwardingScore: forwarded,
    expiresIn: extras.expiresInS ?? null,
    mentionsEveryone: extras.mentionsEveryone ?? false,
    albumId: extras.albumId ?? null,
    ad:
      ad === undefined
        ? null
        : {
            sourceType: ad.sourceType ?? null,
            sourceId: ad.sourceId ?? null,
            sourceUrl: ad.sourceUrl ?? null,
            title: ad.title ?? null,
            body: ad.body ?? null,
            mediaUrl: ad.mediaUrl ?? null,
            thumbnailUrl: ad.thumbnailUrl ?? null,
            clickId: ad.clickId ?? null,
            app: ad.app ?? null,
          },
    unsupported: content.kind === 'unsupported' ? content.name : null,
  }
}

/** What is secret in it stays here: with a poll's key anybody could vote in another's name. */
function detailsOf(content: SentContent, linksOf: () => FileLinks | undefined): MessageDetails {
  if (isDeed(content)) return { deed: deedWire(content) }
  switch (content.kind) {
    case 'location':
    case 'live_location':
      return { location: placeOf(content.location, content.kind === 'live_location') }
    case 'contacts':
      return { contacts: content.contacts.map(({ name, vcard }) => ({ name, vcard })) }
    case 'poll': {
      const { question, options, selectable } = content.poll
      return { poll: { question, options: [...options], selectable } }
    }
    case 'event': {
      const { name, description, location, joinLink, startsAt, endsAt, canceled } = content.event
      return {
        event: {
          name,
          description: description ?? null,
          location: location === undefined ? null : placeOf(location, false),
          joinLink: joinLink ?? null,
          startsAt: startsAt ?? null,
          endsAt: endsAt ?? null,
          canceled,
        },
      }
    }
    case 'buttons':
    case 'list':
      return {
        options: content.options.map(({ id, title, description, url, phone }) => ({
          id,
          title,
          description: description ?? null,
          url: url ?? null,
          phone: phone ?? null,
        })),
      }
    case 'buttons_reply':
    case 'list_reply':
      return { choice: choiceWire(content.choice) }
    case 'text':
      return {
        ...(content.choice && { choice: choiceWire(content.choice) }),
        ...(content.preview && { preview: previewWire(content.preview, linksOf) }),
      }
    case 'group_invite': {
      const { group, name, code, expiresAt } = content.invite
      return { invite: { groupId: group, name, code, expiresAt: expiresAt ?? null } }
    }
    case 'product': {
      const { id, title, description, priceMilli, currency, url, retailerId } = content.product
      return {
        product: {
          id,
          title,
          description: description ?? null,
          priceMilli: priceMilli ?? null,
          currency: currency ?? null,
          url: url ?? null,
          retailerId: retailerId ?? null,
        },
      }
    }
    case 'order': {
      const { id, title, items, totalMilli, currency } = content.order
      return { order: { id, title, items, totalMilli: totalMilli ?? null, currency: currency ?? null } }
    }
    case 'album':
      return { album: content.album }
    case 'image':
    case 'video':
    case 'gif':
    case 'video_note':
    case 'audio':
    case 'voice':
    case 'document':
    case 'sticker':
    case 'unsupported':
    case 'undecryptable':
      break
  }
  return {}
}

function choiceWire({ id, title, description, form, menuId }: Choice): MessageDetails['choice'] {
  return {
    id,
    title,
    description: description ?? null,
    form: form ?? null,
    messageId: menuId ?? null,
  }
}

function previewWire(preview: LinkPreview, linksOf: () => FileLinks | undefined): MessageDetails['preview'] {
  const { url, title, description } = preview
  return {
    url,
    title: title ?? null,
    description: description ?? null,
    thumbnailUrl: hasThumbnail(preview) ? (linksOf()?.thumbnailUrl ?? null) : null,
  }
}

function hasThumbnail({ thumbnail, hasThumbnail }: Pick<Media, 'thumbnail' | 'hasThumbnail'>): boolean {
  return hasThumbnail === true || thumbnail !== undefined
}

function deedWire(deed: OwnDeed): MessageDetails['deed'] {
  const { target } = deed
  return {
    messageId: target.id,
    ...(deed.kind === 'reaction' && { emoji: deed.emoji }),
    ...(deed.kind === 'pin' && { pinned: deed.pinned }),
    ...(deed.kind === 'keep' && { kept: deed.kept }),
    ...(deed.kind === 'vote' && { options: [...deed.chosen] }),
  }
}

function placeOf({ latitude, longitude, name, address, url, accuracyM }: Location, live: boolean) {
  return {
    latitude,
    longitude,
    name: name ?? null,
    address: address ?? null,
    url: url ?? null,
    accuracyM: accuracyM ?? null,
    live,
  }
}

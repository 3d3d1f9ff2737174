import type { AnyMessageContent, proto } from '../baileys.ts'
import { generateWAMessageContent } from '../baileys.ts'

import type {
  LinkPreview,
  Location,
  MessageContent,
  PlannedEvent,
  Poll,
  TextStyle,
} from '@inbox-hub/whatsapp'

import { silentLogger } from '../runtime/index.ts'
import { argbOf, fileMessageOf } from './outbound-files.ts'

/** What a message says as WhatsApp's protobuf, without what any kind may carry. */
export async function protoOf(content: MessageContent): Promise<proto.IMessage> {
  switch (content.kind) {
    case 'text':
      return styled(await generated(textOf(content)), content.style)
    case 'location':
      return generated({ location: placeOf(content.location) })
    case 'live_location':
      return { liveLocationMessage: liveOf(content.location, content.text) }
    case 'contacts':
      return generated({
        contacts: {
          displayName: content.text,
          contacts: content.contacts.map(({ name, vcard }) => ({ displayName: name, vcard })),
        },
      })
    case 'poll':
      return generated(pollOf(content.poll))
    case 'event':
      return eventOf(content.event)
    case 'buttons':
    case 'list':
      return content.numbered === true ? generated(textOf(content)) : nativeMenu(content)
    case 'image':
    case 'video':
    case 'gif':
    case 'video_note':
    case 'audio':
    case 'voice':
    case 'document':
    case 'sticker':
      return fileMessageOf(content)
    case 'album': {
      const { images, videos } = content.album
      return { albumMessage: { expectedImageCount: images, expectedVideoCount: videos } }
    }
    case 'buttons_reply':
    case 'list_reply':
    case 'group_invite':
    case 'product':
    case 'order':
    case 'unsupported':
    case 'undecryptable':
      break
  }
  throw new Error(`a message of the kind ${content.kind} cannot be sent`)
}

async function generated(content: AnyMessageContent): Promise<proto.IMessage> {
  return generateWAMessageContent(content, {
    logger: silentLogger,
    upload: async () => {
      throw new Error('there is nothing to upload')
    },
  })
}

/** Without a preview of ours there is none: baileys would fetch whatever address the text holds. */
function textOf({ text, preview }: { text: string; preview?: LinkPreview }): AnyMessageContent {
  if (preview === undefined) return { text, linkPreview: null }
  const { url, title = '', description, thumbnail } = preview
  return {
    text,
    linkPreview: {
      'canonical-url': url,
      'matched-text': url,
      title,
      ...(description !== undefined && { description }),
      ...(thumbnail !== undefined && { jpegThumbnail: Buffer.from(thumbnail, 'base64') }),
    },
  }
}

function placeOf({ latitude, longitude, name, address, url }: Location): proto.Message.ILocationMessage {
  return {
    degreesLatitude: latitude,
    degreesLongitude: longitude,
    ...(name !== undefined && { name }),
    ...(address !== undefined && { address }),
    ...(url !== undefined && { url }),
  }
}

/** baileys has no generator for it. */
function liveOf(
  { latitude, longitude, accuracyM, speedMps, headingDegrees }: Location,
  caption: string,
): proto.Message.ILiveLocationMessage {
  return {
    degreesLatitude: latitude,
    degreesLongitude: longitude,
    ...(caption !== '' && { caption }),
    ...(accuracyM !== undefined && { accuracyInMeters: accuracyM }),
    ...(speedMps !== undefined && { speedInMps: speedMps }),
    ...(headingDegrees !== undefined && { degreesClockwiseFromMagneticNorth: headingDegrees }),
    sequenceNumber: 1,
  }
}

function pollOf({ question, options, selectable }: Poll): AnyMessageContent {
  return {
    poll: {
      name: question,
      values: [...options],
      selectableCount: selectable,
    },
  }
}

/** As WhatsApp Business sends them: what an ordinary account sends so is shown by some of its recipients' apps, and not by others. */
function nativeMenu(menu: Extract<MessageContent, { kind: 'buttons' | 'list' }>): proto.IMessage {
  const { kind, text, options, footer, button = '☰' } = menu
  const list = {
    title: button,
    sections: [{ rows: options.map(({ id, title, description = '' }) => ({ id, title, description })) }],
  }
  const buttons =
    kind === 'list'
      ? [{ name: 'single_select', buttonParamsJson: JSON.stringify(list) }]
      : options.map(({ id, title }) => ({
          name: 'quick_reply',
          buttonParamsJson: JSON.stringify({ display_text: title, id }),
        }))
  const interactiveMessage = {
    body: { text },
    ...(footer !== undefined && { footer: { text: footer } }),
    nativeFlowMessage: { buttons, messageVersion: 1 },
  }
  return { viewOnceMessage: { message: { interactiveMessage } } }
}

/** Not baileys' own: that one knows no link of our own choice, and makes seconds with fractions of the end. */
function eventOf(event: PlannedEvent): proto.IMessage {
  const { name, description, location, joinLink, startsAt, endsAt, canceled, extraGuests } = event
  return {
    eventMessage: {
      name,
      isCanceled: canceled,
      extraGuestsAllowed: extraGuests === true,
      ...(description !== undefined && { description }),
      ...(joinLink !== undefined && { joinLink }),
      ...(location !== undefined && { location: placeOf(location) }),
      ...(startsAt !== undefined && { startTime: Math.floor(startsAt / 1000) }),
      ...(endsAt !== undefined && { endTime: Math.floor(endsAt / 1000) }),
    },
  }
}

/** A text as its status shows it. baileys sets no colour of letters. */
function styled(message: proto.IMessage, style: TextStyle | undefined): proto.IMessage {
  if (style === undefined) return message
  const { background, color, font } = style
  return {
    ...message,
    extendedTextMessage: {
      ...message.extendedTextMessage,
      ...(background !== undefined && { backgroundArgb: argbOf(background) }),
      ...(color !== undefined && { textArgb: argbOf(color) }),
      ...(font !== undefined && { font }),
    },
  }
}

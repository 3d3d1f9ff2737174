import type { proto } from '../baileys.ts'

import type {
  Choice,
  ContactCard,
  LinkPreview,
  Location,
  Media,
  MenuOption,
  MessageBody,
  TextStyle,
} from '@inbox-hub/whatsapp'
import { isMissing } from '../missing.ts'
import { base64Of, countOf, jidIn, momentOf, type Numeric, present, realOf, textIn } from './protobuf.ts'

/** Fields where one kind or another of message keeps its readable text, the most telling first. */
const textFields = [
  'text',
  'caption',
  'contentText',
  'selectedDisplayText',
  'name',
  'title',
  'displayName',
  'fileName',
  'address',
] as const

/** The readable text of a message of a kind we do not know. */
export function readableText(field: unknown): string {
  if (typeof field === 'string') return field
  if (typeof field !== 'object' || field === null) return ''
  const fields = field as Readonly<Record<string, unknown>>
  for (const name of textFields) {
    const value = fields[name]
    if (typeof value === 'string' && value !== '') return value
  }
  return 'body' in fields ? readableText(fields['body']) : ''
}

/**
 * What a message without wrappers says; undefined for a kind we do not know, and for one that lacks what makes it that kind.
 * Source: WhatsApp's `Message` protobuf as in WAProto of baileys.
 */
export function bodyOf(
  message: proto.IMessage,
  info: proto.IMessageContextInfo | undefined,
): MessageBody | undefined {
  for (const read of readers) {
    const body = read(message, info)
    if (body !== undefined) return body
  }
  return undefined
}

type Reader = (
  message: proto.IMessage,
  info: proto.IMessageContextInfo | undefined,
) => MessageBody | undefined

/** One for each group of kinds. Their order is no matter: a message has one of the fields. */
const readers: readonly Reader[] = [
  written,
  visual,
  audible,
  filed,
  placed,
  introducing,
  asking,
  planned,
  menuOf,
  chosen,
  inviting,
  selling,
  grouping,
]

function written({ conversation, extendedTextMessage: extended }: proto.IMessage): MessageBody | undefined {
  if (!isMissing(extended)) {
    const style = styleOf(extended)
    const preview = previewOf(extended)
    return { kind: 'text', text: extended.text ?? '', ...(style && { style }), ...(preview && { preview }) }
  }
  return isMissing(conversation) ? undefined : { kind: 'text', text: conversation }
}

/** Only its title makes it one: phones send `matchedText` also for links that nothing is known of. */
function previewOf(extended: proto.Message.IExtendedTextMessage): LinkPreview | undefined {
  const url = textIn(extended.matchedText)
  const title = textIn(extended.title)
  if (url === undefined || title === undefined) return undefined
  return {
    url,
    title,
    ...present({ description: textIn(extended.description), thumbnail: base64Of(extended.jpegThumbnail) }),
  }
}

/** Only statuses of text and sound have a background. */
function styleOf({
  backgroundArgb,
  textArgb,
  font,
}: Pick<proto.Message.IExtendedTextMessage, 'backgroundArgb' | 'textArgb' | 'font'>): TextStyle | undefined {
  if (isMissing(backgroundArgb)) return undefined
  return {
    background: colourOf(backgroundArgb),
    ...(!isMissing(textArgb) && { color: colourOf(textArgb) }),
    ...(!isMissing(font) && { font }),
  }
}

const colourOf = (argb: number): string =>
  `#${(argb >>> 0).toString(16).padStart(8, '0').slice(2).toUpperCase()}`

function visual({
  imageMessage: image,
  videoMessage: video,
  ptvMessage: note,
  stickerMessage: sticker,
}: proto.IMessage): MessageBody | undefined {
  if (!isMissing(image)) return { kind: 'image', text: image.caption ?? '', media: mediaOf(image) }
  if (!isMissing(note)) return { kind: 'video_note', text: note.caption ?? '', media: mediaOf(note) }
  if (!isMissing(video))
    return {
      kind: video.gifPlayback === true ? 'gif' : 'video',
      text: video.caption ?? '',
      media: mediaOf(video),
    }
  if (isMissing(sticker)) return undefined
  const animated = sticker.isAnimated === true || sticker.isLottie === true
  return { kind: 'sticker', text: '', media: { ...mediaOf(sticker), animated } }
}

function audible({ audioMessage: audio }: proto.IMessage): MessageBody | undefined {
  if (isMissing(audio)) return undefined
  const waveform = base64Of(audio.waveform)
  const style = styleOf({ backgroundArgb: audio.backgroundArgb ?? null })
  return {
    kind: audio.ptt === true ? 'voice' : 'audio',
    text: '',
    media: { ...mediaOf(audio), ...(waveform && { waveform }) },
    ...(style && { style }),
  }
}

function filed({ documentMessage: document }: proto.IMessage): MessageBody | undefined {
  if (isMissing(document)) return undefined
  return {
    kind: 'document',
    text: document.caption ?? '',
    media: {
      ...mediaOf(document),
      ...present({
        name: textIn(document.fileName) ?? textIn(document.title),
        pages: countOf(document.pageCount),
      }),
    },
  }
}

/** What messages with a file have in common. */
interface MediaFields {
  mimetype?: string | null
  fileLength?: Numeric
  fileSha256?: Uint8Array | null
  fileEncSha256?: Uint8Array | null
  mediaKey?: Uint8Array | null
  mediaKeyTimestamp?: Numeric
  directPath?: string | null
  seconds?: number | null
  width?: number | null
  height?: number | null
  jpegThumbnail?: Uint8Array | null
}

function mediaOf(file: MediaFields): Media {
  const directPath = textIn(file.directPath)
  const key = base64Of(file.mediaKey)
  const sha256 = base64Of(file.fileSha256)
  return {
    ...present({
      mimetype: textIn(file.mimetype),
      bytes: countOf(file.fileLength),
      sha256,
      seconds: countOf(file.seconds),
      width: countOf(file.width),
      height: countOf(file.height),
      thumbnail: base64Of(file.jpegThumbnail),
    }),
    // A file of a newsletter has no key: its hash alone says that it is right.
    ...(directPath !== undefined &&
      (key ?? sha256) !== undefined && {
        source: {
          directPath,
          ...present({
            key,
            encSha256: base64Of(file.fileEncSha256),
            keyTimestamp: countOf(file.mediaKeyTimestamp),
          }),
        },
      }),
  }
}

function placed({
  locationMessage: place,
  liveLocationMessage: live,
}: proto.IMessage): MessageBody | undefined {
  if (!isMissing(live)) {
    const location = locationOf(live)
    return location && { kind: 'live_location', text: live.caption ?? '', location }
  }
  const location = isMissing(place) ? undefined : locationOf(place)
  if (isMissing(place) || location === undefined) return undefined
  const text = textIn(place.comment) ?? location.name ?? location.address ?? ''
  return place.isLive === true
    ? { kind: 'live_location', text, location }
    : { kind: 'location', text, location }
}

function locationOf(place: proto.Message.ILocationMessage): Location | undefined {
  const latitude = realOf(place.degreesLatitude)
  const longitude = realOf(place.degreesLongitude)
  if (latitude === undefined || longitude === undefined) return undefined
  return {
    latitude,
    longitude,
    ...present({
      name: textIn(place.name),
      address: textIn(place.address),
      url: textIn(place.url),
      accuracyM: countOf(place.accuracyInMeters) || undefined,
      speedMps: realOf(place.speedInMps) || undefined,
      headingDegrees: countOf(place.degreesClockwiseFromMagneticNorth) || undefined,
    }),
  }
}

function introducing({
  contactMessage: one,
  contactsArrayMessage: many,
}: proto.IMessage): MessageBody | undefined {
  if (!isMissing(one)) return { kind: 'contacts', text: one.displayName ?? '', contacts: [cardOf(one)] }
  if (isMissing(many)) return undefined
  const contacts = (many.contacts ?? []).map(cardOf)
  const text = textIn(many.displayName) ?? contacts.map(({ name }) => name).join(', ')
  return { kind: 'contacts', text, contacts }
}

function cardOf({ displayName, vcard }: proto.Message.IContactMessage): ContactCard {
  return { name: displayName ?? '', vcard: vcard ?? '' }
}

function asking(
  message: proto.IMessage,
  info: proto.IMessageContextInfo | undefined,
): MessageBody | undefined {
  const poll =
    message.pollCreationMessage ??
    message.pollCreationMessageV2 ??
    message.pollCreationMessageV3 ??
    message.pollCreationMessageV5
  if (isMissing(poll)) return undefined
  const secret = base64Of(info?.messageSecret)
  return {
    kind: 'poll',
    text: poll.name ?? '',
    poll: {
      question: poll.name ?? '',
      options: (poll.options ?? []).map(({ optionName }) => optionName ?? ''),
      selectable: countOf(poll.selectableOptionsCount) ?? 0,
      ...(secret && { secret }),
    },
  }
}

function planned(
  { eventMessage: event }: proto.IMessage,
  info: proto.IMessageContextInfo | undefined,
): MessageBody | undefined {
  if (isMissing(event)) return undefined
  const secret = base64Of(info?.messageSecret)
  const location = isMissing(event.location) ? undefined : locationOf(event.location)
  return {
    kind: 'event',
    text: event.name ?? '',
    event: {
      name: event.name ?? '',
      ...present({
        description: textIn(event.description),
        location,
        joinLink: textIn(event.joinLink),
        startsAt: momentOf(event.startTime),
        endsAt: momentOf(event.endTime),
      }),
      canceled: event.isCanceled === true,
      ...(secret && { secret }),
    },
  }
}

function menuOf({
  buttonsMessage: buttons,
  listMessage: list,
  templateMessage: template,
  interactiveMessage: interactive,
}: proto.IMessage): MessageBody | undefined {
  if (!isMissing(buttons)) {
    const options = (buttons.buttons ?? []).map(({ buttonId, buttonText }) => ({
      id: buttonId ?? '',
      title: buttonText?.displayText ?? '',
    }))
    return {
      kind: 'buttons',
      text: textIn(buttons.contentText) ?? buttons.text ?? '',
      options,
      ...present({ footer: textIn(buttons.footerText) }),
    }
  }
  if (!isMissing(list)) {
    const options = (list.sections ?? []).flatMap(({ rows }) =>
      (rows ?? []).map(({ rowId, title, description }) => ({
        id: rowId ?? '',
        title: title ?? '',
        ...present({ description: textIn(description) }),
      })),
    )
    return {
      kind: 'list',
      text: textIn(list.description) ?? list.title ?? '',
      options,
      ...present({ footer: textIn(list.footerText) }),
    }
  }
  const hydrated = template?.hydratedTemplate ?? template?.hydratedFourRowTemplate
  if (!isMissing(hydrated))
    return {
      kind: 'buttons',
      text: textIn(hydrated.hydratedContentText) ?? hydrated.hydratedTitleText ?? '',
      options: (hydrated.hydratedButtons ?? []).map(templateOption),
      ...present({ footer: textIn(hydrated.hydratedFooterText) }),
    }
  const native = interactive ?? template?.interactiveMessageTemplate
  if (isMissing(native)) return undefined
  return {
    kind: 'buttons',
    text: textIn(native.body?.text) ?? native.header?.title ?? '',
    options: (native.nativeFlowMessage?.buttons ?? []).map(flowOption),
    ...present({ footer: textIn(native.footer?.text) }),
  }
}

function templateOption({
  quickReplyButton: reply,
  urlButton: link,
  callButton: call,
}: proto.IHydratedTemplateButton): MenuOption {
  return {
    id: reply?.id ?? '',
    title: reply?.displayText ?? link?.displayText ?? call?.displayText ?? '',
    ...present({ url: textIn(link?.url), phone: textIn(call?.phoneNumber) }),
  }
}

/** A button of a native flow keeps what it says in JSON: `{"display_text": "…", "id": "…", "url": "…"}`. */
function flowOption({
  name,
  buttonParamsJson,
}: proto.Message.InteractiveMessage.NativeFlowMessage.INativeFlowButton): MenuOption {
  const fields = jsonObject(buttonParamsJson)
  return {
    id: stringIn(fields, 'id') ?? '',
    title: stringIn(fields, 'display_text') ?? name ?? '',
    ...present({ url: stringIn(fields, 'url'), phone: stringIn(fields, 'phone_number') }),
  }
}

function chosen({
  buttonsResponseMessage: button,
  templateButtonReplyMessage: template,
  interactiveResponseMessage: interactive,
  listResponseMessage: list,
}: proto.IMessage): MessageBody | undefined {
  const reply = (kind: 'buttons_reply' | 'list_reply', choice: Choice): MessageBody => ({
    kind,
    text: choice.title,
    choice,
  })
  if (!isMissing(button))
    return reply('buttons_reply', {
      id: button.selectedButtonId ?? '',
      title: button.selectedDisplayText ?? '',
    })
  if (!isMissing(template))
    return reply('buttons_reply', {
      id: template.selectedId ?? '',
      title: template.selectedDisplayText ?? '',
    })
  if (!isMissing(list))
    return reply('list_reply', {
      id: list.singleSelectReply?.selectedRowId ?? '',
      title: list.title ?? '',
      ...present({ description: textIn(list.description) }),
    })
  if (isMissing(interactive)) return undefined
  const form = textIn(interactive.nativeFlowResponseMessage?.paramsJson)
  const fields = jsonObject(form)
  return reply('buttons_reply', {
    id: stringIn(fields, 'id') ?? '',
    title: textIn(interactive.body?.text) ?? stringIn(fields, 'title') ?? '',
    ...present({ form }),
  })
}

function inviting({ groupInviteMessage: invite }: proto.IMessage): MessageBody | undefined {
  const group = jidIn(invite?.groupJid)
  if (isMissing(invite) || group === undefined) return undefined
  return {
    kind: 'group_invite',
    text: textIn(invite.caption) ?? invite.groupName ?? '',
    invite: {
      group,
      name: invite.groupName ?? '',
      code: invite.inviteCode ?? '',
      ...present({ expiresAt: momentOf(invite.inviteExpiration) }),
    },
  }
}

function selling({ productMessage, orderMessage: order }: proto.IMessage): MessageBody | undefined {
  const product = productMessage?.product
  if (!isMissing(productMessage) && !isMissing(product))
    return {
      kind: 'product',
      text: textIn(productMessage.body) ?? product.title ?? '',
      product: {
        id: product.productId ?? '',
        title: product.title ?? '',
        ...present({
          description: textIn(product.description),
          priceMilli: countOf(product.priceAmount1000),
          currency: textIn(product.currencyCode),
          url: textIn(product.url),
          retailerId: textIn(product.retailerId),
          seller: jidIn(productMessage.businessOwnerJid),
        }),
      },
    }
  if (isMissing(order)) return undefined
  return {
    kind: 'order',
    text: textIn(order.message) ?? order.orderTitle ?? '',
    order: {
      id: order.orderId ?? '',
      title: order.orderTitle ?? '',
      items: countOf(order.itemCount) ?? 0,
      ...present({
        totalMilli: countOf(order.totalAmount1000),
        currency: textIn(order.totalCurrencyCode),
        seller: jidIn(order.sellerJid),
      }),
    },
  }
}

function grouping({ albumMessage: album }: proto.IMessage): MessageBody | undefined {
  if (isMissing(album)) return undefined
  return {
    kind: 'album',
    text: '',
    album: { images: countOf(album.expectedImageCount) ?? 0, videos: countOf(album.expectedVideoCount) ?? 0 },
  }
}

function jsonObject(text: string | null | undefined): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(text ?? '')
    // Only asked for its members by name.
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function stringIn(fields: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = fields[name]
  return typeof value === 'string' ? textIn(value) : undefined
}

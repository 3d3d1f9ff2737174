import type { proto } from '../baileys.ts'

import type { Media, MediaKind, MessageContent } from '@inbox-hub/whatsapp'

type FileMessage = Extract<MessageContent, { kind: MediaKind }>

/**
 * A file that WhatsApp's media host has, as the message that leads to it. Not baileys' own generator: that one uploads by itself, through
 * the temporary directory.
 */
export function fileMessageOf({ kind, text: caption, media, style }: FileMessage): proto.IMessage {
  const reference = referenceOf(media)
  const { seconds, width, height } = media
  const sized = {
    ...(width !== undefined && { width }),
    ...(height !== undefined && { height }),
    ...(media.thumbnail !== undefined && { jpegThumbnail: Buffer.from(media.thumbnail, 'base64') }),
  }
  const captioned = caption === '' ? {} : { caption }
  const played = seconds === undefined ? {} : { seconds }
  switch (kind) {
    case 'image':
      return { imageMessage: { ...reference, ...sized, ...captioned } }
    case 'video':
      return { videoMessage: { ...reference, ...sized, ...played, ...captioned } }
    case 'gif':
      return { videoMessage: { ...reference, ...sized, ...played, ...captioned, gifPlayback: true } }
    case 'video_note':
      return { ptvMessage: { ...reference, ...sized, ...played } }
    case 'audio':
      return { audioMessage: { ...reference, ...played, ptt: false } }
    case 'voice':
      return {
        audioMessage: {
          ...reference,
          ...played,
          ptt: true,
          ...(style?.background !== undefined && { backgroundArgb: argbOf(style.background) }),
          ...(media.waveform !== undefined && { waveform: Buffer.from(media.waveform, 'base64') }),
        },
      }
    case 'sticker':
      return {
        stickerMessage: { ...reference, ...sized, isAnimated: media.animated === true },
      }
    case 'document':
      break
  }
  return documentOf(
    { ...reference, fileName: media.name ?? '', title: media.name ?? '', ...captioned },
    caption,
  )
}

/** A caption makes it another kind of message, as WhatsApp's apps have it. */
function documentOf(documentMessage: proto.Message.IDocumentMessage, caption: string): proto.IMessage {
  return caption === ''
    ? { documentMessage }
    : { documentWithCaptionMessage: { message: { documentMessage } } }
}

function referenceOf({ mimetype, bytes, sha256, source }: Media) {
  if (source === undefined) throw new Error('a file that was not uploaded cannot be sent')
  return {
    mimetype: mimetype ?? 'application/octet-stream',
    directPath: source.directPath,
    ...(source.url !== undefined && { url: source.url }),
    fileSha256: Buffer.from(sha256 ?? '', 'base64'),
    fileLength: bytes ?? 0,
    ...(source.key !== undefined && {
      mediaKey: Buffer.from(source.key, 'base64'),
      fileEncSha256: Buffer.from(source.encSha256 ?? '', 'base64'),
      ...(source.keyTimestamp !== undefined && { mediaKeyTimestamp: source.keyTimestamp }),
    }),
  }
}

/** Of `#RRGGBB`, opaque: as WhatsApp writes the colours of statuses. */
export const argbOf = (colour: string): number => Number.parseInt(`FF${colour.slice(1)}`, 16)

import type { MediaKind } from '@inbox-hub/whatsapp'

import { words } from './words.ts'

/**
 * The demuxer for each type that we give to ffmpeg. It is always named: left to itself, ffmpeg takes a file for what it looks like, a playlist
 * or a script among them, which name other files and addresses.
 */
const demuxers: Readonly<Record<string, string>> = {
  'image/jpeg': 'jpeg_pipe',
  'image/png': 'png_pipe',
  'image/gif': 'gif',
  'image/webp': 'webp_pipe',
  'image/bmp': 'bmp_pipe',
  'image/tiff': 'tiff_pipe',
  'video/mp4': 'mov',
  'video/quicktime': 'mov',
  'video/3gpp': 'mov',
  'video/webm': 'matroska',
  'video/x-matroska': 'matroska',
  'video/x-msvideo': 'avi',
  'video/mpeg': 'mpeg',
  'video/ogg': 'ogg',
  'audio/mp4': 'mov',
  'audio/x-m4a': 'mov',
  'audio/webm': 'matroska',
  'audio/ogg': 'ogg',
  'audio/opus': 'ogg',
  'audio/mpeg': 'mp3',
  'audio/aac': 'aac',
  'audio/amr': 'amr',
  'audio/flac': 'flac',
  'audio/wav': 'wav',
  'audio/aiff': 'aiff',
  'audio/x-caf': 'caf',
  'audio/x-ms-wma': 'asf',
  'video/x-ms-asf': 'asf',
  'video/x-flv': 'flv',
}

/** A type without its parameters. */
export function bareType(mimetype: string): string {
  return mimetype.replace(/;.*$/, '').trim()
}

/** Whether a file of this type can become what it is to be sent as, by whatever means. */
export function canBecome(as: MediaKind, mimetype: string): boolean {
  if (as === 'document') return true
  const type = bareType(mimetype)
  if (demuxers[type] === undefined) return false
  const isPicture = type.startsWith('image/')
  switch (as) {
    case 'image':
      return isPicture
    case 'video':
    case 'video_note':
    case 'gif':
      return type.startsWith('video/') || type === 'image/gif'
    case 'sticker':
      return isPicture || type.startsWith('video/')
    case 'audio':
    case 'voice':
      break
  }
  // The sound of a video is one, and browsers record sound as video/webm.
  return !isPicture
}

/** Pictures and frames larger than this are not decoded: each takes some bytes per pixel in memory. */
export const maxPixels = 50_000_000
/** The largest block of memory that ffmpeg may ask for at once. */
const maxAlloc = 512 * 1024 * 1024

/** The arguments that name the input: a local file, of exactly that format, that can lead to no other file and to no address. */
export function inputOf(path: string, mimetype: string, options: readonly string[] = []): string[] {
  const demuxer = demuxers[bareType(mimetype)]
  if (demuxer === undefined) throw new TypeError(`no demuxer for ${mimetype}`)
  return [
    ...words(`-max_alloc ${maxAlloc} -protocol_whitelist file,pipe -max_pixels ${maxPixels}`),
    ...options,
    ...words(`-f ${demuxer} -i`),
    `file:${path}`,
  ]
}

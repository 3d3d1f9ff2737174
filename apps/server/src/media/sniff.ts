import type { MediaKind } from '@inbox-hub/contract'

/**
 * The media type that a file's first bytes say, of those that WhatsApp and the contract know; undefined when they say none. Only
 * fixed places are compared: nothing of a stranger's is parsed.
 */
export function sniff(head: Buffer): string | undefined {
  return signatures.find(({ marks }) => marks.every(([at, mark]) => isAt(head, at, mark)))?.type ?? iso(head)
}

interface Signature {
  readonly type: string
  readonly marks: readonly (readonly [at: number, mark: string])[]
}

/** Marks are Latin-1. Sources: the IANA registrations, and the magic file of file(1). */
const signatures: readonly Signature[] = [
  { type: 'image/jpeg', marks: [[0, '\xFF\xD8\xFF']] },
  { type: 'image/png', marks: [[0, '\x89PNG\r\n\x1A\n']] },
  { type: 'image/gif', marks: [[0, 'GIF87a']] },
  { type: 'image/gif', marks: [[0, 'GIF89a']] },
  {
    type: 'image/webp',
    marks: [
      [0, 'RIFF'],
      [8, 'WEBP'],
    ],
  },
  {
    type: 'image/bmp',
    marks: [
      [0, 'BM'],
      [6, '\0\0\0\0'],
    ],
  },
  { type: 'image/tiff', marks: [[0, 'II*\0']] },
  { type: 'image/tiff', marks: [[0, 'MM\0*']] },
  {
    type: 'audio/wav',
    marks: [
      [0, 'RIFF'],
      [8, 'WAVE'],
    ],
  },
  {
    type: 'video/x-msvideo',
    marks: [
      [0, 'RIFF'],
      [8, 'AVI '],
    ],
  },
  { type: 'audio/ogg', marks: [[0, 'OggS']] },
  { type: 'audio/flac', marks: [[0, 'fLaC']] },
  { type: 'audio/amr', marks: [[0, '#!AMR']] },
  { type: 'audio/mpeg', marks: [[0, 'ID3']] },
  { type: 'audio/aac', marks: [[0, '\xFF\xF1']] },
  { type: 'audio/aac', marks: [[0, '\xFF\xF9']] },
  { type: 'audio/mpeg', marks: [[0, '\xFF\xFB']] },
  { type: 'audio/mpeg', marks: [[0, '\xFF\xF3']] },
  { type: 'audio/mpeg', marks: [[0, '\xFF\xF2']] },
  { type: 'audio/mpeg', marks: [[0, '\xFF\xFA']] },
  {
    type: 'audio/aiff',
    marks: [
      [0, 'FORM'],
      [8, 'AIF'],
    ],
  },
  { type: 'audio/x-caf', marks: [[0, 'caff\0\x01']] },
  { type: 'video/x-ms-asf', marks: [[0, '\x30\x26\xB2\x75\x8E\x66\xCF\x11']] },
  { type: 'video/x-flv', marks: [[0, 'FLV\x01']] },
  // Matroska has the same first bytes; its document type follows within them.
  { type: 'video/webm', marks: [[0, '\x1A\x45\xDF\xA3']] },
  { type: 'video/mpeg', marks: [[0, '\0\0\x01\xBA']] },
  { type: 'application/pdf', marks: [[0, '%PDF-']] },
  { type: 'application/zip', marks: [[0, 'PK\x03\x04']] },
  { type: 'application/zip', marks: [[0, 'PK\x05\x06']] },
  { type: 'application/x-cfb', marks: [[0, '\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1']] },
  { type: 'application/gzip', marks: [[0, '\x1F\x8B\x08']] },
  { type: 'application/x-7z-compressed', marks: [[0, "7z\xBC\xAF'\x1C"]] },
  { type: 'application/vnd.rar', marks: [[0, 'Rar!\x1A\x07']] },
  { type: 'application/x-executable', marks: [[0, '\x7FELF']] },
  { type: 'application/vnd.microsoft.portable-executable', marks: [[0, 'MZ']] },
]

/** ISO base media: the brand says which of the formats that share it. */
function iso(head: Buffer): string | undefined {
  if (!isAt(head, 4, 'ftyp')) return undefined
  const brand = head.toString('latin1', 8, 12)
  if (brand.startsWith('M4A') || brand === 'M4B ') return 'audio/mp4'
  if (brand === 'qt  ') return 'video/quicktime'
  if (brand.startsWith('3g')) return 'video/3gpp'
  if (brand === 'avif' || brand === 'avis') return 'image/avif'
  if (['heic', 'heix', 'mif1', 'msf1', 'heim', 'heis'].includes(brand)) return 'image/heic'
  return 'video/mp4'
}

function isAt(head: Buffer, at: number, mark: string): boolean {
  return head.toString('latin1', at, at + mark.length) === mark
}

/** Types that are containers of others: what was declared may say more, when it is one of these. */
const refinements: Readonly<Record<string, RegExp>> = {
  'application/zip':
    /^application\/(vnd\.openxmlformats-officedocument\.[\w.-]+|vnd\.oasis\.opendocument\.[\w.-]+|epub\+zip|vnd\.android\.package-archive|java-archive|was)$/,
  'application/x-cfb': /^application\/(msword|vnd\.ms-[\w.-]+)$/,
  'video/mp4': /^audio\/(mp4|x-m4a)$/,
  'audio/ogg': /^(audio\/ogg; ?codecs=opus|audio\/opus|video\/ogg)$/,
  'video/x-ms-asf': /^audio\/x-ms-wma$/,
  'video/webm': /^(audio\/webm|video\/x-matroska)$/,
}

/** Prefixes of the types that only their bytes can prove. */
const provable = /^(image|video|audio)\//

/**
 * What a file is: as its bytes say; where they leave it open, as was declared. A picture, video or sound whose bytes do not show it is
 * none, whatever was declared.
 */
export function mediaTypeOf(head: Buffer, declared: string | undefined): string {
  const sniffed = sniff(head)
  if (declared === undefined) return sniffed ?? 'application/octet-stream'
  if (sniffed === undefined) return provable.test(declared) ? 'application/octet-stream' : declared
  return refinements[sniffed]?.test(declared) === true ? declared : sniffed
}

/** A media type as it may be stored and sent on: lower case, at most one harmless parameter. Undefined when it is none. */
export function cleanType(declared: string | undefined): string | undefined {
  const found = /^\s*([\w!#$&^.+-]{1,100}\/[\w!#$&^.+-]{1,100})\s*(;\s*codecs="?([\w., -]{1,40})"?)?/i.exec(
    declared ?? '',
  )
  const type = found?.[1]?.toLowerCase()
  // What says nothing is not a declaration.
  if (type === undefined || type === 'application/octet-stream') return undefined
  return found?.[3] === 'opus' ? `${type}; codecs=opus` : type
}

/** What WhatsApp shows itself; everything else travels as a document. */
export function kindOf(type: string): MediaKind {
  if (['image/jpeg', 'image/png', 'image/gif', 'image/webp'].includes(type)) return 'image'
  if (
    ['video/mp4', 'video/quicktime', 'video/3gpp', 'video/webm', 'video/x-msvideo', 'video/mpeg'].includes(
      type,
    )
  )
    return 'video'
  return type.startsWith('audio/') ? 'audio' : 'document'
}

/** Whether a file of this type can be treated as `kind`. */
export function canBe(kind: MediaKind, type: string): boolean {
  if (kind === 'document') return true
  if (kind === 'sticker') return kindOf(type) === 'image' || type === 'video/mp4'
  // Voice notes come as what browsers record: webm or mp4 without a picture.
  if (kind === 'audio') return type.startsWith('audio/') || type === 'video/webm' || type === 'video/mp4'
  return kindOf(type) === kind || (kind === 'video' && type === 'image/gif')
}

const extensions: Readonly<Record<string, string>> = {
  'image/jpeg': 'jpg',
  'image/png': 'png',
  'image/gif': 'gif',
  'image/webp': 'webp',
  'video/mp4': 'mp4',
  'video/webm': 'webm',
  'video/quicktime': 'mov',
  'video/3gpp': '3gp',
  'video/x-msvideo': 'avi',
  'audio/mpeg': 'mp3',
  'audio/mp4': 'm4a',
  'audio/ogg': 'ogg',
  'audio/ogg; codecs=opus': 'ogg',
  'audio/wav': 'wav',
  'audio/aac': 'aac',
  'audio/amr': 'amr',
  'application/pdf': 'pdf',
  'application/zip': 'zip',
  'text/plain': 'txt',
  'text/csv': 'csv',
}

/** The ending of a name we make up. */
export function extensionOf(type: string): string {
  return extensions[type] ?? 'bin'
}

import { type MediaKind, mediaKinds } from '@inbox-hub/whatsapp'

/** Which files are fetched as they arrive; the others when somebody asks for them. */
export interface DownloadPolicy {
  readonly kinds: readonly MediaKind[]
  /** Larger files wait to be asked for. */
  readonly maxBytes: number
}

/** By what a message says of its file; a size it does not say counts as none, and is found out on the way. */
export function isFetchedByItself(
  policy: DownloadPolicy,
  { kind, bytes = 0 }: { kind: MediaKind; bytes: number | undefined },
): boolean {
  return policy.kinds.includes(kind) && bytes <= policy.maxBytes
}

/** `all`, `none`, or kinds separated by commas, as in MEDIA_AUTO_DOWNLOAD. Undefined when it is none of these. */
export function parseKinds(text: string): readonly MediaKind[] | undefined {
  const words = text
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((word) => word !== '')
  if (words.length === 1 && words[0] === 'all') return mediaKinds
  if (words.length === 1 && words[0] === 'none') return []
  const kinds = words.map((word) => mediaKinds.find((kind) => kind === word))
  return kinds.length === 0 || kinds.includes(undefined)
    ? undefined
    : kinds.filter((kind) => kind !== undefined)
}

import type { AskedAlbum } from '@inbox-hub/whatsapp'
import { z } from 'zod'

import { bool, issue, maybe } from './fields.ts'
import { askedFile, caption, looseFiles, named, needsOne, oneSource, source } from './outgoing-files.ts'

/* Several pictures and videos as one album. In the loose form each stands as it would stand alone: `{"image": {"url": "…"}, "caption": "…"}`. */

// The one file of a form is not several.
const { upload: _, ...ownSource } = source
const shared = {
  ...ownSource,
  caption: maybe(caption),
  // What is shown once must never go out as what is shown for good.
  viewOnce: maybe(bool().refine((once) => !once, issue('not_in_album'))),
  ...named,
}
const item = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('image'), ...shared }).refine(oneSource, needsOne),
  z.object({ kind: z.literal('video'), ...shared }).refine(oneSource, needsOne),
])

export const albumForm = z
  .object({ kind: z.literal('album'), items: z.array(z.preprocess(strictItem, item)).min(2).max(30) })
  .meta({
    id: 'SendAlbum',
    description:
      'From 2 to 30 pictures and videos that phones show together, each a message of its own. What is quoted or mentioned goes with the first. Loosely: `{"album": [{"image": {"url": "…"}, "caption": "…"}, {"video": {…}}]}`.',
  })

type Loose = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What the key of a loose form stands for. */
export const looseAlbums: Readonly<Record<string, (value: unknown, message: Loose) => unknown>> = {
  album: (value) => ({ ...(isObject(value) ? value : { items: value }), kind: 'album' }),
}

function strictItem(value: unknown): unknown {
  if (!isObject(value) || value['kind'] !== undefined) return value
  const key = ['image', 'video'].find((name) => value[name] !== undefined && value[name] !== null)
  return key === undefined ? value : looseFiles[key]?.(value[key], value)
}

export function askedAlbum({ items }: z.output<typeof albumForm>): AskedAlbum {
  return { kind: 'album', items: items.map(askedFile) }
}

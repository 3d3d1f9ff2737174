import type { Parser } from 'htmlparser2'

/** What a page says about itself to who shows a link to it. */
export interface PageFacts {
  title?: string
  description?: string
  /** Absolute, http or https. */
  imageUrl?: string
}

/** How much of a page is read to find the end of its head: some put a megabyte of scripts into it. */
const maxHeadBytes = 1024 * 1024
const maxTitle = 300
const maxDescription = 1000

/** Names of `<meta>`, the most telling first. */
const namesOf = {
  title: ['og:title', 'twitter:title'],
  description: ['og:description', 'twitter:description', 'description'],
  image: ['og:image:secure_url', 'og:image', 'og:image:url', 'twitter:image', 'twitter:image:src'],
} as const

/** Reads what a page of HTML begins with, and no more. `url` is where it is. Undefined when it has no title. */
export async function factsOfPage(
  bytes: AsyncIterable<Uint8Array>,
  { url, contentType }: { url: string; contentType: string },
): Promise<(PageFacts & { title: string }) | undefined> {
  const head = await headOf(bytes)
  const { metas, title: own } = await readHead(decoded(head, contentType))
  const first = (names: readonly string[]): string | undefined =>
    names.map((name) => metas.get(name)).find((text) => text !== undefined)
  const title = tidy(first(namesOf.title) ?? own, maxTitle)
  if (title === '') return undefined
  const description = tidy(first(namesOf.description) ?? '', maxDescription)
  const image = URL.parse(first(namesOf.image) ?? '', url)
  return {
    title,
    ...(description !== '' && { description }),
    ...(image !== null &&
      ['http:', 'https:'].includes(image.protocol) &&
      first(namesOf.image) !== undefined && { imageUrl: image.href }),
  }
}

async function headOf(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let read = 0
  let tail = ''
  for await (const chunk of bytes) {
    chunks.push(chunk)
    read += chunk.length
    tail = tail.slice(-8) + Buffer.from(chunk).toString('latin1')
    if (/<\/head|<body/i.test(tail) || read >= maxHeadBytes) break
  }
  return Buffer.concat(chunks).subarray(0, maxHeadBytes)
}

/** In the encoding that its header says, or the page itself. */
function decoded(head: Buffer, contentType: string): string {
  const named =
    /charset\s*=\s*["']?([\w.:-]+)/i.exec(contentType)?.[1] ??
    /<meta[^>]{0,200}charset\s*=\s*["']?([\w.:-]+)/i.exec(head.toString('latin1', 0, 4096))?.[1]
  try {
    return new TextDecoder(named ?? 'utf-8').decode(head)
  } catch {
    return new TextDecoder().decode(head) // an encoding that nobody knows
  }
}

async function readHead(html: string): Promise<{ metas: ReadonlyMap<string, string>; title: string }> {
  // Loaded with the first preview: most hubs never make one.
  const htmlparser: { Parser: typeof Parser } = await import('htmlparser2')
  const metas = new Map<string, string>()
  let title: string | undefined
  let isTitle = false
  const parser = new htmlparser.Parser({
    onopentag(name, { property, name: named, content }) {
      if (name === 'title') {
        isTitle = title === undefined
        title ??= ''
      }
      const key = (property ?? named)?.trim().toLowerCase()
      if (name !== 'meta' || key === undefined || content === undefined || content.trim() === '') return
      if (!metas.has(key)) metas.set(key, content)
    },
    ontext(text) {
      if (isTitle) title = (title ?? '') + text
    },
    onclosetag(name) {
      if (name === 'title') isTitle = false
    },
  })
  parser.end(html)
  return { metas, title: title ?? '' }
}

/** One line, without what is not seen or turns the direction of what follows, and not longer than `most` characters. */
function tidy(text: string, most: number): string {
  const line = text
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .replaceAll(/[\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu, '')
    .trim()
  const characters = Array.from(line)
  return characters.length <= most ? line : `${characters.slice(0, most - 1).join('')}…`
}

import { z } from 'zod'

/** What a message is, precisely; `type` puts these into the fewer words that CRMs know. */
export const messageKinds = [
  'text',
  'image',
  'video',
  'gif',
  'video_note',
  'audio',
  'voice',
  'document',
  'sticker',
  'location',
  'live_location',
  'contacts',
  'poll',
  'event',
  'buttons',
  'list',
  'buttons_reply',
  'list_reply',
  'group_invite',
  'product',
  'order',
  'album',
  'unsupported',
  'undecryptable',
  // What is done to another message: in answers of sends only.
  'reaction',
  'edit',
  'revoke',
  'pin',
  'keep',
  'vote',
] as const
export type MessageKindWord = (typeof messageKinds)[number]

const count = z.int().min(0)
const thousandths = count.nullable().describe('In thousandths of the unit of `currency`')
const moment = z.int().nullable().describe('Unix ms')

/** A file, as its message describes it. What is not known is null. */
export const mediaSchema = z.object({
  url: z
    .string()
    .nullable()
    .describe('Where to fetch it without a key, for some hours; fetched from WhatsApp first if need be'),
  thumbnailUrl: z.string().nullable().describe('The same for the small JPEG that came with it'),
  mimetype: z.string().nullable(),
  filename: z.string().nullable(),
  filesize: count.nullable().describe('Bytes'),
  sha256: z.string().nullable().describe('Of the file, base64'),
  seconds: count.nullable(),
  width: count.nullable().describe('Pixels'),
  height: count.nullable().describe('Pixels'),
  pages: count.nullable(),
  animated: z.boolean().describe('A sticker that moves, or a video that plays as a GIF'),
  waveform: z.string().nullable().describe('Of a voice note: one byte of 0 to 100 for each bar, base64'),
})

const place = z.object({
  latitude: z.number(),
  longitude: z.number(),
  name: z.string().nullable(),
  address: z.string().nullable(),
  url: z.string().nullable(),
  accuracyM: count.nullable().describe('Metres'),
  live: z.boolean().describe('Shared while it moves: this is where it began'),
})

/** What a kind has beyond text and file: one field, named in each description; none for the others. */
export const messageDetails = z.object({
  location: place.optional().describe('`location`, `live_location`'),
  contacts: z
    .array(z.object({ name: z.string(), vcard: z.string() }))
    .optional()
    .describe('`contacts`'),
  poll: z
    .object({
      question: z.string(),
      options: z.array(z.string()),
      selectable: count.describe('How many may be chosen; 0: any number'),
    })
    .optional()
    .describe('`poll`'),
  preview: z
    .object({
      url: z.string().describe('As it stands in the text'),
      title: z.string().nullable(),
      description: z.string().nullable(),
      thumbnailUrl: z.string().nullable().describe('Where to fetch its small JPEG without a key'),
    })
    .optional()
    .describe('`text`: what an address in it leads to, as its sender says'),
  event: z
    .object({
      name: z.string(),
      description: z.string().nullable(),
      location: place.nullable(),
      joinLink: z.string().nullable(),
      startsAt: moment,
      endsAt: moment,
      canceled: z.boolean(),
    })
    .optional()
    .describe('`event`'),
  options: z
    .array(
      z.object({
        id: z.string().describe('What a reply names'),
        title: z.string(),
        description: z.string().nullable(),
        url: z.string().nullable(),
        phone: z.string().nullable(),
      }),
    )
    .optional()
    .describe('`buttons`, `list`'),
  choice: z
    .object({
      id: z.string().describe('Of the option that was chosen'),
      title: z.string(),
      description: z.string().nullable(),
      form: z.string().nullable().describe('Of a flow: the form as it was filled in, JSON'),
      messageId: z
        .string()
        .nullable()
        .describe('The menu, when it is one that the hub sent as numbered text'),
    })
    .optional()
    .describe('`buttons_reply`, `list_reply`; `text` that names an option of a numbered menu'),
  invite: z
    .object({ groupId: z.string(), name: z.string(), code: z.string(), expiresAt: moment })
    .optional()
    .describe('`group_invite`'),
  product: z
    .object({
      id: z.string(),
      title: z.string(),
      description: z.string().nullable(),
      priceMilli: thousandths,
      currency: z.string().nullable(),
      url: z.string().nullable(),
      retailerId: z.string().nullable(),
    })
    .optional()
    .describe('`product`'),
  order: z
    .object({
      id: z.string(),
      title: z.string(),
      items: count,
      totalMilli: thousandths,
      currency: z.string().nullable(),
    })
    .optional()
    .describe('`order`'),
  album: z
    .object({ images: count, videos: count })
    .optional()
    .describe('`album`: how many follow, each with this message as `albumId`'),
  deed: z
    .object({
      messageId: z.string().describe('The message it was done to'),
      emoji: z.string().optional().describe('`reaction`: empty when it was taken back'),
      pinned: z.boolean().optional(),
      kept: z.boolean().optional(),
      options: z.array(z.string()).optional().describe('`vote`: all that was chosen'),
    })
    .optional()
    .describe('`reaction`, `edit`, `revoke`, `pin`, `keep`, `vote`: in the answer of a send'),
})
export type MessageDetails = z.infer<typeof messageDetails>

/** The ad or post that somebody tapped to write to a business. */
export const adReferral = z.object({
  sourceType: z.string().nullable().describe('As WhatsApp names it, e.g. `ad`'),
  sourceId: z.string().nullable(),
  sourceUrl: z.string().nullable(),
  title: z.string().nullable(),
  body: z.string().nullable(),
  mediaUrl: z.string().nullable(),
  thumbnailUrl: z.string().nullable(),
  clickId: z.string().nullable().describe("`ctwa_clid`, for the advertiser's conversion reports"),
  app: z.string().nullable(),
})

/** What a message of any kind says beyond its text, in lists and in `message.received` alike. */
export const messageContent = {
  kind: z.enum(messageKinds).describe('What it is, precisely; `type` has the words that CRMs know'),
  media: mediaSchema.nullable(),
  details: messageDetails,
  viewOnce: z.boolean(),
  isForwarded: z.boolean(),
  forwardingScore: count.describe('How often it was passed on; WhatsApp says "many times" from 5'),
  expiresIn: count.nullable().describe('Seconds after which it disappears, null when it does not'),
  mentionsEveryone: z.boolean().describe('Of a group: everybody in it was named'),
  albumId: z.string().nullable().describe('The message that announced the album it is a part of'),
  ad: adReferral.nullable().describe('The ad or post that somebody tapped to write'),
  unsupported: z
    .string()
    .nullable()
    .describe("WhatsApp's name for a kind of content that is not read yet, else null"),
}
export type MessageContentWire = z.infer<z.ZodObject<typeof messageContent>>

import { z } from 'zod'

import { inputOf } from './formats.ts'
import { run, type RunContext } from './run.ts'
import { words } from './words.ts'

/** What is in a video or sound. */
export interface Probe {
  readonly picture:
    | {
        readonly codec: string
        readonly pixelFormat: string
        /** Pixels, as they are shown: turned already. */
        readonly width: number
        readonly height: number
      }
    | undefined
  readonly sound: { readonly codec: string; readonly channels: number } | undefined
  readonly seconds: number | undefined
}

const numeric = z.union([z.string(), z.number()]).transform(Number).catch(Number.NaN)

const saidSchema = z.object({
  streams: z.array(
    z.object({
      codec_type: z.string().catch(''),
      codec_name: z.string().catch(''),
      pix_fmt: z.string().catch(''),
      width: numeric.optional(),
      height: numeric.optional(),
      channels: numeric.optional(),
      duration: numeric.optional(),
      disposition: z.looseObject({ attached_pic: z.number().catch(0) }).optional(),
      side_data_list: z
        .array(z.looseObject({ rotation: numeric.optional() }))
        .optional()
        .catch(undefined),
    }),
  ),
  format: z.object({ duration: numeric.optional() }).optional(),
})

const limits = { timeoutMs: 15_000, maxOutput: 1024 * 1024 }

/** Asks ffprobe about a file of `type`. Throws `RunFailed` for what it cannot read. */
export async function probe(
  ffprobe: string,
  { path, mimetype }: { path: string; mimetype: string },
  context: RunContext,
): Promise<Probe> {
  const chunks: Buffer[] = []
  const args = [
    ...words('-v error -of json -show_entries'),
    'stream=codec_type,codec_name,pix_fmt,width,height,channels,duration:stream_disposition=attached_pic:stream_side_data=rotation:format=duration',
    ...inputOf(path, mimetype),
  ]
  await run(ffprobe, args, limits, { ...context, onOutput: (chunk) => chunks.push(chunk) })
  const { streams, format } = saidSchema.parse(JSON.parse(Buffer.concat(chunks).toString()))
  // Covers of songs are pictures in ffmpeg's eyes.
  const picture = streams.find(
    ({ codec_type, disposition }) => codec_type === 'video' && disposition?.attached_pic !== 1,
  )
  const sound = streams.find(({ codec_type }) => codec_type === 'audio')
  const seconds = [format?.duration, picture?.duration, sound?.duration].find(
    (value) => value !== undefined && Number.isFinite(value) && value > 0,
  )
  return {
    picture: picture && {
      codec: picture.codec_name,
      pixelFormat: picture.pix_fmt,
      ...shownSize(picture),
    },
    sound: sound && { codec: sound.codec_name, channels: sound.channels ?? 0 },
    seconds,
  }
}

function shownSize(picture: {
  width?: number | undefined
  height?: number | undefined
  side_data_list?: readonly { rotation?: number | undefined }[] | undefined
}): { width: number; height: number } {
  const { width = 0, height = 0 } = picture
  const rotation = picture.side_data_list?.find((data) => data.rotation !== undefined)?.rotation ?? 0
  return Math.abs(rotation) % 180 === 90 ? { width: height, height: width } : { width, height }
}

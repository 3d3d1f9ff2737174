/** What ffmpeg is told to do: plain functions of what is known, each the arguments between the input and the output. */
import type { Probe } from './probe.ts'
import { waveformRate } from './waveform.ts'
import { words } from './words.ts'

/** WhatsApp's phones record voice notes like this: one channel of Opus in Ogg. */
export const voiceRecipe = words(
  '-map 0:a:0 -map_metadata -1 -ac 1 -ar 48000 -c:a libopus -b:a 32k -application voip -f ogg',
)

/** Samples to draw the waveform from, on the standard output. */
export const samplesRecipe = words(`-map 0:a:0 -ac 1 -ar ${waveformRate} -c:a pcm_s16le -f s16le pipe:1`)

export const soundRecipe = words(
  '-map 0:a:0 -map_metadata -1 -ac 2 -c:a aac -b:a 128k -movflags +faststart -f mp4',
)

/** A picture for those types that phones do not show; on white where it is transparent. */
export const jpegRecipe = words(
  `-frames:v 1 -map_metadata -1
   -filter_complex [0:v:0]split[a][b];[a]format=rgb24,drawbox=c=white:t=fill[c];[c][b]overlay
   -c:v mjpeg -q:v 3 -pix_fmt yuvj420p -f mjpeg`,
)

/** Longest side of a picture that people and groups show, pixels: WhatsApp's own. */
export const profileSide = 640

/** The middle of a picture, as a square; on white where it is transparent. */
export const profileRecipe = words(
  `-frames:v 1 -map_metadata -1
   -filter_complex [0:v:0]split[a][b];[a]format=rgb24,drawbox=c=white:t=fill[c];[c][b]overlay,crop='min(iw,ih)':'min(iw,ih)',scale='min(${profileSide},iw)':'min(${profileSide},iw)',setsar=1
   -c:v mjpeg -q:v 3 -pix_fmt yuvj420p -f mjpeg`,
)

/** Longest side of the preview that travels in the message itself, pixels: of a file, and of what an address leads to. */
export const thumbnailSides = { file: 96, link: 192 } as const

/** A small JPEG on the standard output. */
export const thumbnailRecipe = (side: number): readonly string[] =>
  words(
    `-map 0:v:0 -frames:v 1 -map_metadata -1
     -vf scale=${side}:${side}:force_original_aspect_ratio=decrease
     -c:v mjpeg -q:v 6 -pix_fmt yuvj420p -f image2pipe pipe:1`,
  )

/** Longest side of a video that we encode, pixels. */
const videoSide = 1280
const videoNoteSide = 480

/** What a video becomes: itself, the same pictures in another container, or a new encoding. */
export type VideoPlan = 'pass' | { readonly recipe: readonly string[] }

const h264 = words(
  '-c:v libx264 -preset veryfast -crf 26 -maxrate 3M -bufsize 6M -pix_fmt yuv420p -threads 2',
)
const mp4 = words('-map_metadata -1 -movflags +faststart -f mp4')
const aac = words('-c:a aac -b:a 96k -ac 2')

/**
 * How a video (or GIF) becomes what phones play: H.264 and AAC in MP4, with even sides. `as` gif has no sound, `video_note` is square. `found`
 * is what it is now, in a file of `type`.
 */
export function videoPlan(
  as: 'video' | 'gif' | 'video_note',
  type: string,
  { picture, sound }: Pick<Probe, 'picture' | 'sound'>,
): VideoPlan {
  const isSquare = as !== 'video_note' || picture?.width === picture?.height
  const isPlayable = picture?.codec === 'h264' && /^yuvj?420p$/.test(picture.pixelFormat) && isSquare
  const keepsSound = as !== 'gif' && sound !== undefined
  const isSoundFine = as === 'gif' ? sound === undefined : sound === undefined || sound.codec === 'aac'
  if (isPlayable && isSoundFine && type === 'video/mp4') return 'pass'
  const soundArgs = keepsSound
    ? [...words('-map 0:a:0'), ...(isSoundFine ? words('-c:a copy') : aac)]
    : ['-an']
  if (isPlayable) return { recipe: [...words('-map 0:v:0 -c:v copy'), ...soundArgs, ...mp4] }
  const filter =
    as === 'video_note'
      ? `crop='min(iw,ih)':'min(iw,ih)',scale=${videoNoteSide}:${videoNoteSide},setsar=1`
      : `scale='min(iw,${videoSide})':'min(ih,${videoSide})':force_original_aspect_ratio=decrease:force_divisible_by=2,setsar=1`
  const rate = as === 'gif' ? ',fps=25' : ''
  return { recipe: [...words(`-map 0:v:0 -vf ${filter}${rate}`), ...h264, ...soundArgs, ...mp4] }
}

/** WhatsApp shows stickers of this side, and takes them up to these sizes. */
export const stickerSide = 512
export const stickerBytes = { still: 100 * 1024, moving: 500 * 1024 }
/** Longest sticker that moves, seconds. */
const stickerSeconds = 10

const onSquare = `scale=${stickerSide}:${stickerSide}:force_original_aspect_ratio=decrease,format=yuva420p,pad=${stickerSide}:${stickerSide}:(ow-iw)/2:(oh-ih)/2:color=black@0,setsar=1`

/** Stickers from good to small: the first that is small enough is taken. */
export const stickerRecipes = {
  still: [85, 60, 35, 10].map((quality) =>
    words(
      `-map 0:v:0 -frames:v 1 -map_metadata -1 -vf ${onSquare}
       -c:v libwebp -quality ${quality} -compression_level 6 -f webp`,
    ),
  ),
  moving: [
    { quality: 60, fps: 15 },
    { quality: 35, fps: 12 },
    { quality: 15, fps: 8 },
    { quality: 1, fps: 5 },
  ].map(({ quality, fps }) =>
    words(
      `-map 0:v:0 -an -map_metadata -1 -t ${stickerSeconds} -vf fps=${fps},${onSquare}
       -c:v libwebp_anim -quality ${quality} -compression_level 4 -loop 0 -f webp`,
    ),
  ),
}

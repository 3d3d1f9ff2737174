/**
 * Files as WhatsApp's phones play and show them: voice notes in Opus, videos in H.264, stickers in WebP, each with what its message says about it
 * (duration, waveform, size, preview). The work is done by the system's ffmpeg; what needs no work needs no ffmpeg.
 */
import { mkdir, mkdtemp, open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { HubError } from '@inbox-hub/contract'
import type { MediaKind } from '@inbox-hub/whatsapp'

import type { Clock } from '../../platform/clock.ts'
import type { Log } from '../../platform/log.ts'
import { bareType, canBecome, inputOf, maxPixels } from './formats.ts'
import { type ImageFacts, readImageFacts } from './image-size.ts'
import { readOggOpus } from './ogg-opus.ts'
import { type Probe, probe } from './probe.ts'
import { findPrograms, type Programs } from './programs.ts'
import {
  jpegRecipe,
  profileRecipe,
  profileSide,
  samplesRecipe,
  soundRecipe,
  stickerBytes,
  stickerRecipes,
  stickerSide,
  thumbnailRecipe,
  thumbnailSides,
  videoPlan,
  voiceRecipe,
} from './recipes.ts'
import { run, type RunContext, RunFailed } from './run.ts'
import { Turns } from '../../platform/turns.ts'
import { Waveform } from './waveform.ts'
import { words } from './words.ts'

export { canBecome } from './formats.ts'

/** A file on the local disk; its type as its bytes say. */
export interface SourceFile {
  readonly path: string
  readonly mimetype: string
  /** Bytes. */
  readonly size: number
}

/** A file as it is to be sent. Disposing removes `path`. */
export interface Prepared extends AsyncDisposable {
  /** The new file; undefined when the source is sent as it is. */
  readonly path: string | undefined
  readonly mimetype: string
  readonly seconds?: number | undefined
  /** Pixels. */
  readonly width?: number | undefined
  readonly height?: number | undefined
  /** Of a sticker. */
  readonly animated?: boolean
  /** Of a voice note: 64 bytes of 0 to 100. */
  readonly waveform?: Buffer | undefined
  /** A small JPEG. */
  readonly thumbnail?: Buffer | undefined
}

export interface Converter {
  /** Whether there is an ffmpeg to work with; asked anew at most once a minute. */
  isAvailable(): Promise<boolean>
  /**
   * Makes of `source` what is sent `as`. Throws FILE_TYPE_MISMATCH, MEDIA_BROKEN, MEDIA_DIMENSIONS_TOO_LARGE, FILE_TOO_LARGE,
   * MEDIA_CONVERSION_UNAVAILABLE, MEDIA_CONVERSION_TOO_SLOW, MEDIA_STORE_UNAVAILABLE, and the reason of `signal`.
   */
  prepare(source: SourceFile, as: MediaKind, options: { signal: AbortSignal }): Promise<Prepared>
  /** Makes of a picture what people and groups show: a square JPEG of at most 640 pixels. Throws the same. */
  profilePicture(source: SourceFile, options: { signal: AbortSignal }): Promise<Prepared>
  /** Makes of a picture what a message shows of an address: a JPEG of at most 192 pixels; undefined without ffmpeg. Throws the same. */
  thumbnail(source: SourceFile, options: { signal: AbortSignal }): Promise<Buffer | undefined>
}

export interface ConversionSettings {
  /** The program, by name or path. */
  readonly ffmpeg: string
  /** Directories to look for it in, as in PATH. */
  readonly searchPath: string
  /** How many run at once. */
  readonly jobs: number
}

export interface ConverterDeps {
  /** Where files are made; nothing else is in it. */
  directory: string
  settings: ConversionSettings
  /** The most bytes of a file that is made. */
  maxBytes: number
  clock: Clock
  log: Log
}

/** One run of ffmpeg may take so long, ms: a video of MEDIA_MAX_MB on a slow machine. */
const runTimeoutMs = 300_000
const maxThumbnail = 64 * 1024
/** Of a picture that is shown as it is given, bytes: WhatsApp's are much smaller. */
const maxProfile = 512 * 1024
const lookAgainMs = 60_000
/** A directory that old has nobody who works in it. */
const abandonedMs = 3_600_000
/** What phones play as it is. */
const soundsThatPass: Readonly<Record<string, string>> = {
  'audio/mpeg': 'audio/mpeg',
  'audio/mp4': 'audio/mp4',
  'audio/x-m4a': 'audio/mp4',
  'audio/aac': 'audio/aac',
  'audio/amr': 'audio/amr',
}
const opusType = 'audio/ogg; codecs=opus'

/** One conversion: its directory, and what runs in it. */
interface Job {
  readonly programs: Programs | undefined
  readonly context: RunContext
  /** Where its result may be written. */
  readonly out: string
}

type Facts = Omit<Prepared, keyof AsyncDisposable>

export function createConverter({ directory, settings, maxBytes, clock, log }: ConverterDeps): Converter {
  const turns = new Turns(settings.jobs)
  let found: Promise<Programs | undefined> | undefined
  let foundAt = 0

  function programs(): Promise<Programs | undefined> {
    if (found === undefined || clock.monotonic() - foundAt > lookAgainMs) {
      found = findPrograms(settings.ffmpeg, settings.searchPath)
      foundAt = clock.monotonic()
    }
    return found
  }

  /** ffmpeg from `input` to the file of the job. */
  async function convert(
    job: Job & { programs: Programs },
    input: readonly string[],
    recipe: readonly string[],
    { extra = [], onOutput }: { extra?: readonly string[]; onOutput?: (chunk: Buffer) => void } = {},
  ): Promise<void> {
    const args = [...quiet, ...input, ...recipe, '-fs', String(maxBytes + 1), `file:${job.out}`, ...extra]
    // Bounded by the time: samples of days.
    const limits = { timeoutMs: runTimeoutMs, maxOutput: Number.MAX_SAFE_INTEGER }
    await rm(job.out, { force: true })
    await run(job.programs.ffmpeg, args, limits, { ...job.context, ...(onOutput && { onOutput }) })
    if ((await stat(job.out)).size > maxBytes) throw new HubError('FILE_TOO_LARGE', { maxBytes })
  }

  async function thumbnail(
    job: Job,
    input: readonly string[],
    side: number = thumbnailSides.file,
  ): Promise<Buffer | undefined> {
    if (job.programs === undefined) return undefined
    const chunks: Buffer[] = []
    await run(
      job.programs.ffmpeg,
      [...quiet, ...input, ...thumbnailRecipe(side)],
      { timeoutMs: runTimeoutMs, maxOutput: maxThumbnail },
      { ...job.context, onOutput: (chunk) => chunks.push(chunk) },
    )
    return chunks.length === 0 ? undefined : Buffer.concat(chunks)
  }

  async function image(source: SourceFile, job: Job): Promise<Facts> {
    const type = bareType(source.mimetype)
    const facts = await imageFacts(source)
    if (type === 'image/jpeg' || type === 'image/png') {
      return {
        path: undefined,
        mimetype: type,
        ...sizeOf(facts),
        thumbnail: await thumbnail(job, inputOf(source.path, type)),
      }
    }
    const able = withPrograms(job)
    await convert(able, inputOf(source.path, type), jpegRecipe)
    const made = { path: job.out, mimetype: 'image/jpeg', size: 0 }
    return {
      path: job.out,
      mimetype: made.mimetype,
      ...sizeOf(await imageFacts(made)),
      thumbnail: await thumbnail(job, inputOf(job.out, made.mimetype)),
    }
  }

  async function portrait(source: SourceFile, job: Job): Promise<Facts> {
    const type = bareType(source.mimetype)
    const facts = await imageFacts(source)
    const isSquare = facts !== undefined && facts.width === facts.height && facts.width <= profileSide
    if (type === 'image/jpeg' && isSquare && source.size <= maxProfile)
      return { path: undefined, mimetype: type, ...sizeOf(facts) }
    await convert(withPrograms(job), inputOf(source.path, type), profileRecipe)
    return { path: job.out, mimetype: 'image/jpeg' }
  }

  async function video(source: SourceFile, as: 'video' | 'gif' | 'video_note', job: Job): Promise<Facts> {
    const type = bareType(source.mimetype)
    if (type.startsWith('image/')) await imageFacts(source)
    // Nobody looks into it; nearly all that is called MP4 is played.
    if (job.programs === undefined && type === 'video/mp4') return { path: undefined, mimetype: type }
    const able = withPrograms(job)
    const before = await pictureIn(able, source.path, type)
    const plan = videoPlan(as, type, before)
    if (plan !== 'pass') await convert(able, inputOf(source.path, type), plan.recipe)
    const [path, after] =
      plan === 'pass' ? [source.path, before] : [job.out, await pictureIn(able, job.out, 'video/mp4')]
    const seconds = after.seconds ?? before.seconds
    // Many a video begins in black.
    const from = ['-ss', Math.min(1, (seconds ?? 0) / 2).toFixed(2)]
    return {
      path: plan === 'pass' ? undefined : path,
      mimetype: 'video/mp4',
      seconds,
      ...sizeOf(after.picture),
      thumbnail: await thumbnail(job, inputOf(path, 'video/mp4', from)),
    }
  }

  /** Probes for a video, and refuses one without pictures, or with pictures that are too large. */
  async function pictureIn(
    { programs: { ffprobe }, context }: Job & { programs: Programs },
    path: string,
    mimetype: string,
  ): Promise<Probe & { picture: NonNullable<Probe['picture']> }> {
    const found = await probe(ffprobe, { path, mimetype }, context)
    const { picture } = found
    if (picture === undefined) throw new HubError('MEDIA_BROKEN', { reason: 'no_picture' })
    checkPixels(picture)
    return { ...found, picture }
  }

  async function soundIn(job: Job & { programs: Programs }, source: SourceFile): Promise<Probe> {
    const found = await probe(job.programs.ffprobe, source, job.context)
    if (found.sound === undefined) throw new HubError('MEDIA_BROKEN', { reason: 'no_sound' })
    return found
  }

  async function voice(source: SourceFile, job: Job): Promise<Facts> {
    const opus = await oggOpusIn(source)
    if (job.programs === undefined && opus !== undefined)
      return { path: undefined, mimetype: opusType, seconds: opus.seconds }
    const able = withPrograms(job)
    await soundIn(able, source)
    const waveform = new Waveform()
    const onOutput = (chunk: Buffer): void => waveform.add(chunk)
    const input = inputOf(source.path, source.mimetype)
    const isFine = opus?.channels === 1
    if (isFine) {
      await run(
        able.programs.ffmpeg,
        [...quiet, ...input, ...samplesRecipe],
        { timeoutMs: runTimeoutMs, maxOutput: Number.MAX_SAFE_INTEGER },
        { ...job.context, onOutput },
      )
    } else await convert(able, input, voiceRecipe, { extra: samplesRecipe, onOutput })
    if (waveform.duration === 0) throw new HubError('MEDIA_BROKEN', { reason: 'no_sound' })
    return {
      path: isFine ? undefined : job.out,
      mimetype: opusType,
      seconds: waveform.duration,
      waveform: waveform.bars(),
    }
  }

  async function audio(source: SourceFile, job: Job): Promise<Facts> {
    const type = bareType(source.mimetype)
    const opus = await oggOpusIn(source)
    const passing = opus === undefined ? soundsThatPass[type] : opusType
    if (job.programs === undefined && passing !== undefined)
      return { path: undefined, mimetype: passing, seconds: opus?.seconds }
    const able = withPrograms(job)
    const { sound, picture, seconds } = await soundIn(able, source)
    if (passing !== undefined) return { path: undefined, mimetype: passing, seconds }
    // What browsers and phones record is often called a video.
    if (type === 'video/mp4' && picture === undefined && sound?.codec === 'aac')
      return { path: undefined, mimetype: 'audio/mp4', seconds }
    await convert(able, inputOf(source.path, source.mimetype), soundRecipe)
    return { path: job.out, mimetype: 'audio/mp4', seconds }
  }

  async function sticker(source: SourceFile, job: Job): Promise<Facts> {
    const type = bareType(source.mimetype)
    const isPicture = type.startsWith('image/')
    const facts = isPicture ? await imageFacts(source) : undefined
    if (type === 'image/webp' && facts !== undefined) {
      const most = facts.animated ? stickerBytes.moving : stickerBytes.still
      const fits = facts.animated
        ? Math.max(facts.width, facts.height) <= stickerSide
        : facts.width === stickerSide && facts.height === stickerSide
      if (fits && source.size <= most) return { path: undefined, mimetype: type, ...facts }
      // ffmpeg reads no WebP that moves.
      if (facts.animated && !fits) {
        throw new HubError('MEDIA_DIMENSIONS_TOO_LARGE', {
          ...sizeOf(facts),
          maxWidth: stickerSide,
          maxHeight: stickerSide,
        })
      }
      if (facts.animated) throw new HubError('FILE_TOO_LARGE', { maxBytes: most })
    }
    const able = withPrograms(job)
    const moves = facts?.animated ?? !isPicture
    if (!isPicture) await pictureIn(able, source.path, type)
    const [recipes, most] = moves
      ? [stickerRecipes.moving, stickerBytes.moving]
      : [stickerRecipes.still, stickerBytes.still]
    for (const recipe of recipes) {
      await convert(able, inputOf(source.path, type), recipe)
      const { size } = await stat(job.out)
      if (size > most) continue
      const made = await imageFacts({ path: job.out, mimetype: 'image/webp', size })
      return { path: job.out, mimetype: 'image/webp', ...made }
    }
    throw new HubError('FILE_TOO_LARGE', { maxBytes: most })
  }

  async function work(source: SourceFile, as: Exclude<MediaKind, 'document'>, job: Job): Promise<Facts> {
    switch (as) {
      case 'image':
        return image(source, job)
      case 'video':
      case 'gif':
      case 'video_note':
        return video(source, as, job)
      case 'voice':
        return voice(source, job)
      case 'audio':
        return audio(source, job)
      case 'sticker':
        break
    }
    return sticker(source, job)
  }

  /** Runs `make` in a directory of its own, when it is its turn. */
  async function inTurn(
    kind: string,
    signal: AbortSignal,
    make: (job: Job) => Promise<Facts>,
  ): Promise<Prepared> {
    using _turn = await turns.take(signal)
    const cwd = await makeDirectory(directory)
    const dispose = () => rm(cwd, { recursive: true, force: true })
    try {
      const context = { cwd, signal, clock }
      const facts = await make({ programs: await programs(), context, out: join(cwd, 'out') })
      return { ...facts, [Symbol.asyncDispose]: dispose }
    } catch (error) {
      await dispose()
      if (!(error instanceof RunFailed)) throw error
      log.info({ kind, reason: error.why, error }, 'a file was not converted')
      throw failureOf(error)
    }
  }

  return {
    isAvailable: async () => (await programs()) !== undefined,

    async prepare(source, as, { signal }) {
      if (!canBecome(as, source.mimetype))
        throw new HubError('FILE_TYPE_MISMATCH', { found: source.mimetype, type: as })
      if (as === 'document')
        return { path: undefined, mimetype: source.mimetype, async [Symbol.asyncDispose]() {} }
      return inTurn(as, signal, (job) => work(source, as, job))
    },

    async profilePicture(source, { signal }) {
      if (!canBecome('image', source.mimetype))
        throw new HubError('FILE_TYPE_MISMATCH', { found: source.mimetype, type: 'image' })
      return inTurn('profile picture', signal, (job) => portrait(source, job))
    },

    async thumbnail(source, { signal }) {
      if (!canBecome('image', source.mimetype))
        throw new HubError('FILE_TYPE_MISMATCH', { found: source.mimetype, type: 'image' })
      const type = bareType(source.mimetype)
      await using made = await inTurn('thumbnail', signal, async (job) => {
        await imageFacts(source)
        const small = await thumbnail(job, inputOf(source.path, type), thumbnailSides.link)
        return { path: undefined, mimetype: 'image/jpeg', thumbnail: small }
      })
      return made.thumbnail
    },
  }
}

/** Removes what a process that ended in the middle left behind. */
export async function sweepConversions(directory: string, now: number): Promise<void> {
  const names = await readdir(directory).catch(() => [])
  for (const name of names) {
    const path = join(directory, name)
    const found = await stat(path).catch(() => undefined)
    if (found !== undefined && found.mtimeMs < now - abandonedMs)
      await rm(path, { recursive: true, force: true })
  }
}

const quiet = words('-hide_banner -nostdin -v error')

function withPrograms(job: Job): Job & { programs: Programs } {
  if (job.programs === undefined) throw new HubError('MEDIA_CONVERSION_UNAVAILABLE')
  return { ...job, programs: job.programs }
}

async function makeDirectory(parent: string): Promise<string> {
  try {
    await mkdir(parent, { recursive: true, mode: 0o700 })
    return await mkdtemp(join(parent, 'job-'))
  } catch (cause) {
    throw new HubError('MEDIA_STORE_UNAVAILABLE', {}, { cause, retryAfterMs: 5000 })
  }
}

/** The header of a picture; undefined for formats that only ffmpeg reads. Throws MEDIA_BROKEN, MEDIA_DIMENSIONS_TOO_LARGE. */
async function imageFacts(source: SourceFile): Promise<ImageFacts | undefined> {
  const type = bareType(source.mimetype)
  if (type === 'image/tiff') return undefined
  await using file = await open(source.path)
  const facts = await readImageFacts(file, type)
  if (facts === undefined) throw new HubError('MEDIA_BROKEN', { reason: 'unreadable' })
  checkPixels(facts)
  return facts
}

/** Refused before anything is decoded. */
function checkPixels({ width, height }: { width: number; height: number }): void {
  if (width < 1 || height < 1) throw new HubError('MEDIA_BROKEN', { reason: 'unreadable' })
  if (width * height > maxPixels)
    throw new HubError('MEDIA_DIMENSIONS_TOO_LARGE', { width, height, maxPixels })
}

function sizeOf(picture: { width: number; height: number } | undefined): { width?: number; height?: number } {
  return picture === undefined ? {} : { width: picture.width, height: picture.height }
}

async function oggOpusIn({ path, mimetype, size }: SourceFile) {
  if (!['audio/ogg', 'audio/opus', 'video/ogg'].includes(bareType(mimetype))) return undefined
  await using file = await open(path)
  return await readOggOpus(file, size)
}

function failureOf(error: RunFailed): HubError {
  if (error.why === 'timeout') return new HubError('MEDIA_CONVERSION_TOO_SLOW', {}, { cause: error })
  if (/No space left on device/.test(error.message))
    return new HubError('MEDIA_STORE_UNAVAILABLE', {}, { cause: error, retryAfterMs: 5000 })
  return new HubError('MEDIA_BROKEN', { reason: 'unreadable' }, { cause: error })
}

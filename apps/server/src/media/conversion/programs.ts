import { access, constants, stat } from 'node:fs/promises'
import { basename, delimiter, dirname, isAbsolute, join, resolve } from 'node:path'

/** Where the two programs of FFmpeg are. */
export interface Programs {
  readonly ffmpeg: string
  readonly ffprobe: string
}

/**
 * Finds `ffmpeg` (a name to look for in `searchPath`, or a path) and its `ffprobe`, beside it or in the search path. Undefined when one
 * of them is missing.
 */
export async function findPrograms(ffmpeg: string, searchPath: string): Promise<Programs | undefined> {
  const places = searchPath.split(delimiter).filter((place) => isAbsolute(place))
  const found =
    basename(ffmpeg) === ffmpeg
      ? await firstProgram(places.map((place) => join(place, ffmpeg)))
      : await firstProgram([resolve(ffmpeg)])
  if (found === undefined) return undefined
  const ffprobe = await firstProgram([dirname(found), ...places].map((place) => join(place, 'ffprobe')))
  return ffprobe === undefined ? undefined : { ffmpeg: found, ffprobe }
}

async function firstProgram(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const isProgram = await access(path, constants.X_OK).then(
      async () => (await stat(path)).isFile(),
      () => false,
    )
    if (isProgram) return path
  }
  return undefined
}

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { describe } from 'vitest'

import { words } from '../words.ts'

/** The system's ffmpeg, as a hub finds it. */
export const systemFfmpeg = { ffmpeg: 'ffmpeg', searchPath: process.env['PATH'] ?? '' }

const isInstalled = spawnSync('ffmpeg', ['-version']).status === 0

/** A suite about what only ffmpeg does. Without one it is skipped and says so; with CI=true it fails instead. */
export function withFfmpeg(title: string, suite: () => void): void {
  if (!isInstalled && process.env['CI'] === 'true')
    throw new Error('The suites about conversion cannot run: install ffmpeg.')
  const why = isInstalled ? '' : ': skipped, no ffmpeg'
  describe.skipIf(!isInstalled)(`${title}${why}`, () => {
    suite()
  })
}

/** A file that ffmpeg makes of `args`: synthetic sounds and pictures, in any format. `ending` is that of its name. */
export function generated(ending: string, ...args: readonly string[]): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'inbox-hub-media-'))
  try {
    const path = join(directory, `made.${ending}`)
    execFileSync('ffmpeg', ['-v', 'error', ...args, path], { stdio: ['ignore', 'ignore', 'inherit'] })
    return readFileSync(path)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Arguments of sources that need no file. */
export const tone = (seconds: number) => words(`-f lavfi -i sine=frequency=440:duration=${seconds}`)
export const picture = (width: number, height: number) =>
  words(`-f lavfi -i testsrc=size=${width}x${height}:rate=1:duration=1 -frames:v 1`)
export const clip = (width: number, height: number, seconds = 1) =>
  words(`-f lavfi -i testsrc=size=${width}x${height}:rate=10:duration=${seconds}`)

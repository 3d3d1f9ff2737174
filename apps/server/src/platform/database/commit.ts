import type { Log } from '../log.ts'

/** Told of each commit: how long it took, and how many writers shared it. */
export type ObserveCommit = (durationMs: number, writers: number) => void

/** Runs what waited for a commit, in order. The commit stands whatever they do, so what they throw is only reported. */
export function runAfterCommit(waiting: readonly (() => void)[], log: Log): void {
  for (const run of waiting) {
    try {
      run()
    } catch (error) {
      log.error({ error }, 'work after a commit failed; the commit stands')
    }
  }
}

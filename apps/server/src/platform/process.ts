/** How the process ends: asked once it drains, asked twice it stops at once; and what it does about failures nobody handled. */
import type { EventEmitter } from 'node:events'

import type { Clock } from './clock.ts'
import type { Log } from './log.ts'

/** The parts of `process` that are used, so that tests can send signals to something else. */
export interface HostProcess extends EventEmitter {
  exit(code: number): void
}

interface StopRequest {
  /** The exit status to end with: 0 when asked to stop, 1 after a failure. */
  readonly exitCode: 0 | 1
  readonly reason: 'signal' | 'uncaught_exception' | 'too_many_rejections'
}

export interface ProcessGuard extends Disposable {
  /** Aborted by the first request to stop: stop taking new work, finish what is begun. */
  readonly stopping: AbortSignal
  /** Resolves with the first request to stop; dispose the application then, and exit with its code. */
  readonly asked: Promise<StopRequest>
  /**
   * Offers every rejection that nobody handled to `claim`, in the async context of the promise. The first to answer true has dealt with
   * it (ended the session it belongs to). Unclaimed ones are logged; more than 20 in a minute mean that the process is sick: it drains.
   */
  onUnhandledRejection(claim: (reason: unknown) => boolean): Disposable
}

/** How long draining may take before the process stops anyway; below the 90 s that orchestrators are told to wait. */
const drainMs = 60_000
const maxUnclaimed = 20
const unclaimedWindowMs = 60_000

/** Takes over the signals and last-resort events of the process, until disposed. */
export function guardProcess({
  log,
  clock,
  host = process,
}: {
  log: Log
  clock: Clock
  host?: HostProcess
}): ProcessGuard {
  const stopping = new AbortController()
  const asked = Promise.withResolvers<StopRequest>()
  const claims = new Set<(reason: unknown) => boolean>()
  /** Monotonic ms of the unclaimed rejections of the last minute. */
  let unclaimed: number[] = []
  let deadline: Disposable | undefined

  function stop(request: StopRequest): void {
    if (stopping.signal.aborted) return
    stopping.abort()
    asked.resolve(request)
    deadline = clock.after(drainMs, () => {
      log.fatal({ durationMs: drainMs }, 'not drained in time; stopping now')
      host.exit(1)
    })
  }

  const onSignal = (signal: 'SIGTERM' | 'SIGINT') => () => {
    if (stopping.signal.aborted) {
      log.warn({ signal }, 'asked again: stopping now')
      host.exit(signal === 'SIGINT' ? 130 : 143)
      return
    }
    log.info({ signal }, 'asked to stop: draining; once more stops at once')
    stop({ exitCode: 0, reason: 'signal' })
  }

  const listeners: readonly [string, (value: unknown) => void][] = [
    ['SIGTERM', onSignal('SIGTERM')],
    ['SIGINT', onSignal('SIGINT')],
    [
      'uncaughtException',
      (error) => {
        // Whatever threw is in an unknown state, and so may be what it shares: only a new process is surely sound.
        log.fatal({ error }, 'uncaught exception: draining')
        stop({ exitCode: 1, reason: 'uncaught_exception' })
      },
    ],
    [
      'unhandledRejection',
      (reason) => {
        for (const claim of claims) {
          if (claim(reason)) return
        }
        const now = clock.monotonic()
        unclaimed = [...unclaimed.filter((at) => now - at < unclaimedWindowMs), now]
        log.error({ error: reason, count: unclaimed.length }, 'a rejection nobody handled')
        if (unclaimed.length > maxUnclaimed) {
          log.fatal({ count: unclaimed.length }, 'too many rejections nobody handled: draining')
          stop({ exitCode: 1, reason: 'too_many_rejections' })
        }
      },
    ],
  ]
  for (const [event, listener] of listeners) host.on(event, listener)

  return {
    stopping: stopping.signal,
    asked: asked.promise,
    onUnhandledRejection(claim) {
      claims.add(claim)
      return { [Symbol.dispose]: () => void claims.delete(claim) }
    },
    [Symbol.dispose]() {
      deadline?.[Symbol.dispose]()
      for (const [event, listener] of listeners) host.off(event, listener)
    },
  }
}

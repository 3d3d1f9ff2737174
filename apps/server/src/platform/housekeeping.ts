import type { Clock } from './clock.ts'
import type { Log } from './log.ts'

/** One turn of housekeeping. */
export interface Turn {
  /** Unix ms: what is too old is so as of now. */
  readonly now: number
  /** Aborted when the turn has taken its time, or the hub stops: the rest is done in the next. To be looked at between small transactions. */
  readonly stop: AbortSignal
}

/** How long one turn may take from everything else, ms. */
const turnMs = 2_000
/** How long a turn that was not done waits for its next, ms: a backlog takes at most a sixth of the time. */
const restMs = 10_000

/**
 * Removes what is too old: `work` once every `everyMs`, in turns that are bounded in time, for as long as there is something to do. What fails is
 * reported and tried again after `everyMs`. Disposing waits for the turn that is on. Everything in the hub that ages is removed through here;
 * what and when is in docs/guide/retention.md.
 */
export function keepHouse({
  what,
  everyMs,
  work,
  clock,
  log,
}: {
  /** For the log, as in `old events`. */
  what: string
  everyMs: number
  work: (turn: Turn) => Promise<void>
  clock: Clock
  log: Log
}): AsyncDisposable {
  const closing = new AbortController()
  let running: Promise<void> | undefined
  let timer = clock.after(everyMs, begin)

  function begin(): void {
    running = turn().then((nextMs) => {
      if (!closing.signal.aborted) timer = clock.after(nextMs, begin)
    })
  }

  async function turn(): Promise<number> {
    const over = new AbortController()
    using _limit = clock.after(turnMs, () => over.abort())
    try {
      await work({ now: clock.now(), stop: AbortSignal.any([closing.signal, over.signal]) })
      return over.signal.aborted ? restMs : everyMs
    } catch (error) {
      log.warn({ error }, `housekeeping failed, of ${what}; trying again later`)
      return everyMs
    }
  }

  return {
    async [Symbol.asyncDispose]() {
      closing.abort()
      timer[Symbol.dispose]()
      await running
    },
  }
}

import type { Figure } from '../support/table.ts'

/** How a scenario is run. */
export interface ChaosOptions {
  /** Plans what happens; the same seed plans the same. */
  seed: number
  /** 1 is the full size of the figures, 0.1 what runs with the tests. */
  scale: number
  /** A PostgreSQL server to run on, with a database of the run's own; SQLite when undefined. */
  postgresUrl?: string | undefined
  /** Told now and then how far it is. */
  progress: (text: string) => void
  /** Whether file systems may be mounted, if the system lets us. */
  mount?: boolean | undefined
  /** Leaves data and log behind, and is told where. */
  onKept?: ((dir: string) => void) | undefined
}

/** What a scenario found. */
export interface Report {
  title: string
  /** What has to be so on any machine. */
  promises: readonly Figure[]
  /** What took how long: of this machine, as busy as it is. */
  speeds: readonly Figure[]
  /** The first of whatever broke a promise, to start looking at. */
  anomalies: readonly string[]
}

export type Scenario = (options: ChaosOptions) => Promise<Report>

/** Collects promises and what broke them. */
export class Findings {
  readonly promises: Figure[] = []
  readonly speeds: Figure[] = []
  readonly anomalies: string[] = []

  /** Promises that there is none of something; `found` describes each. */
  none(name: string, found: readonly string[]): void {
    this.equal(name, found.length, 0)
    this.anomalies.push(...found.slice(0, shown).map((one) => `${name}: ${one}`))
    if (found.length > shown) this.anomalies.push(`${name}: … ${found.length - shown} more`)
  }

  equal(name: string, value: number, target: number): void {
    this.promises.push({
      name,
      value: value.toLocaleString('en'),
      target: target.toLocaleString('en'),
      reached: value === target,
    })
  }

  promise(figure: Figure): void {
    this.promises.push(figure)
  }

  speed(figure: Figure): void {
    this.speeds.push(figure)
  }

  report(title: string): Report {
    const { promises, speeds, anomalies } = this
    return { title, promises, speeds, anomalies }
  }
}

const shown = 8

/** Whether everything that was promised held. */
export function isKept({ promises }: Report): boolean {
  return promises.every(({ reached }) => reached !== false)
}

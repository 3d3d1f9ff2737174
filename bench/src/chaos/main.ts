import { parseArgs } from 'node:util'

import { type Figure, printTable } from '../support/table.ts'
import { cleanUpWhenInterrupted } from './interruption.ts'
import { isKept, postgresServer, type Report, type Scenario, scenarios } from './index.ts'

const names = Object.keys(scenarios) as (keyof typeof scenarios)[]

const usage = `npm run chaos -- [scenario …] [options]

Scenarios, all when none is named: ${names.join(', ')}

  --scale <share>  how much of the full size, 1 when not given
  --seed <number>  plans the same chaos again; printed with each run
  --postgres       on the PostgreSQL of TEST_DATABASE_URL, or a local one, instead of SQLite
  --keep           leaves the data directory and the hub's log behind
  --correctness    figures that depend on how busy the machine is do not fail the run
`

const { values, positionals } = parsed()
const scale = Number(values.scale)
const seed = Number(values.seed)
const chosen = names.filter((name) => positionals.length === 0 || positionals.includes(name))
const unknown = positionals.filter((name) => !names.some((known) => known === name))
if (values.help) {
  console.log(usage)
  process.exit(0)
}
if (unknown.length > 0) misused(`There is no scenario ${unknown.join(', ')}.`)
if (!(scale > 0 && scale <= 10)) misused('The scale is a number above 0, at most 10.')
if (!Number.isSafeInteger(seed)) misused('The seed is an integer.')
cleanUpWhenInterrupted()

const postgresUrl = values.postgres ? await postgresServer() : undefined
if (values.postgres && postgresUrl === undefined) {
  console.error('No PostgreSQL answers: set TEST_DATABASE_URL to a server.')
  process.exit(2)
}

const missed: string[] = []
for (const name of chosen) {
  if (name === 'disk' && postgresUrl !== undefined) {
    console.log('\ndisk: not on PostgreSQL, whose disk is not ours to fill')
    continue
  }
  console.log(
    `\n${name}: seed ${seed}, scale ${scale}, ${postgresUrl === undefined ? 'SQLite' : 'PostgreSQL'}`,
  )
  const report = await run(scenarios[name])
  const speeds = report?.speeds ?? []
  const tooSlow = !values.correctness && speeds.some(({ reached }) => reached === false)
  if (report === undefined || !isKept(report) || tooSlow) missed.push(name)
}
if (missed.length > 0) {
  console.log(
    `\nMISSED: ${missed.join(', ')}. Again: npm run chaos -- ${missed.join(' ')} --seed ${seed} --scale ${scale}`,
  )
  process.exit(1)
}
console.log('\nEverything held.')
process.exit(0)

function parsed() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        scale: { type: 'string', default: '1' },
        seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
        postgres: { type: 'boolean', default: false },
        keep: { type: 'boolean', default: false },
        correctness: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    return misused(error instanceof Error ? error.message : String(error))
  }
}

function misused(why: string): never {
  console.error(`${why}\n\n${usage}`)
  process.exit(2)
}

async function run(scenario: Scenario): Promise<Report | undefined> {
  const { progress, done } = progressLine()
  try {
    const report = await scenario({
      seed,
      scale,
      postgresUrl,
      progress,
      mount: true,
      ...(values.keep && { onKept }),
    })
    done()
    printTable(report.title, [...report.promises, ...report.speeds] satisfies Figure[])
    for (const anomaly of report.anomalies) console.log(`  ! ${anomaly}`)
    return report
  } catch (error) {
    done()
    console.error(error)
    return undefined
  }
}

function onKept(dir: string): void {
  console.log(`Kept: ${dir}, the hub's log in chaos.log`)
}

/** One line that is written over on a terminal, and a line now and then elsewhere. */
function progressLine(): { progress: (text: string) => void; done: () => void } {
  const everyMs = process.stdout.isTTY ? 100 : 5000
  let last = Number.NEGATIVE_INFINITY
  return {
    progress(text) {
      if (performance.now() - last < everyMs) return
      last = performance.now()
      if (process.stdout.isTTY) process.stdout.write(`\r\u001B[2K${text}`)
      else console.log(text)
    },
    done() {
      if (process.stdout.isTTY) process.stdout.write('\r\u001B[2K')
    },
  }
}

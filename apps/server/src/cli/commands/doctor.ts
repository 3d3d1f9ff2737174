import { ConfigRefused, readConfig } from '../../config.ts'
import {
  checkBaileys,
  checkDatabase,
  checkDataDir,
  checkDisk,
  checkFfmpeg,
  checkMedia,
  checkNode,
  checkPort,
  checkWhatsApp,
  type Finding,
} from '../doctor/checks.ts'
import { print, printJson, styled, type Terminal } from '../terminal.ts'

export interface DoctorOptions {
  proxy?: string
  json?: boolean
}

/** Looks at everything, whatever it finds; answers 1 when something has to be done before the hub can work. */
export async function doctor({ proxy, json = false }: DoctorOptions, terminal: Terminal): Promise<number> {
  const findings: Finding[] = []
  const note = (...found: readonly Finding[]): void => {
    findings.push(...found)
    if (!json) for (const finding of found) print(terminal, ...lines(finding, terminal))
  }

  note(checkNode(process.versions.node), checkBaileys())
  const config = configured(terminal, note)
  if (config !== undefined) {
    note(
      await checkDataDir(config),
      await checkDisk(config),
      await checkDatabase(config),
      await checkMedia(config),
      await checkPort(config),
      await checkFfmpeg(config),
    )
    note(...(await checkWhatsApp(config, proxy, terminal.signal)))
  }

  const bad = findings.filter(({ status }) => status === 'fail').length
  if (json) printJson(terminal, { ok: bad === 0, findings })
  else
    print(terminal, '', bad === 0 ? 'The hub can work here.' : `${bad} to mend before the hub can work here.`)
  return bad === 0 ? 0 : 1
}

function configured({ env }: Terminal, note: (finding: Finding) => void) {
  try {
    const config = readConfig(env)
    note({ check: 'configuration', status: 'ok', message: 'every variable can be used' })
    return config
  } catch (error) {
    if (!(error instanceof ConfigRefused)) throw error
    note({
      check: 'configuration',
      status: 'fail',
      message: error.message,
      remedy: 'All variables: inbox-hub serve --help',
    })
    return undefined
  }
}

const marks = { ok: ['green', 'ok  '], warn: ['yellow', 'warn'], fail: ['red', 'FAIL'] } as const

function lines({ check, status, message, remedy }: Finding, terminal: Terminal): string[] {
  const [style, mark] = marks[status]
  const head = `${styled(terminal, style, mark)}  ${check.padEnd(21)}  ${message}`
  return remedy === undefined ? [head] : [head, `      ${styled(terminal, 'bold', 'To do:')} ${remedy}`]
}

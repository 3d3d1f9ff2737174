import { Command, CommanderError, InvalidArgumentError } from 'commander'

import { configHelp } from '../config.ts'
import type { VerifyOptions } from './commands/audit.ts'
import type { BackupOptions } from './commands/backup.ts'
import type { DoctorOptions } from './commands/doctor.ts'
import type { EmulatorOptions } from './commands/emulator.ts'
import type { SendOptions } from './commands/send.ts'
import type { CreateOptions, LinkOptions, ListOptions } from './commands/sessions.ts'
import type { TailOptions } from './commands/tail.ts'
import { type HubOptions, withHubOptions } from './hub.ts'
import { styled, type Terminal } from './terminal.ts'

/** Exit codes: done, failed, asked wrongly. */
const failed = 1
const misused = 2

/**
 * Runs one command line; answers the exit code. What a command needs is loaded when it runs: `--help` and `send` should not wait for the
 * WhatsApp library.
 */
export async function run(args: readonly string[], terminal: Terminal = realTerminal()): Promise<number> {
  let exitCode = 0
  const program = createProgram(terminal, (code) => (exitCode = code))
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : misused
    if (terminal.signal.aborted && error === terminal.signal.reason) return 130
    const { explain } = await import('./failure.ts')
    const explanation = explain(error)
    if (explanation === undefined) throw error
    const { message, remedy, code } = explanation
    const { err } = terminal
    err.write(`${styled(terminal, 'red', 'Error:')} ${message}\n`)
    if (remedy !== undefined) err.write(`${remedy}\n`)
    if (code !== undefined) err.write(`${styled(terminal, 'dim', `(${code})`)}\n`)
    return failed
  }
}

/** Sees Ctrl-C once: the command ends by itself and cleans up. A second one ends the process at once. */
function realTerminal(): Terminal {
  const interrupted = new AbortController()
  let listening = false
  return {
    out: process.stdout,
    err: process.stderr,
    input: process.stdin,
    isInteractive: process.stdout.isTTY && process.env['NO_COLOR'] === undefined,
    env: { ...process.env },
    get signal() {
      // Only commands that can be interrupted take the signal over: the others should die of it.
      if (!listening) {
        listening = true
        process.once('SIGINT', () => interrupted.abort())
        process.once('SIGTERM', () => interrupted.abort())
      }
      return interrupted.signal
    },
  }
}

function createProgram(terminal: Terminal, exitWith: (code: number) => void): Command {
  const program = new Command('inbox-hub')
    .description('A self-hosted WhatsApp gateway for CRMs.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void terminal.out.write(text),
      writeErr: (text) => void terminal.err.write(text),
    })
    .showHelpAfterError('(add --help to see what can be given)')
    .addHelpText('after', '\nEach command explains itself: inbox-hub <command> --help')
  addServing(program, terminal, exitWith)
  addSessions(program, terminal)
  addMessages(program, terminal)
  addKeys(program, terminal)
  addAudit(program, terminal, exitWith)
  addBackup(program, terminal, exitWith)
  return program
}

function addServing(program: Command, terminal: Terminal, exitWith: (code: number) => void): void {
  program
    .command('serve')
    .description('start the hub')
    .addHelpText('after', () => `\n${configHelp()}`)
    .action(async () => {
      const { serve } = await import('../main.ts')
      exitWith(await serve(terminal.env))
    })
  program
    .command('doctor')
    .description('check that the hub can work here: each line says ok, or what to do')
    .option('--proxy <url>', 'reach WhatsApp through this proxy (http://, https:// or socks5://)')
    .option('--json', 'print the result as JSON')
    .action(async (options: DoctorOptions) => {
      const { doctor } = await import('./commands/doctor.ts')
      exitWith(await doctor(options, terminal))
    })
  program
    .command('demo')
    .description('see the whole path in seconds, without a phone and without a network')
    .action(async () => {
      const { demo } = await import('./commands/demo.ts')
      await demo(terminal)
    })
  program
    .command('emulator')
    .description('run a WhatsApp of your own on this machine, to develop against')
    .option('--port <port>', 'port for gateways (default: a free one)', port)
    .option('--control-port <port>', 'port of the control API (default: a free one)', port)
    .option('-i, --interactive', 'hold a simulated phone in this terminal')
    .option('--number <number>', 'the number of that phone', '+12025550100')
    .action(async (options: EmulatorOptions) => {
      const { emulator } = await import('./commands/emulator.ts')
      await emulator(options, terminal)
    })
}

function addSessions(program: Command, terminal: Terminal): void {
  const sessions = program.command('sessions').description('the linked WhatsApp numbers of a running hub')
  const commands = () => import('./commands/sessions.ts')
  withHubOptions(sessions.command('ls').description('list them'))
    .option('--status <status>', 'only those with this status')
    .action(async (options: ListOptions) => (await commands()).list(options, terminal))
  withHubOptions(sessions.command('create <sessionId>').description('make one; "link" comes next'))
    .option('--name <name>', 'what to call it')
    .option('--webhook <url>', 'where its events go')
    .option('--webhook-secret <secret>', 'what they are signed with, 16 characters or more')
    .option('--webhook-events <names>', 'which events, separated by commas (default: all a CRM knows)')
    .option('--webhook-preset <preset>', 'how they are told: legacy (default) or standard')
    .option('--proxy <url>', 'reach WhatsApp through this proxy')
    .action(async (sessionId: string, options: CreateOptions) =>
      (await commands()).create(sessionId, options, terminal),
    )
  withHubOptions(
    sessions.command('link <session>').description('show the QR to scan, until the phone is linked'),
  )
    .option('--phone <number>', 'link with a code typed on the phone instead')
    .action(async (session: string, options: LinkOptions) =>
      (await commands()).link(session, options, terminal),
    )
  withHubOptions(sessions.command('restart <session>').description('connect anew, keeping the link')).action(
    async (session: string, options: HubOptions) => (await commands()).restart(session, options, terminal),
  )
  withHubOptions(
    sessions.command('rm <session>').description('delete; creating it again within 30 days recovers it'),
  ).action(async (session: string, options: HubOptions) =>
    (await commands()).remove(session, options, terminal),
  )
}

function addMessages(program: Command, terminal: Terminal): void {
  withHubOptions(program.command('send <session> <to> <text...>').description('send a text message'))
    .option('--quote <messageId>', 'answer this message')
    .option('--idempotency-key <key>', 'the same key again answers the first result instead of sending twice')
    .action(async (session: string, to: string, text: readonly string[], options: SendOptions) => {
      const { send } = await import('./commands/send.ts')
      await send({ session, to, text: text.join(' ') }, options, terminal)
    })
  withHubOptions(program.command('tail').description('print events as they happen'))
    .option('--session <session>', 'only of this session')
    .option('--types <types>', 'only these, separated by commas')
    .option('--since <seq>', 'from this place on (0 = all that is kept; default: from now)', wholeNumber)
    .action(async (options: TailOptions) => {
      const { tail } = await import('./commands/tail.ts')
      await tail(options, terminal)
    })
}

function addKeys(program: Command, terminal: Terminal): void {
  const keys = program
    .command('keys')
    .description('API keys: of the running hub, or, without a key at hand, of a stopped one')
  const commands = () => import('./commands/keys.ts')
  withHubOptions(keys.command('create <name>').description('make one; it is shown this once')).action(
    async (name: string, options: HubOptions) => (await commands()).create(name, options, terminal),
  )
  withHubOptions(keys.command('ls').description('list them')).action(async (options: HubOptions) =>
    (await commands()).list(options, terminal),
  )
  withHubOptions(keys.command('revoke <id>').description('make one worthless, at once and for good')).action(
    async (id: string, options: HubOptions) => (await commands()).revoke(id, options, terminal),
  )
}

function addAudit(program: Command, terminal: Terminal, exitWith: (code: number) => void): void {
  program
    .command('audit')
    .description('who did what')
    .command('verify')
    .description(
      'check that no entry of the audit log was changed, removed or moved (hub stopped, or on PostgreSQL)',
    )
    .option('--json', 'print the result as JSON')
    .action(async (options: VerifyOptions) => {
      const { verify } = await import('./commands/audit.ts')
      exitWith(await verify(options, terminal))
    })
}

function addBackup(program: Command, terminal: Terminal, exitWith: (code: number) => void): void {
  const commands = () => import('./commands/backup.ts')
  program
    .command('backup <directory>')
    .description('copy the SQLite store, the files of messages and the master key, while the hub runs or not')
    .option('--verify', 'read the backup that is in <directory>, and say whether all of it is as it was made')
    .option('--no-files', 'leave the files of messages out')
    .option('--no-key', 'leave the master key out: keep it elsewhere')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nFiles that an earlier backup beside <directory> has are linked, not copied. Exit code 1 when a verified backup is damaged.',
    )
    .action(async (directory: string, options: BackupOptions) =>
      exitWith(await (await commands()).backup(directory, options, terminal)),
    )
  program
    .command('restore <directory>')
    .description('put a backup into an empty data directory, safe to start with')
    .option('--force', 'put a store that is there already aside')
    .option('--json', 'print the result as JSON')
    .action(async (directory: string, options: { force?: boolean; json?: boolean }) =>
      (await commands()).restore(directory, options, terminal),
    )
  program
    .command('restored')
    .description(
      'make a store that was put back by other means (pg_restore, a copy) safe to start with; run it before "serve"',
    )
    .action(async () => (await commands()).restored(terminal))
  program
    .command('rotate-master-key')
    .description(
      'move everything to a new master key while the hub runs or not; goes on where it was interrupted',
    )
    .option('--json', 'print the result as JSON')
    .action(async (options: { json?: boolean }) => {
      const { rotateMasterKey } = await import('./commands/rotate-master-key.ts')
      await rotateMasterKey(options, terminal)
    })
}

function port(value: string): number {
  const number = wholeNumber(value)
  if (number > 65_535) throw new InvalidArgumentError('A port is a number up to 65535.')
  return number
}

function wholeNumber(value: string): number {
  if (!/^\d{1,15}$/.test(value)) throw new InvalidArgumentError('Give a whole number.')
  return Number(value)
}

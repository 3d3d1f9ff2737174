import { createHmac, randomBytes } from 'node:crypto'

import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino'

export const logLevels = ['debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/**
 * The names a log line may carry: nothing else is written, so that message text, credentials, QR texts and JIDs cannot slip in with an
 * object. Add a name here when a new fact needs one; its values must be safe to publish in a bug report.
 */
const plainFields = [
  'address',
  'attempt',
  'attempts',
  'backlog',
  'bytes',
  'cause',
  'code',
  'command',
  'count',
  'dbId',
  'deliveryId',
  'dialect',
  'dueAt',
  'durationMs',
  'epoch',
  'eventType',
  'from',
  'generation',
  'host',
  'keyId',
  'mediaId',
  'kind',
  'limit',
  'method',
  'migration',
  'module',
  'name',
  'nodeId',
  'ownerId',
  'path',
  'phase',
  'pid',
  'port',
  'reason',
  'remedy',
  'requestId',
  'retryAfterMs',
  'route',
  'seq',
  'sessionId',
  'signal',
  'size',
  'state',
  'status',
  'step',
  'target',
  'to',
  'type',
  'url',
  'version',
  'work',
] as const

type PlainValue = string | number | boolean | null | undefined
type LogFields = {
  readonly [Name in (typeof plainFields)[number]]?: PlainValue | readonly PlainValue[]
} & {
  /** Written as name, message, code and stack, its causes too, after `redact`. */
  readonly error?: unknown
  /** Written as a pseudonym: the same JID has the same one for the life of the process. */
  readonly jid?: string | undefined
}

/** Facts as fields, once, where the outcome is known: `log.info({ sessionId, cause }, 'session waiting')`. */
export interface Log {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
  fatal(fields: LogFields, message: string): void
  child(fields: LogFields): Log
}

/** JSON lines to standard output, or to `destination`. */
export function createLog({ level, destination }: { level: LogLevel; destination?: DestinationStream }): Log {
  const options = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  return wrap(destination === undefined ? pino(options) : pino(options, destination))
}

/** For tests and for code that runs before there is a log. */
export const silentLog: Log = createLog({ level: 'silent' })

function wrap(logger: Logger): Log {
  // Nothing is built for a level that is not written.
  const at = (level: Exclude<LogLevel, 'silent'>) => (fields: LogFields, message: string) => {
    if (logger.isLevelEnabled(level)) logger[level](written(fields), redact(message))
  }
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
    child: (fields) => wrap(logger.child(written(fields))),
  }
}

const allowed: ReadonlySet<string> = new Set(plainFields)

function written(fields: LogFields): Record<string, unknown> {
  const line: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields)) {
    if (name === 'error') line['error'] = writtenError(value, 0)
    else if (name === 'jid') line['jid'] = typeof value === 'string' ? pseudonym(value) : undefined
    else if (allowed.has(name)) line[name] = plain(value)
  }
  return line
}

function plain(value: unknown): unknown {
  if (typeof value === 'string') return redact(value)
  if (typeof value === 'number' || typeof value === 'boolean' || value === null || value === undefined)
    return value
  if (Array.isArray(value)) return value.slice(0, 50).map(plain)
  // The types refuse it; what gets here anyway is not written.
  return '[object]'
}

interface WrittenError {
  name: string
  message: string
  code?: string | number
  stack?: string
  cause?: WrittenError
}

function writtenError(error: unknown, depth: number): WrittenError {
  if (!(error instanceof Error)) return { name: typeof error, message: redact(String(error)) }
  const { name, message, stack, cause } = error
  const code: unknown = 'code' in error ? error.code : undefined
  return {
    name,
    message: redact(message),
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(stack === undefined ? {} : { stack: redact(stack.split('\n').slice(1, 8).join('\n')) }),
    ...(cause === undefined || depth === 4 ? {} : { cause: writtenError(cause, depth + 1) }),
  }
}

const pseudonymKey = randomBytes(32)

/** Stands for a JID in logs. Keyed, because phone numbers are few enough to try them all. */
export function pseudonym(jid: string): string {
  return `jid:${createHmac('sha256', pseudonymKey).update(jid).digest('base64url').slice(0, 10)}`
}

/**
 * The text without what must not leave the process: API keys, JIDs, passwords in URLs, pairing texts. The second wall: callers already
 * name only safe facts, but errors of libraries quote what they were given.
 */
export function redact(text: string): string {
  return text
    .replaceAll(/\bihk_\w{10,}/g, 'ihk_[key]')
    .replaceAll(
      /[\w.:-]+@(?:s\.whatsapp\.net|lid|hosted\.lid|hosted|c\.us|g\.us|broadcast|newsletter)\b/g,
      pseudonym,
    )
    .replaceAll(/(\b[a-z][a-z\d+.-]*:\/\/)[^\s/@]+@/gi, '$1[credentials]@')
    .replaceAll(/wa\.me\/settings\/linked_devices#\S*/g, '[pairing text]')
    .replaceAll(/\b2@[\w+/=]{16,}\S*/g, '[pairing text]')
    .replaceAll(/\bwhsec_[\w+/=]{8,}/g, 'whsec_[secret]')
}

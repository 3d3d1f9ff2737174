import {
  type Endpoint,
  endpoints,
  errorCodes,
  eventData,
  eventExamples,
  eventTypes,
  factsOfError,
  generalErrors,
  callerErrors,
  type LegacyWebhookEvent,
  legacyWebhookData,
  roleOf,
  scopeOf,
  sendFailures,
  sessionReasonNames,
  sessionReasons,
  sessionStateNames,
  statusOfState,
} from '@inbox-hub/contract'
import { banCodes, factsOf, reasonNames } from '@inbox-hub/whatsapp'
import type { z } from 'zod'

import { variables } from '../config.ts'
import { openApiDocument, usualRateLimits } from '../platform/http/index.ts'
import { stateFacts } from '../sessions/session-state.ts'
import { type Field, fieldsOf } from './fields.ts'
import { code, json, page, span, table } from './markdown.ts'
import { messageKindsPage } from './message-kinds.ts'

/** Every page of docs/reference, by file name. Made of the tables that the code runs on, so they cannot disagree. */
export function referencePages(): ReadonlyMap<string, string> {
  return new Map([
    ['README.md', contents()],
    ['api.md', api()],
    [
      'openapi.json',
      `${JSON.stringify(openApiDocument(Object.values<Endpoint>(endpoints), { publicUrl: undefined }), null, 1)}\n`,
    ],
    ['errors.md', errorsPage()],
    ['session-states.md', sessionStates()],
    ['session-reasons.md', sessionReasonsPage()],
    ['disconnects.md', disconnectsPage()],
    ['events.md', events()],
    ['message-kinds.md', messageKindsPage()],
    ['configuration.md', configuration()],
  ])
}

function contents(): string {
  return page(
    'Reference',
    table(
      ['Page', 'What it tells'],
      [
        [
          '[api.md](api.md)',
          'Every operation: fields, answers, codes. [openapi.json](openapi.json) is the same for programs; a running server shows it at `/api/docs`.',
        ],
        ['[errors.md](errors.md)', 'Every error code, and every reason why a message does not go out.'],
        [
          '[session-states.md](session-states.md)',
          'Where a session can stand, for how long, and what to do.',
        ],
        ['[session-reasons.md](session-reasons.md)', 'Why it stands there, in the words the API uses.'],
        [
          '[disconnects.md](disconnects.md)',
          'Every way a connection with WhatsApp ends, and how the hub recovers.',
        ],
        ['[events.md](events.md)', 'What webhooks and the event feed carry.'],
        ['[message-kinds.md](message-kinds.md)', 'Every kind of message, and which ways it goes.'],
        ['[configuration.md](configuration.md)', 'Every environment variable.'],
      ],
    ),
  )
}

function api(): string {
  const operations: Endpoint[] = Object.values<Endpoint>(endpoints)
  const tags = [...new Set(operations.map(({ tag }) => tag))]
  const { general, reads, whatsapp, sending, sendingHoldMs, auth } = usualRateLimits
  return page(
    'API',
    [
      'Send the key as `X-API-Key`, or, of a person, the access token as `Authorization: Bearer`; whoever is a member of several organizations names one in `X-Organization-Id`. With a key, `Authorization` is not looked at. Bodies are JSON, at most 256 KiB unless an operation says more, or files where one says so; an empty body is `{}`; fields that are not known are ignored; numbers and booleans may be written as text.',
      'A success is `{success: true, message?, data, timestamp}`, a failure `{success: false, error, message, code, remedy, requestId, timestamp, details?, data?}`; the codes are in [errors.md](errors.md).',
      'Texts are Spanish; `Accept-Language: en` or `pt` changes that. `X-Request-Id` is taken over and echoed.',
    ].join('\n\n'),
    `Beside the codes named with each, every operation can answer ${[...generalErrors, ...callerErrors, 'RATE_LIMIT_EXCEEDED'].map((name) => code(name)).join(', ')}.`,
    table(
      ['Limit', 'Per key and session', 'Counts'],
      [
        ['general', `${general.max} in ${span(general.windowMs)}`, 'changes'],
        ['reads', `${reads.max} in ${span(reads.windowMs)}`, 'reads'],
        [
          'whatsapp',
          `${whatsapp.max} in ${span(whatsapp.windowMs)}`,
          'create, connect, restart, disconnect, delete, pairing codes',
        ],
        [
          'sending',
          `${sending.max} in ${span(sending.windowMs)}`,
          `sends; one that comes too early waits up to ${span(sendingHoldMs)}`,
        ],
        [
          'auth',
          `${auth.max} in ${span(auth.windowMs)}`,
          'logging in and what else guesses could be made with; per address',
        ],
        ['none', 'without limit', 'status, QR and QR status: made to be polled'],
      ],
    ),
    ...tags.flatMap((tag) => [
      `## ${tag}`,
      ...operations.filter((operation) => operation.tag === tag).map(operationSection),
    ]),
  )
}

const credentials: Record<Endpoint['auth'], string> = {
  none: 'for everybody',
  caller: 'API key or login',
  'caller-or-ticket': 'API key, login or ticket',
  user: 'access token',
}

/** The scope and the role it takes. */
function needs(endpoint: Endpoint): string {
  if (endpoint.auth === 'none') return ''
  const role = roleOf(endpoint)
  const scope = endpoint.auth === 'user' ? '' : ` · scope: ${code(scopeOf(endpoint))}`
  return `${scope}${role === 'self' ? '' : ` · role: ${code(role)}`}`
}

function operationSection(endpoint: Endpoint): string {
  const parts = [`### ${endpoint.method} ${endpoint.path}`, `${endpoint.summary}.`]
  if (endpoint.description !== undefined) parts.push(endpoint.description)
  parts.push(
    `Operation ${code(endpoint.id)} · ${credentials[endpoint.auth]}${needs(endpoint)} · limit: ${endpoint.bucket} · answers ${endpoint.success.status}`,
  )
  const given = (part: string, schema: z.ZodType): string[][] =>
    fieldsOf(schema, 'input').map((field) => [
      code(field.name),
      part,
      field.type,
      field.required ? 'yes' : '',
      field.description,
    ])
  const inputs = [
    ...given('path', endpoint.params),
    ...given('query', endpoint.query),
    ...given('header', endpoint.headers),
    ...(endpoint.method === 'GET' ? [] : given('body', endpoint.body)),
  ]
  if (inputs.length > 0) parts.push(table(['Field', 'In', 'Type', 'Must', 'Meaning'], inputs))
  const { envelope, data } = endpoint.success
  const answer = answerFields(fieldsOf(data, 'output'))
  if (answer.length > 0)
    parts.push(
      envelope === 'flat' ? 'Answer, beside `success` and `timestamp`:' : '`data` of the answer:',
      table(['Field', 'Type', 'Meaning'], answer),
    )
  for (const { type, description } of endpoint.alternatives) parts.push(`${code(type)}: ${description}.`)
  if (endpoint.errors.length > 0)
    parts.push(
      `Codes: ${endpoint.errors.map((name) => `[${name}](errors.md#${name.toLowerCase()})`).join(', ')}`,
    )
  return parts.join('\n\n')
}

/** Answers repeat sessions, messages, chats and contacts: the second copy (`session.…`, `contact.…`) is left to the first. */
function answerFields(fields: readonly Field[]): string[][] {
  const names = new Set(fields.map(({ name }) => name))
  const twice = (name: string): boolean =>
    /^(session|contact)\./.test(name) && names.has(name.replace(/^\w+\./, ''))
  return fields
    .filter(({ name }) => !twice(name))
    .map(({ name, type, required, description }) => [
      code(name),
      required ? type : `${type}, or absent`,
      description,
    ])
}

function errorsPage(): string {
  return page(
    'Errors',
    'Every failure answers with its `code`, its text in `error` and `message`, a `remedy`, and the `requestId` under which the server logged it. The texts below are the English ones; Spanish is the default and Portuguese the third.',
    ...errorCodes().map((name) => {
      const { status, message, remedy } = factsOfError(name)
      const users = Object.values<Endpoint>(endpoints)
        .filter((endpoint: Endpoint) => endpoint.errors.includes(name))
        .map((endpoint) => code(endpoint.id))
      return [
        `## ${name}`,
        `HTTP ${status}. ${message.en}${/[.!]$/.test(message.en) ? '' : '.'}`,
        `**What to do:** ${remedy.en}`,
        `*es:* ${message.es}`,
        ...(users.length === 0 ? [] : [`Operations: ${users.join(', ')}`]),
      ].join('\n\n')
    }),
    '## Why a message does not go out',
    'These stand in `details.reason` of `WHATSAPP_ERROR`, in `reason` of the event `message.failed`, and in `error.code` of a message.',
    table(
      ['Reason', 'What happened', 'What to do'],
      Object.entries(sendFailures).map(([name, { message, remedy }]) => [code(name), message.en, remedy.en]),
    ),
  )
}

function sessionStates(): string {
  const kinds = { moving: 'on its way', resting: 'at rest', live: 'live' }
  return page(
    'Session states',
    'A session is in exactly one `state`. Clients of the contract know its `status`, one of seven words that never change.',
    table(
      ['state', 'status', 'Kind', 'At most', 'Meaning', 'What to do'],
      sessionStateNames().map((name) => {
        const { kind, deadlineMs, meaning, remedy } = stateFacts[name]
        const most =
          deadlineMs === undefined
            ? '–'
            : deadlineMs === 'until'
              ? 'until `retryAt`'
              : deadlineMs === 'qr'
                ? 'as long as the QR codes last'
                : span(deadlineMs)
        return [code(name), code(statusOfState[name]), kinds[kind], most, meaning, remedy]
      }),
    ),
    'A short loss of the connection stays `connecting`; webhooks hear of it (`session.disconnected`) only when it is final or has lasted 60 s.',
  )
}

function sessionReasonsPage(): string {
  return page(
    'Session reasons',
    'The `reason` and `lastError` of a session carry one of these codes, with the text and the remedy in the language of the reader.',
    ...sessionReasonNames().map((name) => {
      const { message, remedy } = sessionReasons[name]
      return [
        `## ${name}`,
        table(
          ['', 'What happened', 'What to do'],
          (['en', 'es', 'pt'] as const).map((language) => [language, message[language], remedy[language]]),
        ),
      ].join('\n\n')
    }),
  )
}

const recoveries: Record<ReturnType<typeof factsOf>['recovery'], string> = {
  retry: 'dial again, after a backoff that grows from 1 s to 60 s',
  retry_slowly: 'dial again, at least 5 s later',
  restart: 'dial again within a second',
  wait_until: 'dial again when the time WhatsApp named has passed',
  other_version: 'try the next known version of WhatsApp Web; when none is left, once an hour',
  start_fresh: 'forget the half-made credentials and show a QR, once',
  new_codes: 'a new round of QR codes while somebody watches',
  retry_once: 'one more try after 30 s; the second time within 10 minutes, stop',
  pair_again: 'stop until the user links again',
  stop: 'stop until somebody changes something',
  wait_for_store: 'wait until the database takes writes, then dial',
  yield: 'nothing: another node serves the session',
}

const fates = { keep: 'kept', archive: 'archived for 7 days, then erased', replace: 'replaced by new ones' }

function disconnectsPage(): string {
  return page(
    'Disconnects',
    'The same number means different things from different origins, so the end of a connection is classified by origin first and code second. The reasons are also those of [session-reasons.md](session-reasons.md).',
    table(
      ['Reason', 'Origin', 'Codes', 'What it means', 'What the hub does', 'Credentials'],
      reasonNames().map((name) => {
        const { origins, codes, meaning, recovery, credentials } = factsOf(name)
        return [
          code(name),
          origins.map(code).join(' '),
          codes.map((value) => code(String(value))).join(' ') || '–',
          meaning,
          recoveries[recovery],
          fates[credentials],
        ]
      }),
    ),
    '## Temporary bans',
    'With a 402, WhatsApp says why:',
    table(
      ['Code', 'Why'],
      Object.entries(banCodes).map(([value, why]) => [code(value), why]),
    ),
  )
}

function events(): string {
  return page(
    'Events',
    'Everything that happens is an event: stored once, in order, and told to webhooks and to `GET /api/events`. A webhook with the `standard` preset gets the data below; one with the `legacy` preset the older bodies further down.',
    ...eventTypes.map((type) =>
      [
        `## ${type}`,
        eventData[type].description ?? '',
        table(
          ['Field', 'Type', 'Meaning'],
          fieldsOf(eventData[type], 'output').map((field) => [
            code(field.name),
            field.type,
            field.description,
          ]),
        ),
        json(eventExamples[type]),
      ]
        .filter((part) => part !== '')
        .join('\n\n'),
    ),
    '## Legacy bodies',
    'The `legacy` preset sends `{event, sessionId, timestamp, data}`; these are the fields of `data`.',
    ...legacyEvents().map((type) => {
      const schema: z.ZodType = legacyWebhookData[type]
      return [
        `### ${type} (legacy)`,
        table(
          ['Field', 'Type', 'Meaning'],
          fieldsOf(schema, 'output').map((field) => [
            code(field.name),
            field.required ? field.type : `${field.type}, or absent`,
            field.description,
          ]),
        ),
      ].join('\n\n')
    }),
  )
}

function legacyEvents(): LegacyWebhookEvent[] {
  // Object.keys forgets the type of the keys; the table is frozen by `as const`.
  return Object.keys(legacyWebhookData) as LegacyWebhookEvent[]
}

function configuration(): string {
  return page(
    'Configuration',
    'The hub reads these environment variables once, at start. What it cannot use it refuses by name. Extra certificate authorities come through Node itself: `NODE_EXTRA_CA_CERTS`.',
    table(
      ['Variable', 'Default', 'Value', 'What it is for'],
      variables.map(({ name, help, shape, default: usual, secret }) => [
        code(name),
        usual === undefined ? '–' : code(usual),
        secret ? `${shape} (secret)` : shape,
        help,
      ]),
    ),
  )
}

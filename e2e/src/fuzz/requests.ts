import { type Endpoint, type JsonSchema, jsonSchemaOf } from '@inbox-hub/contract'
import fc from 'fast-check'

/** A request as it goes over the wire, and the operation it was made for. */
export interface FuzzRequest {
  endpoint: Endpoint
  method: string
  /** Path and query, encoded. */
  url: string
  headers: Record<string, string>
  body: string | Uint8Array | undefined
}

/** Names of things that exist, so that requests get past the first check. */
export interface Known {
  /** Numbers and names of sessions. */
  sessions: readonly string[]
  /** Those that may be ended, so that the others stay worth attacking. */
  victims: readonly string[]
  chats: readonly string[]
  messages: readonly string[]
  /** The caller's key, and one of another owner. */
  keys: readonly string[]
  /** Organizations of the person who holds `token`, and others. */
  organizations: readonly string[]
  /** The access token of a person. */
  token: string
}

const nasty: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '0',
    '-1',
    '1e309',
    'NaN',
    'null',
    'undefined',
    'true',
    '[]',
    '{}',
    '__proto__',
    'constructor',
    'toString',
    '../../../etc/passwd',
    '..%2f..%2f',
    'C:\\windows\\system32',
    "' OR '1'='1",
    '"; DROP TABLE session; --',
    '<script>alert(1)</script>',
    '${7*7}{{7*7}}',
    '\u202e12025550123',
    '💥'.repeat(50),
    'x'.repeat(5000),
    '٣٤٥',
    '\r\nX-Injected: 1',
    '@',
    '@s.whatsapp.net',
    'status@broadcast',
    '99999999999999999999999999',
  ),
  fc.string({ maxLength: 40 }),
  // Any code points, halves of pairs too. Not `unit: 'binary'`, which first spends three seconds on a table of them all.
  fc
    .array(fc.integer({ min: 0, max: 0x10ffff }), { maxLength: 20 })
    .map((points) => String.fromCodePoint(...points)),
)

const anyJson = fc.oneof(
  nasty,
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(null, -1, 0, 0.5, 1e308, -0, Number.MAX_SAFE_INTEGER, true, [], {}, [[]], {
    a: { b: [null] },
  }),
)

/** Values that a schema is meant for, written in all the ways that clients write them. */
function valid(schema: JsonSchema, name: string, known: Known): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((option) => valid(option, name, known)))
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type
  switch (type) {
    case 'boolean':
      return fc.constantFrom(true, false, 'true', '0', 1, 'no')
    case 'integer':
    case 'number': {
      if (name === 'organizationId') return fc.constantFrom(...known.organizations, '0', '-1')
      const whole = fc.integer({
        min: Math.max(schema.minimum ?? 0, -1000),
        max: Math.min(schema.maximum ?? 1000, 100_000),
      })
      return fc.oneof(whole, whole.map(String))
    }
    case 'array':
      return fc.array(valid(schema.items ?? {}, name, known), {
        maxLength: Math.min(schema.maxItems ?? 4, 4),
      })
    case 'object':
      return object(schema, known)
    case 'string':
      return text(schema, name, known)
    case undefined:
    default:
      return anyJson
  }
}

function text(schema: JsonSchema, name: string, known: Known): fc.Arbitrary<string> {
  const plain = fc.string({
    minLength: schema.minLength ?? 0,
    maxLength: Math.min(schema.maxLength ?? 60, 300),
  })
  if (schema.format === 'uri')
    return fc.constantFrom('http://127.0.0.1:9/hook', 'https://crm.example.com/x?y=1')
  if (/^(ref|sessionId)$/.test(name))
    return fc.oneof(fc.constantFrom(...known.sessions, ...known.victims), plain)
  if (/chat|contact|phone|^to$|mentions/i.test(name)) return fc.oneof(fc.constantFrom(...known.chats), plain)
  if (/message/i.test(name)) return fc.oneof(fc.constantFrom(...known.messages), plain)
  if (/date/i.test(name))
    return fc.constantFrom('2026-01-31', '2020-01-01T00:00:00Z', '1700000000', '2999-12-31')
  if (name === 'proxy') return fc.constantFrom('http://127.0.0.1:9', 'socks5://127.0.0.1:9', '')
  return plain
}

function object(schema: JsonSchema, known: Known): fc.Arbitrary<Record<string, unknown>> {
  const fields = Object.entries(schema.properties ?? {}).map(
    ([name, property]) =>
      [
        name,
        fc.oneof({ weight: 6, arbitrary: valid(property, name, known) }, { weight: 1, arbitrary: anyJson }),
      ] as const,
  )
  const requiredKeys = schema.required ?? []
  return fc.record(Object.fromEntries(fields), { requiredKeys }).chain((record) =>
    fc.oneof(
      { weight: 8, arbitrary: fc.constant(record) },
      // A field that nobody knows, or one that must be there and is not.
      {
        weight: 1,
        arbitrary: fc
          .dictionary(fc.string({ maxLength: 10 }), anyJson, { maxKeys: 2 })
          .map((extra) => ({ ...record, ...extra })),
      },
      { weight: 1, arbitrary: fc.subarray(Object.entries(record)).map((kept) => Object.fromEntries(kept)) },
    ),
  )
}

/** What is awaited must not be awaited for long, or ten thousand requests take a day. */
const patience: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  getQr: { wait: '5' },
  listEvents: { wait: '5' },
  getDiagnostics: { probes: 'false' },
}

const ending: ReadonlySet<string> = new Set([
  'deleteSession',
  'disconnectSession',
  'restartSession',
  'setProxy',
])
/** The same for people: these come with tokens of nobody. */
const endingForPeople: ReadonlySet<string> = new Set(['logout', 'deleteOrganization'])

/** Requests for one operation: most of them plausible, some of them nonsense in one part. */
export function requestsFor(endpoint: Endpoint, all: Known): fc.Arbitrary<FuzzRequest> {
  const known = ending.has(endpoint.id) ? { ...all, sessions: all.victims } : all
  const schemaOf = (part: 'params' | 'query' | 'body' | 'headers'): JsonSchema =>
    jsonSchemaOf(endpoint[part], 'input')
  const encoded = (value: unknown): string => {
    const plain = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
    return encodeURIComponent(plain.toWellFormed())
  }

  const path = fc.oneof(
    {
      weight: 19,
      arbitrary: object(schemaOf('params'), known).map((params) =>
        endpoint.path.replace(/:(\w+)/g, (_mark, name: string) => encoded(params[name] ?? 'x') || 'x'),
      ),
    },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom('%', '%00', '%E0%A4%A', '..', '%2e%2e%2f', '%ff', 'a//b', ';', 'x'.repeat(400))
        .map((raw) => endpoint.path.replace(/:(\w+)/g, raw)),
    },
  )
  const query = object(schemaOf('query'), known).map((fields) => {
    const given = Object.entries({ ...fields, ...patience[endpoint.id] })
    return given.length === 0
      ? ''
      : `?${given.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join('&')}`
  })
  const body = fc.oneof(
    { weight: 12, arbitrary: object(schemaOf('body'), known).map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: anyJson.map((value) => JSON.stringify(value)) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        '',
        '   ',
        '{',
        '{"a":',
        'null',
        '[1,',
        '\ufeff{}',
        '{"__proto__":{"x":1}}',
        '['.repeat(5000),
        `${'['.repeat(50_000)}${']'.repeat(50_000)}`,
        `${'{"a":'.repeat(40)}1${'}'.repeat(40)}`,
        `"${'x'.repeat(300_000)}"`,
      ),
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 64 }) },
    { weight: 1, arbitrary: fc.constant(undefined) },
  )
  const contentType = fc.oneof(
    { weight: 15, arbitrary: fc.constant('application/json') },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        '',
        'text/plain',
        'application/x-www-form-urlencoded',
        'application/JSON; charset=UTF-8',
        'multipart/form-data; boundary=x',
        'application/xml',
        'nonsense',
      ),
    },
  )
  const key = fc.oneof(
    { weight: 15, arbitrary: fc.constant(known.keys[0]) },
    { weight: 2, arbitrary: fc.constantFrom(...known.keys, undefined, '', 'ihk_wrong', 'x'.repeat(2000)) },
  )
  const method = fc.oneof(
    { weight: 30, arbitrary: fc.constant<string>(endpoint.method) },
    { weight: 1, arbitrary: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS') },
  )
  const token = fc.oneof(
    { weight: 15, arbitrary: fc.constant(endingForPeople.has(endpoint.id) ? 'stale' : known.token) },
    { weight: 1, arbitrary: fc.constantFrom('', 'stale', 'x'.repeat(2000), `${known.token}x`) },
  )
  const extras = fc.record(
    {
      'accept-language': fc.constantFrom('en', 'pt-BR', 'xx', '*;q=x'),
      'x-request-id': fc.constantFrom('abc-1', 'x'.repeat(300), 'né'),
      accept: fc.constantFrom('image/png', 'text/plain', '*/*', 'nonsense'),
      authorization: fc.constant('Bearer stale'),
      'idempotency-key': fc.stringMatching(/^[\w-]{0,20}$/),
      'x-frappe-origin': fc.constantFrom('true', 'perhaps'),
    },
    { requiredKeys: [] },
  )
  return fc.record({ path, query, body, contentType, key, token, method, extras }).map((parts) => {
    const hasBody = parts.method !== 'GET' && parts.method !== 'OPTIONS' && parts.body !== undefined
    return {
      endpoint,
      method: parts.method,
      url: `${parts.path}${parts.query}`,
      headers: {
        ...parts.extras,
        ...(parts.key === undefined ? {} : { 'x-api-key': parts.key }),
        ...(endpoint.auth === 'user' ? { authorization: `Bearer ${parts.token}` } : {}),
        ...(hasBody && parts.contentType !== '' ? { 'content-type': parts.contentType } : {}),
      },
      body: hasBody ? parts.body : undefined,
    }
  })
}

import {
  apiVersion,
  type Endpoint,
  type ErrorCode,
  errorSchema,
  errorsOf,
  eventData,
  eventExamples,
  type EventType,
  eventTypes,
  factsOfError,
  failureSchema,
  languages,
  successSchema,
} from '@inbox-hub/contract'
import { z } from 'zod'
import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponseObject,
} from 'zod-openapi'

import { accessCookie } from './browser.ts'

/** `/api/sessions/:ref` as OpenAPI writes it. */
function openApiPath(path: string): string {
  return path.replace(/:(\w+)/g, '{$1}')
}

function operation(endpoint: Endpoint): ZodOpenApiOperationObject {
  const { params, query, headers, body, success, method } = endpoint
  const byStatus = Map.groupBy(errorsOf(endpoint), (code) => factsOfError(code).status)
  const responses: ZodOpenApiOperationObject['responses'] = {
    [String(success.status)]: {
      description: endpoint.summary,
      content: {
        ...(endpoint.json ? { 'application/json': { schema: successSchema(endpoint) } } : {}),
        ...Object.fromEntries(
          endpoint.alternatives.map(({ type, description }) => [
            type,
            {
              schema: z
                .string()
                .meta({ description, ...(type === 'image/png' ? { contentMediaType: type } : {}) }),
            },
          ]),
        ),
      },
    },
  }
  for (const [status, codes] of byStatus) {
    // OpenAPI's types know each status by name; ours come from the error table.
    responses[String(status) as '400'] = failureResponse(endpoint, status, codes)
  }
  const described = endpoint.description === undefined ? {} : { description: endpoint.description }
  const parameters = {
    ...(isEmpty(params) ? {} : { path: asObject(params) }),
    ...(isEmpty(query) ? {} : { query: asObject(query) }),
    ...(isEmpty(headers) ? {} : { header: asObject(headers) }),
  }
  return {
    operationId: endpoint.id,
    tags: [endpoint.tag],
    summary: endpoint.summary,
    ...described,
    security: securityOf(endpoint),
    ...(Object.keys(parameters).length === 0 ? {} : { requestParams: parameters }),
    ...(method === 'GET' || isEmpty(body)
      ? {}
      : {
          requestBody: {
            required: false,
            content: {
              'application/json': { schema: body },
              ...(endpoint.input === 'json_or_form' ? { 'multipart/form-data': { schema: formSchema } } : {}),
            },
          },
        }),
    ...(endpoint.input === 'bytes' ? { requestBody: { required: true, content: fileContent } } : {}),
    responses,
  }
}

/** The ways in, each enough alone. */
function securityOf({ auth }: Endpoint): Record<string, []>[] {
  if (auth === 'none') return []
  const login = [{ accessToken: [] as [] }, { cookieAuth: [] as [] }]
  return auth === 'user' ? login : [{ apiKey: [] }, ...login]
}

const cookieRules = [
  'The login of a person in a browser, set by `POST /api/auth/browser-login` (where `PUBLIC_URL` is https: `__Host-inbox_hub`).',
  'It counts for requests of the hub’s own pages alone: the `Origin` must be that of `PUBLIC_URL` or its host that of the request. Without an',
  '`Origin`, what changes something and every WebSocket must bring `Sec-Fetch-Site: same-origin`, and reading must not say another site.',
  'Anything else is refused with 403 `CROSS_SITE_REQUEST`. A key or token in a header goes before the cookie and is not asked where it comes from.',
].join(' ')

const binary = z.string().meta({ contentMediaType: 'application/octet-stream' })

/** One file, and the fields of the JSON body; lists as JSON or separated by commas. */
const formSchema = z.looseObject({ file: binary })

/** The two ways a file comes in. */
const fileContent = {
  'multipart/form-data': {
    schema: z.object({ file: binary, type: z.string().optional(), fileName: z.string().optional() }),
  },
  'application/octet-stream': { schema: binary },
}

/** What an operation answers with one error status. Most share theirs, which is then written down once. */
function failureResponse(
  endpoint: Endpoint,
  status: number,
  codes: readonly ErrorCode[],
): ZodOpenApiResponseObject {
  const special = codes.filter((code) => endpoint.errorData[code] !== undefined)
  const description = codes.map((code) => `\`${code}\`: ${factsOfError(code).message.en}`).join('\n\n')
  const schema =
    special.length === 0
      ? errorSchema
      : z.union([errorSchema, ...special.map((code) => failureSchema(endpoint, code))])
  const content = { 'application/json': { schema } }
  return special.length === 0
    ? shared(`Failure${status}_${codes.join('_')}`, description, content)
    : { description, content }
}

const sharedResponses = new Map<string, ZodOpenApiResponseObject>()

/** The same object for the same id, as the document builder wants it. */
function shared(
  id: string,
  description: string,
  content: NonNullable<ZodOpenApiResponseObject['content']>,
): ZodOpenApiResponseObject {
  const known = sharedResponses.get(id)
  if (known !== undefined) return known
  const response = { id, description, content }
  sharedResponses.set(id, response)
  return response
}

function isEmpty(schema: z.ZodType<object>): boolean {
  return schema instanceof z.ZodObject && Object.keys(schema.shape).length === 0
}

function asObject(schema: z.ZodType<object>): z.ZodObject {
  if (schema instanceof z.ZodObject) return schema
  throw new TypeError('parameters need a plain object schema')
}

/** What the `standard` webhook preset posts, and the streams carry in `data`: one of each event. */
function webhooks(): ZodOpenApiPathsObject {
  return Object.fromEntries(eventTypes.map((type) => [type, { post: webhook(type) }]))
}

function webhook(type: EventType): ZodOpenApiOperationObject {
  const data = eventData[type]
  const example = {
    type,
    timestamp: '2026-01-31T12:00:00.000Z',
    data: { sessionId: 'support', sessionDbId: 1, seq: 42, ...eventExamples[type] },
  }
  const session = z.object({ sessionId: z.string(), sessionDbId: z.int(), seq: z.int() })
  return {
    operationId: `on ${type}`,
    summary: type,
    requestBody: {
      content: {
        'application/json': {
          schema: z.object({
            type: z.literal(type),
            timestamp: z.string(),
            data: z.intersection(session, data),
          }),
          example,
        },
      },
    },
    responses: { '200': { description: 'Anything from 200 to 299 is taken as received.' } },
  }
}

/** The OpenAPI 3.1 document of these operations. */
export function openApiDocument(
  endpoints: readonly Endpoint[],
  { publicUrl }: { publicUrl: string | undefined },
): object {
  const paths: ZodOpenApiPathsObject = {}
  for (const endpoint of endpoints) {
    const path = openApiPath(endpoint.path)
    paths[path] = { ...paths[path], [endpoint.method.toLowerCase()]: operation(endpoint) }
  }
  return createDocument(
    {
      openapi: '3.1.0',
      info: {
        title: 'Inbox Hub',
        version: apiVersion,
        description: [
          'A self-hosted WhatsApp gateway. Link a number as a *session*, receive its messages by webhook, send by REST.',
          '',
          'Every success is `{success: true, message?, data, timestamp}`; every failure `{success: false, error, message, code, remedy, requestId, timestamp, details?, data?}`.',
          `Texts are Spanish unless \`Accept-Language\` asks for another of: ${languages.join(', ')}.`,
          'Fields that are not known are ignored; numbers and booleans may be written as text.',
        ].join('\n'),
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: publicUrl ?? '/' }],
      tags: [...new Set(endpoints.map((endpoint) => endpoint.tag))].map((name) => ({ name })),
      paths,
      webhooks: webhooks(),
      components: {
        securitySchemes: {
          apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
          accessToken: {
            type: 'http',
            scheme: 'bearer',
            bearerFormat: 'JWT',
            description:
              'Of a person. Whoever is a member of several organizations names one in `X-Organization-Id`.',
          },
          cookieAuth: {
            type: 'apiKey',
            in: 'cookie',
            name: accessCookie(publicUrl),
            description: cookieRules,
          },
        },
      },
    },
    {
      allowEmptySchema: { unknown: true },
      // That a whole number is one that JSON can carry goes without saying.
      override: ({ jsonSchema }) => {
        if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
        if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
      },
    },
  )
}

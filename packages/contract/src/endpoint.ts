import { z } from 'zod'

import type { ErrorCode } from './errors/index.ts'

type ObjectSchema = z.ZodType<object>

/** Which rate limit counts an operation (contract §2); `none` is never limited, `auth` counts per address. */
export type Bucket = 'none' | 'general' | 'reads' | 'whatsapp' | 'sending' | 'auth'

/** One operation of the API: what validates it, types its handler and documents it. */
export interface Endpoint<
  Params extends ObjectSchema = ObjectSchema,
  Query extends ObjectSchema = ObjectSchema,
  Body extends ObjectSchema = ObjectSchema,
  Headers extends ObjectSchema = ObjectSchema,
  Data extends ObjectSchema = ObjectSchema,
> {
  /** Unique; OpenAPI's operationId. */
  id: string
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Fastify's notation: `/api/sessions/:ref`. */
  path: string
  /**
   * Who may ask. `caller`: an API key, or a person who is logged in; `caller-or-ticket`: also a ticket in the query, for browsers that cannot
   * send headers (EventSource, WebSocket); `user`: a person.
   */
  auth: 'none' | 'caller' | 'caller-or-ticket' | 'user'
  bucket: Bucket
  tag: string
  summary: string
  /** More than a line, in Markdown. */
  description?: string
  params: Params
  query: Query
  /** A missing or empty body is `{}`. */
  body: Body
  headers: Headers
  /**
   * `bytes`: the body is a file, by multipart or as it is, and is streamed; `body` then describes nothing. `json_or_form`: JSON, or a form of
   * one file, which is streamed, and fields that make up the same body.
   */
  input: 'json' | 'bytes' | 'json_or_form'
  /** The most bytes of JSON, when it is not what the server usually takes. */
  maxBodyBytes: number | undefined
  success: {
    status: 200 | 201
    /** `standard`: `data` inside the envelope. `flat`: its fields beside `success` (health, root). */
    envelope: 'standard' | 'flat'
    data: Data
  }
  /** Answers that are not JSON, by media type. */
  alternatives: readonly { type: string; description: string }[]
  /** Whether JSON is the normal answer; false for pages, metrics and documents. */
  json: boolean
  /** Whether the answer goes on until somebody leaves. */
  endless: boolean
  /** Codes that this operation can answer with, beside those that every operation can (`generalErrors`). */
  errors: readonly ErrorCode[]
  /** Schemas of the `data` that stands beside some errors. */
  errorData: Partial<Record<ErrorCode, ObjectSchema>>
}

const nothing = z.object({})
type Nothing = typeof nothing

/** An operation as written down: what is usual may be left out. */
type Definition<
  Params extends ObjectSchema,
  Query extends ObjectSchema,
  Body extends ObjectSchema,
  Headers extends ObjectSchema,
  Data extends ObjectSchema,
> = Pick<Endpoint, 'id' | 'method' | 'path' | 'tag' | 'summary'> &
  Partial<
    Pick<
      Endpoint,
      | 'description'
      | 'auth'
      | 'bucket'
      | 'alternatives'
      | 'errors'
      | 'errorData'
      | 'json'
      | 'endless'
      | 'input'
      | 'maxBodyBytes'
    >
  > & {
    params?: Params
    query?: Query
    body?: Body
    headers?: Headers
    status?: 200 | 201
    envelope?: 'standard' | 'flat'
    data?: Data
  }

/** Completes a definition. Unless it says otherwise, an operation needs an API key or a login and answers 200 in the envelope. */
export function endpoint<
  Params extends ObjectSchema = Nothing,
  Query extends ObjectSchema = Nothing,
  Body extends ObjectSchema = Nothing,
  Headers extends ObjectSchema = Nothing,
  Data extends ObjectSchema = Nothing,
>(definition: Definition<Params, Query, Body, Headers, Data>): Endpoint<Params, Query, Body, Headers, Data> {
  const { status = 200, envelope = 'standard', data, params, query, body, headers, ...rest } = definition
  // A type parameter that was not inferred stands at its default, `Nothing`: that is what is put in its place.
  const or = <Schema extends ObjectSchema>(schema: Schema | undefined): Schema =>
    schema ?? (nothing as ObjectSchema as Schema)
  return {
    auth: 'caller',
    bucket: definition.method === 'GET' ? 'reads' : 'general',
    alternatives: [],
    json: true,
    endless: false,
    input: 'json',
    maxBodyBytes: undefined,
    errors: [],
    errorData: {},
    ...rest,
    params: or(params),
    query: or(query),
    body: or(body),
    headers: or(headers),
    success: { status, envelope, data: or(data) },
  }
}

/** What every operation can answer with. */
export const generalErrors = [
  'VALIDATION_ERROR',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'INTERNAL_ERROR',
  'SERVICE_UNAVAILABLE',
  'STORE_UNAVAILABLE',
] as const satisfies readonly ErrorCode[]

/** What every operation for people who are logged in can answer with. */
export const userErrors = [
  'MISSING_TOKEN',
  'INVALID_TOKEN',
  'CROSS_SITE_REQUEST',
] as const satisfies readonly ErrorCode[]

/** What every operation that takes a key or a login can answer with. */
export const callerErrors = [
  'MISSING_API_KEY',
  'INVALID_API_KEY',
  'INVALID_TOKEN',
  'CROSS_SITE_REQUEST',
  'ORGANIZATION_REQUIRED',
  'ORGANIZATION_NOT_FOUND',
  'AUTHORIZATION_FAILED',
] as const satisfies readonly ErrorCode[]

/** Every code an operation can answer with. */
export function errorsOf(endpoint: Endpoint): readonly ErrorCode[] {
  const codes = new Set<ErrorCode>([...endpoint.errors, ...generalErrors])
  const needed = endpoint.auth === 'user' ? userErrors : endpoint.auth === 'none' ? [] : callerErrors
  for (const code of needed) codes.add(code)
  if (endpoint.auth === 'caller-or-ticket') codes.add('INVALID_TICKET')
  if (endpoint.bucket === 'sending') codes.add('MESSAGE_RATE_LIMIT_EXCEEDED')
  else if (endpoint.bucket !== 'none') codes.add('RATE_LIMIT_EXCEEDED')
  return [...codes]
}

/** What a handler of the operation is given, parsed. */
export interface RequestOf<E extends Endpoint> {
  params: z.output<E['params']>
  query: z.output<E['query']>
  body: z.output<E['body']>
  headers: z.output<E['headers']>
}

/** What a handler of the operation answers with. */
export type DataOf<E extends Endpoint> = z.input<E['success']['data']>

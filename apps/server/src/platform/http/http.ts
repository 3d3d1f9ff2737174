import type { Readable } from 'node:stream'

import type { DataOf, Endpoint, Language, RequestOf, TextKey, TextValues } from '@inbox-hub/contract'
import type { WebSocket } from 'ws'

import type { BrowserLogin } from './browser.ts'
import type { Person } from './callers.ts'
import type { Grant } from './grant.ts'

/** One request to an operation, parsed by its schemas. */
export interface ApiRequest<E extends Endpoint, File = undefined> extends RequestOf<E> {
  /** The organization that is asked about; 0, which is none, where the operation needs nobody or is about the person. */
  ownerId: number
  /** What the key or the login opens. */
  grant: Grant
  /** Who is logged in; nobody (0) when it is a key. */
  user: Person
  /** The refresh token that a browser keeps. Throws `CROSS_SITE_REQUEST` when it is not one of our own pages that asks. */
  browserToken: () => string | undefined
  /** Says, before anything is proved, whose the request claims to be: for the audit log, which also has what fails. */
  isAbout: (person: { userId: number }) => void
  /** In which language to answer. */
  language: Language
  /** Echoed as `X-Request-Id`, and in the log. */
  requestId: string
  /** Where the client reached this server, without a slash at the end: what links in the answer begin with. */
  baseUrl: string
  /** The bytes of the body, of an operation that takes a file; empty otherwise. May be left unread, or read in part. */
  bytes: AsyncIterable<Buffer>
  /** What the form reader made of the file in a form; undefined when the request is JSON. Disposed with the answer. */
  file: File | undefined
  /** The media type of the body as the client says it; '' when it does not. */
  contentType: string
  /** How many bytes the client says the body has. */
  contentLength: number | undefined
  /** Aborted when the client goes away, and when the server stops waiting for answers. */
  signal: AbortSignal
}

/** What an operation answers; the edge wraps it in the contract's envelope. */
export interface Answer<E extends Endpoint> {
  data: DataOf<E>
  /** What to tell people. */
  message?: TextKey | { key: TextKey; values: TextValues }
  /** When it is not the operation's usual status. */
  status?: 200 | 201
  headers?: Readonly<Record<string, string>>
  /** The login a browser is to keep from now on, or that it is to forget its own. */
  browser?: BrowserLogin | 'forget'
  /** Who it was, or of which organization, when the request itself did not say: for the audit log. */
  audit?: { userId?: number; organizationId?: number }
}

/** An answer that is not the envelope: a picture, a page, metrics, a file as it is read. */
export interface RawAnswer {
  raw: string | Uint8Array | Readable
  /** Media type, with its charset. */
  type: string
  status?: number
  headers?: Readonly<Record<string, string>>
}

/** An answer that turns the connection into a WebSocket. A client that asked for none is answered `UPGRADE_REQUIRED`. */
export interface UpgradeAnswer {
  upgrade: (socket: WebSocket) => void
}

type AnyAnswer<E extends Endpoint> = Answer<E> | RawAnswer | UpgradeAnswer

export type Handler<E extends Endpoint, File = undefined> = (
  request: ApiRequest<E, File>,
) => Promise<AnyAnswer<E>> | AnyAnswer<E>

/** A form on its way in. */
export type FormRequest = Pick<
  ApiRequest<Endpoint>,
  'bytes' | 'contentType' | 'contentLength' | 'language' | 'signal'
>

/** Takes the file of a form, and answers it with what would stand in a JSON body. */
export type FormReader<File> = (form: FormRequest) => Promise<{ body: unknown; file: File }>

/** What came of a request to an operation that is audited (contract's `isAudited`). Nothing of bodies, queries or secrets. */
export interface Audited {
  /** The operation's id. */
  action: string
  /** Whose it was: the organization; 0 = nobody's. */
  ownerId: number
  /** Who was logged in, or logged in by it. */
  userId: number | undefined
  /** The id of the API key. */
  keyId: string | undefined
  /** The number of the session it was about, and what it was called. */
  sessionNumber: number | undefined
  session: string | undefined
  status: number
  /** Of the failure. */
  code: string | undefined
  ip: string
  requestId: string
}

/** The edge: requests come in parsed and go out in the contract's envelope; what handlers throw becomes its error bodies. */
export interface Http extends AsyncDisposable {
  /** Serves an operation of the contract. Every one is served once, before `listen`. */
  serve<E extends Endpoint>(endpoint: E, handler: Handler<E>): void
  /** Serves an operation whose body is JSON or a form (`json_or_form`). */
  serveForm<E extends Endpoint, File extends AsyncDisposable>(
    endpoint: E,
    readForm: FormReader<File>,
    handler: Handler<E, File>,
  ): void
  /** Starts answering. Port 0 takes a free one. */
  listen(address: { host: string; port: number }): Promise<{ host: string; port: number; url: string }>
  /** Answers 503 to new requests from now on, and waits at most `maxMs` for those under way. */
  drain(maxMs: number): Promise<void>
}

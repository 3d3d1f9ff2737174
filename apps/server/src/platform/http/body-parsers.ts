import { HubError } from '@inbox-hub/contract'
import type { FastifyInstance, FastifyRequest } from 'fastify'

import { parseFormBody, parseJsonBody } from './body.ts'

/** Which bodies are read, and how: JSON, forms, and nothing at all under whatever name. */
export function addBodyParsers(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(/^application\/([\w.-]+\+)?json\b/, { parseAs: 'buffer' }, parser(parseJsonBody))
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'buffer' }, parser(parseFormBody))
  app.addContentTypeParser(
    '*',
    { parseAs: 'buffer' },
    parser((bytes) => {
      // Some clients name a type for an empty body.
      if (bytes.length === 0) return {}
      throw new HubError('UNSUPPORTED_MEDIA_TYPE')
    }),
  )
}

function parser(parse: (bytes: Buffer) => unknown) {
  return (
    _request: FastifyRequest,
    bytes: Buffer,
    done: (error: Error | null, body?: unknown) => void,
  ): void => {
    let body: unknown
    try {
      body = parse(bytes)
    } catch (error) {
      done(error instanceof Error ? error : new Error('unreadable body', { cause: error }))
      return
    }
    done(null, body)
  }
}

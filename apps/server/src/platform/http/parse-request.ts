import { detailsOfIssues, type Endpoint, HubError, type Language, type RequestOf } from '@inbox-hub/contract'

/** What arrived, as the HTTP library has it. */
export interface RawRequest {
  params: unknown
  query: unknown
  headers: unknown
  body: unknown
}

/** The parts of a request by their schemas. @throws {HubError} VALIDATION_ERROR that names every field that is wrong, at once. */
export function parseRequest<E extends Endpoint>(
  endpoint: E,
  raw: RawRequest,
  language: Language,
): RequestOf<E> {
  const details: Record<string, string> = {}
  const parsed: Partial<Record<keyof RawRequest, object>> = {}
  for (const part of ['params', 'query', 'headers', 'body'] as const) {
    const result = endpoint[part].safeParse(raw[part] ?? {}, { reportInput: true })
    if (result.success) parsed[part] = result.data
    else Object.assign(details, detailsOfIssues(result.error.issues, language, part))
  }
  if (Object.keys(details).length > 0) throw new HubError('VALIDATION_ERROR', details)
  // Each part is what its own schema of `endpoint` just made.
  return parsed as RequestOf<E>
}

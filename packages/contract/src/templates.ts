import { z } from 'zod'

import { isoSchema, paginationSchema } from './answers.ts'
import { endpoint } from './endpoint.ts'
import { bool, int, issue, limit, list, maybe, moment, page, sessionRef, text, webUrl } from './fields.ts'
import { messageEndpoints, recipients } from './messages.ts'
import { fileKinds } from './outgoing-files.ts'
import { mostVariables, variableValues } from './outgoing-templates.ts'
import { placeholdersIn } from './placeholders.ts'

const tag = 'Templates'

export const templateStatuses = ['draft', 'pending', 'approved', 'rejected'] as const
export type TemplateStatus = (typeof templateStatuses)[number]

const status = z.enum(templateStatuses).meta({
  description:
    '`draft`: being written; `pending`: waits for an administrator; `approved`: may be sent; `rejected`: may not, `rejectionReason` says why.',
})

/** What may stand between double braces. */
const isVariableName = (name: string): boolean => /^[\p{L}\p{N}_]{1,64}$/u.test(name)

const variableShape = {
  name: z.string().trim().refine(isVariableName, issue('not_a_variable')),
  description: maybe(text(1, 200)),
  example: maybe(text(1, 1024)),
  required: maybe(bool()).meta({ description: 'true when not given, unless there is a `defaultValue`.' }),
  defaultValue: maybe(text(1, 1024)).meta({ description: 'Stands where no value is given.' }),
}
const variable = z
  .preprocess((value) => (typeof value === 'string' ? { name: value } : value), z.object(variableShape))
  .transform(({ name, description, example, required, defaultValue }) => ({
    name,
    description: description ?? null,
    example: example ?? null,
    required: required ?? defaultValue === undefined,
    defaultValue: defaultValue ?? null,
  }))

const attachmentShape = z.object({
  kind: z.enum(fileKinds).default('file').meta({ description: '`file`: what its bytes say.' }),
  // Whose server is asked is not for a value to say.
  url: maybe(webUrl.refine((url) => !/^\w+:\/\/[^/?#]*\{\{/.test(url), issue('not_a_url'))).meta({
    description: 'Where to fetch it, each time it is sent.',
  }),
  mediaId: maybe(z.string().max(100)).meta({ description: 'Of a file that was uploaded before.' }),
  fileName: maybe(text(1, 255)),
})
const attachment = z
  .preprocess((value) => (typeof value === 'string' ? { url: value } : value), attachmentShape)
  .refine(({ url, mediaId }) => (url === undefined) !== (mediaId === undefined), {
    path: ['url'],
    ...issue('one_file_source'),
  })
  .transform(({ kind, url, mediaId, fileName }) => ({
    kind,
    url: url ?? null,
    mediaId: mediaId ?? null,
    fileName: fileName ?? null,
  }))

const option = z.preprocess(
  (value) => (typeof value === 'string' ? { title: value } : value),
  z
    .object({ id: maybe(text(1, 200)), title: maybe(text(1, 80)), text: maybe(text(1, 80)) })
    .transform(({ id, title, text: other }, context) => {
      const shown = title ?? other
      if (shown !== undefined) return { id: id ?? null, title: shown }
      context.addIssue({ code: 'custom', path: ['title'], input: undefined, ...issue('required') })
      return z.NEVER
    }),
)

const writing = {
  name: text(1, 100),
  content: text(1, 4096).meta({
    description: 'With `{{name}}` or `{{1}}` where a value goes.',
    example: 'Hello {{name}}, your order {{order}} is on its way.',
  }),
  category: maybe(text(1, 50)).meta({ example: 'shipping' }),
  variables: maybe(list(variable, mostVariables)).meta({
    description: 'What is known of the names in the text; those left out are required.',
  }),
  attachments: maybe(list(attachment, 1)).meta({
    description: 'A file, of which the text is the caption. Its address and name may hold variables.',
  }),
  interactiveElements: maybe(list(option, 10)).meta({
    description: 'Options to choose from, as the kind `buttons` has them. Not beside a file.',
  }),
  isActive: maybe(bool()),
  status: maybe(z.enum(['draft', 'pending'])).meta({
    description: '`pending` when not given: it waits to be approved. `draft` does not wait yet.',
  }),
}
/** Everything in a template that may hold names. */
export function templateTexts({
  content = '',
  attachments = [],
  interactiveElements = [],
}: {
  content?: string | undefined
  attachments?: readonly { url: string | null; fileName: string | null }[] | undefined
  interactiveElements?: readonly { title: string }[] | undefined
}): string[] {
  const files = attachments.flatMap(({ url, fileName }) => [url ?? '', fileName ?? ''])
  return [content, ...files, ...interactiveElements.map(({ title }) => title)]
}

/** What stands between braces is a name. */
function checkNames(written: Parameters<typeof templateTexts>[0], context: z.RefinementCtx): void {
  const names = new Set(templateTexts(written).flatMap(placeholdersIn))
  const complain = (at: ReturnType<typeof issue>): void =>
    context.addIssue({ code: 'custom', path: ['content'], input: written, ...at })
  for (const name of names) {
    if (!isVariableName(name)) complain(issue('not_a_variable', { name: name.slice(0, 64) }))
  }
  if (names.size > mostVariables) complain(issue('too_many_variables'))
}

/** The text is also called `body`. */
const withContent = (body: unknown): unknown =>
  typeof body === 'object' && body !== null && !('content' in body) && 'body' in body
    ? { ...body, content: body.body }
    : body

const templateSchema = z
  .object({
    id: z.int(),
    organizationId: z.int(),
    name: z.string(),
    category: z.string().nullable(),
    content: z.string(),
    body: z.string().meta({ description: 'The same as `content`.' }),
    variables: z.array(
      z.object({
        name: z.string(),
        description: z.string().nullable(),
        example: z.string().nullable(),
        required: z.boolean(),
        defaultValue: z.string().nullable(),
      }),
    ),
    attachments: z.array(
      z.object({
        kind: z.enum(fileKinds),
        url: z.string().nullable(),
        mediaId: z.string().nullable(),
        fileName: z.string().nullable(),
      }),
    ),
    interactiveElements: z.array(z.object({ id: z.string().nullable(), title: z.string() })),
    status,
    isApproved: z.boolean(),
    isActive: z.boolean().meta({ description: 'false: not to be sent, approved or not.' }),
    rejectionReason: z.string().nullable(),
    decidedBy: z.int().nullable().meta({ description: 'The user who approved or rejected it.' }),
    decidedAt: isoSchema.nullable(),
    usageCount: z.int(),
    lastUsedAt: isoSchema.nullable(),
    createdBy: z.int().nullable(),
    createdAt: isoSchema,
    updatedAt: isoSchema,
  })
  .meta({ id: 'Template' })
export type TemplateWire = z.input<typeof templateSchema>

const inOrganization = z.object({ organizationId: int(1, 2 ** 31 - 1) })
const ofTemplate = z.object({ templateId: int(1, 2 ** 31 - 1) })
const one = z.object({ template: templateSchema })
const many = z.object({
  templates: z.array(templateSchema).meta({ description: 'Newest first.' }),
  pagination: paginationSchema,
  total: z.int(),
})
const writingErrors = ['TEMPLATE_ALREADY_EXISTS', 'TEMPLATE_UNFIT'] as const
const found = {
  page,
  limit: limit(50),
  category: maybe(text(1, 50)),
  search: maybe(text(1, 100)).meta({ description: 'In names and texts.' }),
}

const listTemplates = endpoint({
  tag,
  id: 'listTemplates',
  method: 'GET',
  path: '/api/templates/organizations/:organizationId',
  summary: 'List the templates of an organization',
  params: inOrganization,
  query: z.object({ ...found, status: maybe(status), isActive: maybe(bool()) }),
  data: many,
})

const listActiveTemplates = endpoint({
  tag,
  id: 'listActiveTemplates',
  method: 'GET',
  path: '/api/templates/organizations/:organizationId/active',
  summary: 'List those that may be sent: approved and active',
  params: inOrganization,
  query: z.object(found),
  data: many,
})

const listPendingTemplates = endpoint({
  tag,
  id: 'listPendingTemplates',
  method: 'GET',
  path: '/api/templates/organizations/:organizationId/pending',
  summary: 'List those that wait to be approved (admin)',
  params: inOrganization,
  query: z.object(found),
  data: many,
})

const createTemplate = endpoint({
  tag,
  id: 'createTemplate',
  method: 'POST',
  path: '/api/templates/organizations/:organizationId',
  summary: 'Write a template (agent)',
  description:
    'It waits for an administrator, who approves it with `POST /api/templates/{templateId}/approve`; nothing else may be sent.',
  params: inOrganization,
  body: z.preprocess(withContent, z.object(writing).superRefine(checkNames)),
  status: 201,
  data: one,
  errors: [...writingErrors],
})

const templateStats = endpoint({
  tag,
  id: 'templateStats',
  method: 'GET',
  path: '/api/templates/organizations/:organizationId/stats',
  summary: 'How many templates there are, and how much they are used',
  params: inOrganization,
  data: z.object({
    stats: z.object({
      total: z.int(),
      active: z.int(),
      byStatus: z.record(status, z.int()),
      byCategory: z.record(z.string(), z.int()),
      uses: z.int(),
      mostUsed: z.array(z.object({ id: z.int(), name: z.string(), usageCount: z.int() })),
    }),
  }),
})

const getTemplate = endpoint({
  tag,
  id: 'getTemplate',
  method: 'GET',
  path: '/api/templates/:templateId',
  summary: 'One template',
  params: ofTemplate,
  data: one,
  errors: ['TEMPLATE_NOT_FOUND'],
})

const updateTemplate = endpoint({
  tag,
  id: 'updateTemplate',
  method: 'PUT',
  path: '/api/templates/:templateId',
  summary: 'Change a template (agent; of approved ones, admin)',
  description:
    'What is not given stays. A rejected template waits again to be approved, unless `status` says `draft`; what an administrator changes in an approved one is approved.',
  params: ofTemplate,
  body: z.preprocess(
    withContent,
    z
      .object({ ...writing, name: maybe(writing.name), content: maybe(writing.content) })
      .superRefine(checkNames),
  ),
  data: one,
  errors: ['TEMPLATE_NOT_FOUND', ...writingErrors, 'TEMPLATE_APPROVED'],
})

const deleteTemplate = endpoint({
  tag,
  id: 'deleteTemplate',
  method: 'DELETE',
  path: '/api/templates/:templateId',
  summary: 'Delete a template (admin)',
  params: ofTemplate,
  data: z.object({ id: z.int(), deleted: z.literal(true) }),
  errors: ['TEMPLATE_NOT_FOUND'],
})

const approveTemplate = endpoint({
  tag,
  id: 'approveTemplate',
  method: 'POST',
  path: '/api/templates/:templateId/approve',
  summary: 'Let a template be sent (admin)',
  params: ofTemplate,
  data: one,
  errors: ['TEMPLATE_NOT_FOUND', 'TEMPLATE_NOT_PENDING'],
})

const rejectTemplate = endpoint({
  tag,
  id: 'rejectTemplate',
  method: 'POST',
  path: '/api/templates/:templateId/reject',
  summary: 'Do not let a template be sent, or no longer (admin)',
  params: ofTemplate,
  body: z.object({ rejectionReason: maybe(text(1, 500)), reason: maybe(text(1, 500)) }),
  data: one,
  errors: ['TEMPLATE_NOT_FOUND', 'TEMPLATE_NOT_PENDING'],
})

const { sendMessage } = messageEndpoints

const useTemplate = endpoint({
  tag,
  id: 'useTemplate',
  method: 'POST',
  path: '/api/templates/:templateId/use',
  bucket: 'sending',
  summary: 'Fill a template, and send it when `to` says to whom (agent)',
  description:
    'With `to` it is sent as any message: the answer then holds what a send answers. The same goes for a send whose `message` is `{"template": {"id": 7, "variables": {…}}}`.',
  params: ofTemplate,
  headers: z.object({ 'idempotency-key': maybe(text(1, 255)) }),
  body: z
    .object({
      variables: maybe(variableValues),
      to: maybe(recipients),
      sessionId: maybe(sessionRef).meta({ description: 'Through which session.' }),
      sendAt: maybe(moment('start_of_day')),
      clientId: maybe(text(1, 255)).meta({ description: 'The same as the `Idempotency-Key` header.' }),
    })
    .refine(({ to, sessionId }) => to === undefined || sessionId !== undefined, {
      path: ['sessionId'],
      ...issue('required'),
    }),
  data: sendMessage.success.data
    .partial()
    .extend({ templateId: z.int(), content: z.string(), rendered: z.string() }),
  errors: ['TEMPLATE_NOT_FOUND', ...sendMessage.errors],
})

export const templateEndpoints = {
  listTemplates,
  listActiveTemplates,
  listPendingTemplates,
  createTemplate,
  templateStats,
  getTemplate,
  updateTemplate,
  deleteTemplate,
  approveTemplate,
  rejectTemplate,
  useTemplate,
}

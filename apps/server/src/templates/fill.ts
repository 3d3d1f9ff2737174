import {
  type AskedTemplate,
  detailsOfIssues,
  fillPlaceholders,
  HubError,
  issueText,
  type Language,
  outgoingContent,
  placeholdersIn,
  type TemplateWire,
  templateTexts,
  type VariableValues,
} from '@inbox-hub/contract'
import type { AskedAlbum, AskedFile, OutgoingContent } from '@inbox-hub/whatsapp'

/** What a template says. */
export type Writing = Pick<TemplateWire, 'content' | 'variables' | 'attachments' | 'interactiveElements'>

/** The message a template becomes, and its text. */
export interface Filled {
  text: string
  content: OutgoingContent | AskedFile
}

/**
 * The variables of a template: what is said of them, and of each name in it that nothing is said of.
 * @throws {HubError} TEMPLATE_UNFIT when something is said of a name that is not in it
 */
export function variablesOf(writing: Writing, language: Language): TemplateWire['variables'] {
  const names = namesIn(writing)
  const strange = writing.variables.find(({ name }) => !names.includes(name))
  if (strange !== undefined)
    throw new HubError('TEMPLATE_UNFIT', {
      variables: issueText('not_in_text', language, { name: strange.name }),
    })
  return names.map(
    (name) =>
      writing.variables.find((variable) => variable.name === name) ?? {
        name,
        description: null,
        example: null,
        required: true,
        defaultValue: null,
      },
  )
}

/**
 * The message it becomes with these values. Values are taken as they are: what looks like a placeholder in one stays.
 * @throws {HubError} TEMPLATE_VARIABLES_MISSING, TEMPLATE_UNFIT
 */
export function fill(writing: Writing, values: VariableValues, language: Language): Filled {
  const valueOf = (name: string): string | undefined => {
    const given = values[name]
    return given === undefined || given === ''
      ? (writing.variables.find((variable) => variable.name === name)?.defaultValue ?? undefined)
      : given
  }
  const missing = writing.variables.filter(({ name, required }) => required && valueOf(name) === undefined)
  if (missing.length > 0) {
    const text = issueText('variable_missing', language)
    throw new HubError(
      'TEMPLATE_VARIABLES_MISSING',
      Object.fromEntries(missing.map(({ name }) => [name, text])),
    )
  }
  return made(writing, (name) => valueOf(name) ?? '', language)
}

/**
 * Whether it can become a message at all, with its names in the place of values.
 * @throws {HubError} TEMPLATE_UNFIT
 */
export function refuseUnfit(writing: Writing, language: Language): void {
  if (writing.attachments.length > 0 && writing.interactiveElements.length > 0)
    throw new HubError('TEMPLATE_UNFIT', {
      interactiveElements: issueText('file_or_options', language),
    })
  made(writing, (name) => name, language)
}

/** The names in all that is filled. */
export function namesIn({ content, attachments, interactiveElements }: Omit<Writing, 'variables'>): string[] {
  const texts = templateTexts({ content, attachments, interactiveElements })
  return [...new Set(texts.flatMap(placeholdersIn))]
}

function made(writing: Writing, valueOf: (name: string) => string, language: Language): Filled {
  const text = fillPlaceholders(writing.content, valueOf)
  const parsed = outgoingContent.safeParse(formOf(writing, text, valueOf), { reportInput: true })
  if (!parsed.success)
    throw new HubError('TEMPLATE_UNFIT', detailsOfIssues(parsed.error.issues, language, 'content'))
  // A form of a kind that `formOf` makes, which is never a template or an album.
  return { text, content: parsed.data as Exclude<typeof parsed.data, AskedTemplate | AskedAlbum> }
}

/** As a client would write it. */
function formOf(
  { attachments: [file], interactiveElements: options }: Writing,
  text: string,
  valueOf: (name: string) => string,
): object {
  const filled = (part: string | null): string | undefined =>
    part === null ? undefined : fillPlaceholders(part, valueOf)
  if (file !== undefined) {
    return {
      kind: file.kind,
      // A value must not change which address it is, only what is asked of it.
      url:
        file.url === null
          ? undefined
          : fillPlaceholders(file.url, (name) => encodeURIComponent(valueOf(name))),
      mediaId: file.mediaId ?? undefined,
      fileName: filled(file.fileName),
      caption: text,
    }
  }
  if (options.length === 0) return { kind: 'text', text }
  return {
    kind: 'buttons',
    text,
    options: options.map(({ id, title }) => ({ id: id ?? undefined, title: filled(title) })),
  }
}

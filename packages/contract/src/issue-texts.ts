import type { z } from 'zod'

import type { OwnIssue } from './fields.ts'
import { type Language, say, type Text, type TextValues } from './language.ts'

/** What is wrong with a field. None of them says "content is required": a client takes that for success. */
const issueTexts = {
  required: { es: 'Es obligatorio', en: 'It must be given', pt: 'É obrigatório' },
  wrong_type: { es: 'Debe ser {expected}', en: 'It must be {expected}', pt: 'Deve ser {expected}' },
  one_of: {
    es: 'Debe ser uno de: {values}',
    en: 'It must be one of: {values}',
    pt: 'Deve ser um de: {values}',
  },
  too_short: {
    es: 'Debe tener al menos {minimum} caracteres',
    en: 'It must have at least {minimum} characters',
    pt: 'Deve ter pelo menos {minimum} caracteres',
  },
  too_long: {
    es: 'Debe tener como máximo {maximum} caracteres',
    en: 'It must have at most {maximum} characters',
    pt: 'Deve ter no máximo {maximum} caracteres',
  },
  too_few: {
    es: 'Debe tener al menos {minimum} elementos',
    en: 'It must have at least {minimum} items',
    pt: 'Deve ter pelo menos {minimum} itens',
  },
  too_many: {
    es: 'Debe tener como máximo {maximum} elementos',
    en: 'It must have at most {maximum} items',
    pt: 'Deve ter no máximo {maximum} itens',
  },
  too_low: {
    es: 'Debe ser al menos {minimum}',
    en: 'It must be at least {minimum}',
    pt: 'Deve ser pelo menos {minimum}',
  },
  too_high: {
    es: 'Debe ser como máximo {maximum}',
    en: 'It must be at most {maximum}',
    pt: 'Deve ser no máximo {maximum}',
  },
  wrong_format: {
    es: 'No tiene la forma esperada',
    en: 'It does not have the expected form',
    pt: 'Não tem a forma esperada',
  },
  invalid: { es: 'No es válido', en: 'It is not valid', pt: 'Não é válido' },
  malformed_json: {
    es: 'No es JSON válido: {reason}',
    en: 'It is not valid JSON: {reason}',
    pt: 'Não é JSON válido: {reason}',
  },
  not_an_object: {
    es: 'Debe ser un objeto JSON',
    en: 'It must be a JSON object',
    pt: 'Deve ser um objeto JSON',
  },
  too_deep: {
    es: 'Tiene más de {maximum} niveles',
    en: 'It is more than {maximum} levels deep',
    pt: 'Tem mais de {maximum} níveis',
  },
  forbidden_key: {
    es: 'Contiene un nombre de campo prohibido',
    en: 'It holds a forbidden field name',
    pt: 'Contém um nome de campo proibido',
  },
  forbidden_character: {
    es: 'Contiene un carácter nulo',
    en: 'It holds a null character',
    pt: 'Contém um caractere nulo',
  },
  malformed_path: {
    es: 'La dirección no está bien codificada',
    en: 'The address is not encoded correctly',
    pt: 'O endereço não está bem codificado',
  },
  not_a_chat: {
    es: 'Debe ser un número con código de país (solo dígitos) o un JID como 12025550123@s.whatsapp.net',
    en: 'It must be a number with country code (digits only) or a JID such as 12025550123@s.whatsapp.net',
    pt: 'Deve ser um número com código do país (só dígitos) ou um JID como 12025550123@s.whatsapp.net',
  },
  another_session: {
    es: 'Debe ser otra sesión',
    en: 'It must be another session',
    pt: 'Deve ser outra sessão',
  },
  not_a_group: {
    es: 'Debe ser un grupo, un JID como 120363000000000001@g.us',
    en: 'It must be a group, a JID such as 120363000000000001@g.us',
    pt: 'Deve ser um grupo, um JID como 120363000000000001@g.us',
  },
  not_a_person: {
    es: 'Debe ser una persona: un número con código de país (solo dígitos) o un JID como 12025550123@s.whatsapp.net',
    en: 'It must be a person: a number with country code (digits only) or a JID such as 12025550123@s.whatsapp.net',
    pt: 'Deve ser uma pessoa: um número com código do país (só dígitos) ou um JID como 12025550123@s.whatsapp.net',
  },
  not_an_invite: {
    es: 'Debe ser el código de una invitación, o su enlace https://chat.whatsapp.com/…',
    en: 'It must be the code of an invitation, or its link https://chat.whatsapp.com/…',
    pt: 'Deve ser o código de um convite, ou seu link https://chat.whatsapp.com/…',
  },
  not_a_timer: {
    es: 'WhatsApp solo permite 0 (desactivado), 86400, 604800 o 7776000 segundos',
    en: 'WhatsApp allows only 0 (off), 86400, 604800 or 7776000 seconds',
    pt: 'O WhatsApp só permite 0 (desativado), 86400, 604800 ou 7776000 segundos',
  },
  one_picture_source: {
    es: 'Dé exactamente uno: `url`, `base64` o `mediaId`',
    en: 'Give exactly one: `url`, `base64` or `mediaId`',
    pt: 'Dê exatamente um: `url`, `base64` ou `mediaId`',
  },
  unknown_placeholder: {
    es: 'Solo puede llevar {{name}} y {{number}} entre llaves dobles',
    en: 'It may hold only {{name}} and {{number}} in double braces',
    pt: 'Só pode conter {{name}} e {{number}} entre chaves duplas',
  },
  not_a_variable: {
    es: '«{name}» no puede ser el nombre de una variable: solo letras, cifras y `_`',
    en: '"{name}" cannot be the name of a variable: only letters, digits and `_`',
    pt: '"{name}" não pode ser o nome de uma variável: só letras, algarismos e `_`',
  },
  too_many_variables: {
    es: 'Debe tener como máximo 50 variables',
    en: 'It must have at most 50 variables',
    pt: 'Deve ter no máximo 50 variáveis',
  },
  one_name: {
    es: 'Dé exactamente uno: `id` o `name`',
    en: 'Give exactly one: `id` or `name`',
    pt: 'Dê exatamente um: `id` ou `name`',
  },
  one_file_source: {
    es: 'Dé exactamente uno: `url` o `mediaId`',
    en: 'Give exactly one: `url` or `mediaId`',
    pt: 'Dê exatamente um: `url` ou `mediaId`',
  },
  not_in_text: {
    es: '{{{name}}} no está en el texto',
    en: '{{{name}}} is not in the text',
    pt: '{{{name}}} não está no texto',
  },
  file_or_options: {
    es: 'O un archivo u opciones: un mensaje no lleva ambos',
    en: 'Either a file or options: a message has no room for both',
    pt: 'Ou um arquivo ou opções: uma mensagem não leva os dois',
  },
  variable_missing: {
    es: 'Falta el valor de esta variable',
    en: 'The value of this variable is missing',
    pt: 'Falta o valor desta variável',
  },
  unknown_event: {
    es: '«{name}» no es un evento; los nombres están en docs/reference/events.md',
    en: '"{name}" is not an event; their names are in docs/reference/events.md',
    pt: '"{name}" não é um evento; os nomes estão em docs/reference/events.md',
  },
  preset_reserved: {
    es: '`cloud-api` está reservado para la fachada de la Cloud API, que aún no existe: use legacy, standard o cloudevents',
    en: '`cloud-api` is reserved for the facade of the Cloud API, which is not there yet: use legacy, standard or cloudevents',
    pt: '`cloud-api` está reservado para a fachada da Cloud API, que ainda não existe: use legacy, standard ou cloudevents',
  },
  reserved_header: {
    es: 'La cabecera «{name}» la pone el servidor',
    en: 'The header "{name}" is set by the server',
    pt: 'O cabeçalho "{name}" é definido pelo servidor',
  },
  not_a_header: {
    es: '«{name}» no es una cabecera válida: letras, dígitos y guiones, y un valor ASCII de una línea',
    en: '"{name}" is not a valid header: letters, digits and hyphens, and a value of one ASCII line',
    pt: '"{name}" não é um cabeçalho válido: letras, dígitos e hífens, e um valor ASCII de uma linha',
  },
  not_a_secret: {
    es: 'Tras `whsec_` debe ir base64, de al menos 16 caracteres',
    en: '`whsec_` must be followed by base64, at least 16 characters of it',
    pt: 'Depois de `whsec_` deve vir base64, com pelo menos 16 caracteres',
  },
  replay_what: {
    es: 'Dé `startDate`, o `failed: true` para lo que se abandonó',
    en: 'Give `startDate`, or `failed: true` for what was given up',
    pt: 'Dê `startDate`, ou `failed: true` para o que foi abandonado',
  },
  not_a_phone: {
    es: 'Debe ser un número internacional de 7 a 15 dígitos, con código de país',
    en: 'It must be an international number of 7 to 15 digits, with its country code',
    pt: 'Deve ser um número internacional de 7 a 15 dígitos, com código do país',
  },
  not_a_date: {
    es: 'Debe ser una fecha ISO 8601, o segundos o milisegundos Unix',
    en: 'It must be an ISO 8601 date, or Unix seconds or milliseconds',
    pt: 'Deve ser uma data ISO 8601, ou segundos ou milissegundos Unix',
  },
  not_a_network: {
    es: 'Debe ser una dirección IP o una red, como 10.0.0.0/8',
    en: 'It must be an IP address or a network, as in 10.0.0.0/8',
    pt: 'Deve ser um endereço IP ou uma rede, como 10.0.0.0/8',
  },
  weak_password: {
    es: 'Debe tener una mayúscula, una minúscula y un dígito',
    en: 'It must have a capital letter, a small letter and a digit',
    pt: 'Deve ter uma maiúscula, uma minúscula e um dígito',
  },
  not_a_url: {
    es: 'Debe ser una dirección http o https, sin usuario ni contraseña',
    en: 'It must be an http or https address, without user and password',
    pt: 'Deve ser um endereço http ou https, sem usuário nem senha',
  },
  not_a_proxy: {
    es: 'Debe ser una dirección http://, https:// o socks5://',
    en: 'It must be an http://, https:// or socks5:// address',
    pt: 'Deve ser um endereço http://, https:// ou socks5://',
  },
  not_a_status: {
    es: 'Debe ser uno de: pending, connecting, qr_code, connected, disconnected, error, rate_limited',
    en: 'It must be one of: pending, connecting, qr_code, connected, disconnected, error, rate_limited',
    pt: 'Deve ser um de: pending, connecting, qr_code, connected, disconnected, error, rate_limited',
  },
  not_a_session_id: {
    es: 'Debe tener de 3 a 100 letras sin acento, dígitos, guiones o guiones bajos',
    en: 'It must have 3 to 100 plain letters, digits, hyphens or underscores',
    pt: 'Deve ter de 3 a 100 letras sem acento, dígitos, hífens ou sublinhados',
  },
  reserved_session_id: {
    es: 'Ese nombre está reservado; use otro, que no sean solo hasta 10 dígitos',
    en: 'That name is reserved; use another, which is not just up to 10 digits',
    pt: 'Esse nome é reservado; use outro, que não seja só até 10 dígitos',
  },
  unknown_kind: {
    es: 'Debe ser un texto, o un objeto con `kind` o con una clave que diga qué es: text, location, contacts, poll, …',
    en: 'It must be a text, or an object with `kind` or with a key that says what it is: text, location, contacts, poll, …',
    pt: 'Deve ser um texto, ou um objeto com `kind` ou com uma chave que diga o que é: text, location, contacts, poll, …',
  },
  one_source: {
    es: 'Dé exactamente uno de: url, mediaId, base64, path (o el archivo del formulario)',
    en: 'Give exactly one of: url, mediaId, base64, path (or the file of the form)',
    pt: 'Dê exatamente um de: url, mediaId, base64, path (ou o arquivo do formulário)',
  },
  text_or_file: {
    es: 'Aquí solo se publican textos y archivos',
    en: 'Only texts and files are posted here',
    pt: 'Aqui só se publicam textos e arquivos',
  },
  not_a_vcard: {
    es: 'No es una vCard con nombre (FN)',
    en: 'It is not a vCard with a name (FN)',
    pt: 'Não é um vCard com nome (FN)',
  },
  card_incomplete: {
    es: 'Dé `vcard`, o `name` y `phone`',
    en: 'Give `vcard`, or `name` and `phone`',
    pt: 'Dê `vcard`, ou `name` e `phone`',
  },
  not_distinct: {
    es: 'No debe repetirse ninguno',
    en: 'None may be there twice',
    pt: 'Nenhum pode repetir-se',
  },
  more_than_options: {
    es: 'No puede ser mayor que el número de opciones',
    en: 'It must not be more than there are options',
    pt: 'Não pode ser maior que o número de opções',
  },
  end_before_begin: {
    es: 'Debe ser posterior al comienzo',
    en: 'It must be later than the beginning',
    pt: 'Deve ser posterior ao começo',
  },
  not_a_newsletter: {
    es: 'Debe ser el identificador de un canal, que termina en @newsletter',
    en: 'It must be the id of a newsletter, which ends in @newsletter',
    pt: 'Deve ser o identificador de um canal, que termina em @newsletter',
  },
  not_a_colour: {
    es: 'Debe ser un color como #1F7A4D',
    en: 'It must be a colour like #1F7A4D',
    pt: 'Deve ser uma cor como #1F7A4D',
  },
  not_an_emoji: {
    es: 'Debe ser un solo emoji, o vacío para quitar la reacción',
    en: 'It must be one emoji, or empty to take the reaction back',
    pt: 'Deve ser um só emoji, ou vazio para retirar a reação',
  },
  not_a_pin_time: {
    es: 'Debe ser 86400, 604800 o 2592000 segundos',
    en: 'It must be 86400, 604800 or 2592000 seconds',
    pt: 'Deve ser 86400, 604800 ou 2592000 segundos',
  },
  not_its_chat: {
    es: 'El mensaje está en otro chat',
    en: 'The message is in another chat',
    pt: 'A mensagem está em outra conversa',
  },
  not_in_album: {
    es: 'Lo que se ve una sola vez no puede ir en un álbum',
    en: 'What is shown once cannot be in an album',
    pt: 'O que se vê uma só vez não pode ir num álbum',
  },
  not_for_later: {
    es: 'Lo que se hace a un mensaje no se puede programar',
    en: 'What is done to a message cannot be scheduled',
    pt: 'O que se faz a uma mensagem não pode ser agendado',
  },
  url_or_base64: {
    es: 'Dé `url` o `base64`, uno de los dos',
    en: 'Give `url` or `base64`, one of the two',
    pt: 'Dê `url` ou `base64`, um dos dois',
  },
  not_base64: {
    es: 'No es base64 válido',
    en: 'It is not valid base64',
    pt: 'Não é base64 válido',
  },
  malformed_multipart: {
    es: 'No es multipart/form-data válido, o llegó incompleto',
    en: 'It is not valid multipart/form-data, or arrived incomplete',
    pt: 'Não é multipart/form-data válido, ou chegou incompleto',
  },
  no_file: {
    es: 'No contiene ningún archivo',
    en: 'It holds no file',
    pt: 'Não contém nenhum arquivo',
  },
  one_file: {
    es: 'Contiene más de un archivo: suba uno por petición',
    en: 'It holds more than one file: upload one per request',
    pt: 'Contém mais de um arquivo: envie um por requisição',
  },
  end_before_start: {
    es: 'Debe ser posterior a startDate',
    en: 'It must be later than startDate',
    pt: 'Deve ser posterior a startDate',
  },
  below_minimum: {
    es: 'No debe ser menor que el mínimo',
    en: 'It must not be less than the minimum',
    pt: 'Não deve ser menor que o mínimo',
  },
  not_in_future: {
    es: 'Debe ser posterior a este momento',
    en: 'It must be later than now',
    pt: 'Deve ser posterior a este momento',
  },
  too_far_ahead: {
    es: 'Debe estar a 366 días como máximo',
    en: 'It must be at most 366 days ahead',
    pt: 'Deve estar a no máximo 366 dias',
  },
} as const satisfies Record<string, Text> & Record<OwnIssue, Text>

export type IssueKey = keyof typeof issueTexts

/** What is wrong, in one language. */
export function issueText(key: IssueKey, language: Language, values?: TextValues): string {
  return say(issueTexts[key], language, values)
}

const types: Readonly<Record<string, Text>> = {
  string: { es: 'un texto', en: 'a text', pt: 'um texto' },
  number: { es: 'un número', en: 'a number', pt: 'um número' },
  int: { es: 'un número entero', en: 'a whole number', pt: 'um número inteiro' },
  boolean: { es: 'true o false', en: 'true or false', pt: 'true ou false' },
  array: { es: 'una lista', en: 'a list', pt: 'uma lista' },
  object: { es: 'un objeto', en: 'an object', pt: 'um objeto' },
}

/**
 * The `details` of a VALIDATION_ERROR: what is wrong with each field, by its name (`mentions.0` inside a list).
 * `whole` names the part of the request when the fault is not in one field of it.
 */
export function detailsOfIssues(
  issues: readonly z.core.$ZodIssue[],
  language: Language,
  whole: string,
): Record<string, string> {
  const details: Record<string, string> = {}
  for (const issue of issues) {
    const field = issue.path.length === 0 ? whole : issue.path.map(String).join('.').slice(0, 200)
    details[field] ??= describeIssue(issue, language)
  }
  return details
}

function describeIssue(issue: z.core.$ZodIssue, language: Language): string {
  const missing = 'input' in issue && issue.input === undefined
  switch (issue.code) {
    case 'invalid_type':
      if (missing) return issueText('required', language)
      return issueText('wrong_type', language, {
        expected: types[issue.expected]?.[language] ?? issue.expected,
      })
    case 'too_small':
      return issueText(smallKey(issue.origin), language, { minimum: Number(issue.minimum) })
    case 'too_big':
      return issueText(bigKey(issue.origin), language, { maximum: Number(issue.maximum) })
    case 'invalid_value':
      if (missing) return issueText('required', language)
      return issueText('one_of', language, { values: issue.values.map(String).join(', ') })
    case 'invalid_format':
      return issueText('wrong_format', language)
    case 'invalid_union': {
      if (missing) return issueText('required', language)
      // The branch that recognised the kind of value and found fault with the rest says most.
      const branch = issue.errors.find(
        ([first]) => first !== undefined && (first.code !== 'invalid_type' || first.path.length > 0),
      )
      const first = branch?.[0]
      return first === undefined ? issueText('invalid', language) : describeIssue(first, language)
    }
    case 'custom': {
      const key: unknown = issue.params?.['key']
      // Made by issue() of fields.ts, which alone gives them.
      const values = issue.params?.['values'] as TextValues | undefined
      return issueText(isIssueKey(key) ? key : 'invalid', language, values)
    }
    case 'not_multiple_of':
    case 'unrecognized_keys':
    case 'invalid_key':
    case 'invalid_element':
      return issueText('invalid', language)
    default:
      return issueText('invalid', language)
  }
}

function isIssueKey(key: unknown): key is IssueKey {
  return typeof key === 'string' && Object.hasOwn(issueTexts, key)
}

function smallKey(origin: string): IssueKey {
  return origin === 'string' ? 'too_short' : origin === 'array' ? 'too_few' : 'too_low'
}

function bigKey(origin: string): IssueKey {
  return origin === 'string' ? 'too_long' : origin === 'array' ? 'too_many' : 'too_high'
}

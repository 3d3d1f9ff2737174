import type { ErrorFacts } from './error-facts.ts'

/** Failures of whoever asks: keys, tickets, tokens; part of the table in index.ts. */
export const accessErrors = {
  MISSING_API_KEY: {
    status: 401,
    message: {
      es: 'Falta la API key',
      en: 'The API key is missing',
      pt: 'Falta a API key',
    },
    remedy: {
      es: 'Envíe la clave en la cabecera `X-API-Key`.',
      en: 'Send the key in the `X-API-Key` header.',
      pt: 'Envie a chave no cabeçalho `X-API-Key`.',
    },
  },
  INVALID_API_KEY: {
    status: 401,
    message: {
      es: 'API key inválida',
      en: 'The API key is not valid',
      pt: 'API key inválida',
    },
    remedy: {
      es: 'Revise la clave, o cree otra: pudo ser revocada.',
      en: 'Check the key, or make another: it may have been revoked.',
      pt: 'Verifique a chave, ou crie outra: pode ter sido revogada.',
    },
  },
  INVALID_TICKET: {
    status: 401,
    message: {
      es: 'El tique no es válido',
      en: 'The ticket is not valid',
      pt: 'O tíquete não é válido',
    },
    remedy: {
      es: 'Pida otro con `POST /api/events/tickets`: vale 30 segundos y para un solo flujo.',
      en: 'Ask for another with `POST /api/events/tickets`: it is good for 30 seconds and for one stream.',
      pt: 'Peça outro com `POST /api/events/tickets`: vale 30 segundos e para um só fluxo.',
    },
  },
  MISSING_TOKEN: {
    status: 401,
    message: {
      es: 'Token de acceso requerido',
      en: 'An access token is required',
      pt: 'Token de acesso obrigatório',
    },
    remedy: {
      es: 'Inicie sesión y envíe el token en `Authorization: Bearer`.',
      en: 'Log in and send the token as `Authorization: Bearer`.',
      pt: 'Entre e envie o token em `Authorization: Bearer`.',
    },
  },
  INVALID_TOKEN: {
    status: 401,
    message: {
      es: 'Token inválido o vencido',
      en: 'The token is not valid or has expired',
      pt: 'Token inválido ou vencido',
    },
    remedy: {
      es: 'Inicie sesión de nuevo o renueve el token; si era un enlace para la contraseña, pida otro: vale una hora y una vez.',
      en: 'Log in again, or refresh the token; if it was a link to set a password, ask for another: it is good for an hour, and once.',
      pt: 'Entre de novo ou renove o token; se era um link para a senha, peça outro: vale uma hora e uma vez.',
    },
  },
  AUTHENTICATION_FAILED: {
    status: 401,
    message: {
      es: 'Usuario o contraseña incorrectos',
      en: 'The user or the password is wrong',
      pt: 'Usuário ou senha incorretos',
    },
    remedy: {
      es: 'Revise los datos; tras varios intentos hay que esperar 15 minutos.',
      en: 'Check them; after several attempts you have to wait 15 minutes.',
      pt: 'Verifique os dados; após várias tentativas é preciso esperar 15 minutos.',
    },
  },
  AUTHORIZATION_FAILED: {
    status: 403,
    message: {
      es: 'No tiene permiso para esta operación',
      en: 'You may not do this',
      pt: 'Sem permissão para esta operação',
    },
    remedy: {
      es: 'Use una clave que tenga el permiso (`scope`), o pida a un administrador el rol que dice `details`.',
      en: 'Use a key that has the permission (`scope`), or ask an administrator for the role that `details` names.',
      pt: 'Use uma chave que tenha a permissão (`scope`), ou peça a um administrador o papel que diz `details`.',
    },
  },
  CROSS_SITE_REQUEST: {
    status: 403,
    message: {
      es: 'La petición viene de otro sitio web',
      en: 'The request comes from another web site',
      pt: 'A requisição vem de outro site',
    },
    remedy: {
      es: 'Las cookies solo valen para páginas del hub (`PUBLIC_URL`). Desde otro sitio, use una API key o un token en `Authorization`.',
      en: 'Cookies count for pages of the hub alone (`PUBLIC_URL`). From another site use an API key, or a token in `Authorization`.',
      pt: 'Os cookies só valem para páginas do hub (`PUBLIC_URL`). De outro site, use uma API key ou um token em `Authorization`.',
    },
  },
  ORGANIZATION_REQUIRED: {
    status: 400,
    message: {
      es: 'Falta decir de qué organización',
      en: 'It is not said of which organization',
      pt: 'Falta dizer de qual organização',
    },
    remedy: {
      es: 'Usted es miembro de varias: dé el número de una en la cabecera `X-Organization-Id`.',
      en: 'You are a member of several: give the number of one in the header `X-Organization-Id`.',
      pt: 'Você é membro de várias: dê o número de uma no cabeçalho `X-Organization-Id`.',
    },
  },
  API_KEY_NOT_FOUND: {
    status: 404,
    message: {
      es: 'No hay una API key en uso con ese identificador',
      en: 'There is no API key in use with that id',
      pt: 'Não há uma API key em uso com esse identificador',
    },
    remedy: {
      es: 'Vea los identificadores con `GET /api/keys`.',
      en: 'See the ids with `GET /api/keys`.',
      pt: 'Veja os identificadores com `GET /api/keys`.',
    },
  },
  ORGANIZATION_NOT_FOUND: {
    status: 404,
    message: {
      es: 'Organización no encontrada',
      en: 'Organization not found',
      pt: 'Organização não encontrada',
    },
    remedy: {
      es: 'Revise el identificador, o pida acceso a la organización.',
      en: 'Check the id, or ask for access to the organization.',
      pt: 'Verifique o identificador, ou peça acesso à organização.',
    },
  },
} as const satisfies Record<string, ErrorFacts>

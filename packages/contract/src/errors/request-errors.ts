import type { ErrorFacts } from './error-facts.ts'

/** Failures of requests as such, whatever they ask for, and of the hub itself; part of the table in index.ts. */
export const requestErrors = {
  VALIDATION_ERROR: {
    status: 400,
    message: {
      es: 'Datos de entrada inválidos',
      en: 'Invalid input',
      pt: 'Dados de entrada inválidos',
    },
    remedy: {
      es: 'Corrija los campos que nombra `details`.',
      en: 'Correct the fields that `details` names.',
      pt: 'Corrija os campos que `details` indica.',
    },
  },
  NOT_FOUND: {
    status: 404,
    message: {
      es: 'Ruta no encontrada',
      en: 'There is nothing at this address',
      pt: 'Rota não encontrada',
    },
    remedy: {
      es: 'Consulte las rutas en `/api/docs`.',
      en: 'See the routes at `/api/docs`.',
      pt: 'Veja as rotas em `/api/docs`.',
    },
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    message: {
      es: 'Método no permitido en esta ruta',
      en: 'This address does not take that method',
      pt: 'Método não permitido nesta rota',
    },
    remedy: {
      es: 'Use uno de los métodos de la cabecera `Allow`.',
      en: 'Use one of the methods in the `Allow` header.',
      pt: 'Use um dos métodos do cabeçalho `Allow`.',
    },
  },
  REQUEST_TIMEOUT: {
    status: 408,
    message: {
      es: 'La petición no llegó completa a tiempo',
      en: 'The request did not arrive completely in time',
      pt: 'A requisição não chegou completa a tempo',
    },
    remedy: {
      es: 'Envíe la petición de nuevo.',
      en: 'Send the request again.',
      pt: 'Envie a requisição de novo.',
    },
  },
  IDEMPOTENCY_CONFLICT: {
    status: 409,
    message: {
      es: 'Esa clave de idempotencia ya se usó con otro contenido',
      en: 'That idempotency key was used with other content',
      pt: 'Essa chave de idempotência já foi usada com outro conteúdo',
    },
    remedy: {
      es: 'Use una clave nueva para cada petición distinta, y la misma solo para repetirla.',
      en: 'Use a new key for each different request, and the same one only to repeat it.',
      pt: 'Use uma chave nova para cada requisição diferente, e a mesma só para repeti-la.',
    },
  },
  PAYLOAD_TOO_LARGE: {
    status: 413,
    message: {
      es: 'El cuerpo de la petición es demasiado grande',
      en: 'The request body is too large',
      pt: 'O corpo da requisição é grande demais',
    },
    remedy: {
      es: 'El máximo son {maxKiB} KiB de JSON.',
      en: 'The most is {maxKiB} KiB of JSON.',
      pt: 'O máximo são {maxKiB} KiB de JSON.',
    },
  },
  URI_TOO_LONG: {
    status: 414,
    message: {
      es: 'La dirección de la petición es demasiado larga',
      en: 'The address of the request is too long',
      pt: 'O endereço da requisição é longo demais',
    },
    remedy: {
      es: 'Acorte el identificador o los filtros.',
      en: 'Shorten the id or the filters.',
      pt: 'Encurte o identificador ou os filtros.',
    },
  },
  HEADERS_TOO_LARGE: {
    status: 431,
    message: {
      es: 'Las cabeceras de la petición son demasiado grandes',
      en: 'The request headers are too large',
      pt: 'Os cabeçalhos da requisição são grandes demais',
    },
    remedy: {
      es: 'El máximo son 16 KiB; suelen sobrar cookies.',
      en: 'The most is 16 KiB; often there are too many cookies.',
      pt: 'O máximo são 16 KiB; costumam sobrar cookies.',
    },
  },
  UPGRADE_REQUIRED: {
    status: 426,
    message: {
      es: 'Esta dirección solo habla WebSocket',
      en: 'This address speaks WebSocket only',
      pt: 'Este endereço só fala WebSocket',
    },
    remedy: {
      es: 'Abra un WebSocket (`ws://` o `wss://`), o use `/api/events/stream`. Un proxy inverso debe dejar pasar `Upgrade`.',
      en: 'Open a WebSocket (`ws://` or `wss://`), or use `/api/events/stream`. A reverse proxy must let `Upgrade` through.',
      pt: 'Abra um WebSocket (`ws://` ou `wss://`), ou use `/api/events/stream`. Um proxy reverso deve deixar passar `Upgrade`.',
    },
  },
  TOO_MANY_STREAMS: {
    status: 429,
    message: {
      es: 'Hay demasiados flujos de eventos abiertos',
      en: 'There are too many open event streams',
      pt: 'Há fluxos de eventos abertos demais',
    },
    remedy: {
      es: 'Cierre los que no usa; un solo flujo puede llevar los eventos de todas las sesiones.',
      en: 'Close those you do not use; one stream can carry the events of all sessions.',
      pt: 'Feche os que não usa; um só fluxo pode levar os eventos de todas as sessões.',
    },
  },
  RATE_LIMIT_EXCEEDED: {
    status: 429,
    message: {
      es: 'Demasiadas solicitudes. Intente de nuevo en {seconds} segundos (rate limit).',
      en: 'Demasiadas solicitudes: too many requests. Try again in {seconds} seconds (rate limit).',
      pt: 'Demasiadas solicitudes: solicitações demais. Tente de novo em {seconds} segundos (rate limit).',
    },
    remedy: {
      es: 'Espere los segundos de `Retry-After`. Los límites están en las cabeceras `RateLimit-*`.',
      en: 'Wait the seconds in `Retry-After`. The limits are in the `RateLimit-*` headers.',
      pt: 'Aguarde os segundos de `Retry-After`. Os limites estão nos cabeçalhos `RateLimit-*`.',
    },
  },
  MESSAGE_RATE_LIMIT_EXCEEDED: {
    status: 429,
    message: {
      es: 'Demasiadas solicitudes de envío. Intente de nuevo en {seconds} segundos (rate limit).',
      en: 'Demasiadas solicitudes: too many sends. Try again in {seconds} seconds (rate limit).',
      pt: 'Demasiadas solicitudes: envios demais. Tente de novo em {seconds} segundos (rate limit).',
    },
    remedy: {
      es: 'Espere los segundos de `Retry-After`: el límite de envíos protege al número.',
      en: 'Wait the seconds in `Retry-After`: the limit on sends protects the number.',
      pt: 'Aguarde os segundos de `Retry-After`: o limite de envios protege o número.',
    },
  },
  INTERNAL_ERROR: {
    status: 500,
    message: {
      es: 'Error interno del servidor',
      en: 'Internal server error',
      pt: 'Erro interno do servidor',
    },
    remedy: {
      es: 'Es un fallo nuestro. Busque `details.requestId` en el registro del servidor e infórmelo.',
      en: 'This is our fault. Find `details.requestId` in the log of the server and report it.',
      pt: 'A falha é nossa. Procure `details.requestId` no registro do servidor e informe-a.',
    },
  },
  SERVICE_UNAVAILABLE: {
    status: 503,
    message: {
      es: 'El servidor se está deteniendo',
      en: 'The server is shutting down',
      pt: 'O servidor está sendo encerrado',
    },
    remedy: {
      es: 'Repita la petición tras los segundos de `Retry-After`.',
      en: 'Repeat the request after the seconds in `Retry-After`.',
      pt: 'Repita a requisição após os segundos de `Retry-After`.',
    },
  },
  NOT_READY: {
    status: 503,
    message: {
      es: 'El servidor todavía no puede trabajar',
      en: 'The server cannot work yet',
      pt: 'O servidor ainda não pode trabalhar',
    },
    remedy: {
      es: 'Lea `data.checks`: cada comprobación que falla dice qué hacer.',
      en: 'Read `data.checks`: each check that fails says what to do.',
      pt: 'Leia `data.checks`: cada verificação que falha diz o que fazer.',
    },
  },
  STORE_UNAVAILABLE: {
    status: 503,
    message: {
      es: 'La base de datos no acepta escrituras en este momento',
      en: 'The database does not take writes at the moment',
      pt: 'O banco de dados não aceita gravações no momento',
    },
    remedy: {
      es: 'Nada de la petición quedó guardado: repítala. El operador debe revisar el espacio en disco y la base de datos (`inbox-hub doctor`).',
      en: 'Nothing of the request was stored: repeat it. The operator should check disk space and the database (`inbox-hub doctor`).',
      pt: 'Nada da requisição foi guardado: repita-a. O operador deve verificar o espaço em disco e o banco de dados (`inbox-hub doctor`).',
    },
  },
} as const satisfies Record<string, ErrorFacts>

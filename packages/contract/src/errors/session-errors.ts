import type { ErrorFacts } from './error-facts.ts'

/** Failures of sessions and of what happens on their line; part of the table in index.ts. */
export const sessionErrors = {
  SESSION_NOT_FOUND: {
    status: 404,
    message: {
      es: 'Sesión no encontrada',
      en: 'Session not found',
      pt: 'Sessão não encontrada',
    },
    remedy: {
      es: 'Revise el identificador con `GET /api/sessions`; una sesión borrada se recupera creándola con el mismo `sessionId`.',
      en: 'Check the id with `GET /api/sessions`; a deleted session comes back when it is created with the same `sessionId`.',
      pt: 'Verifique o identificador com `GET /api/sessions`; uma sessão apagada volta ao ser criada com o mesmo `sessionId`.',
    },
  },
  SESSION_NOT_CONNECTED: {
    status: 400,
    message: {
      es: 'La sesión debe estar conectada',
      en: 'The session must be connected',
      pt: 'A sessão deve estar conectada',
    },
    remedy: {
      es: 'Espere a que la sesión esté `connected`. Si está `disconnected`, vuelva a vincularla con su código QR.',
      en: 'Wait until the session is `connected`. If it is `disconnected`, link it again with its QR code.',
      pt: 'Aguarde até que a sessão esteja `connected`. Se estiver `disconnected`, vincule-a de novo com o código QR.',
    },
  },
  SESSION_ALREADY_EXISTS: {
    status: 409,
    message: {
      // English in every language: clients of the contract look for these words.
      es: 'Session already exists',
      en: 'Session already exists',
      pt: 'Session already exists',
    },
    remedy: {
      es: 'Use la sesión que viene en `data.session`, o elija otro `sessionId`.',
      en: 'Use the session in `data.session`, or choose another `sessionId`.',
      pt: 'Use a sessão em `data.session`, ou escolha outro `sessionId`.',
    },
  },
  SESSION_ALREADY_CONNECTED: {
    status: 409,
    message: {
      es: 'La sesión ya está conectada',
      en: 'The session is already connected',
      pt: 'A sessão já está conectada',
    },
    remedy: {
      es: 'No hace falta un código QR. Para vincular otro número, use otra sesión.',
      en: 'No QR code is needed. To link another number, use another session.',
      pt: 'Não é preciso um código QR. Para vincular outro número, use outra sessão.',
    },
  },
  QR_NOT_READY: {
    status: 404,
    message: {
      es: 'El código QR todavía no está disponible',
      en: 'The QR code is not ready yet',
      pt: 'O código QR ainda não está disponível',
    },
    remedy: {
      es: 'Vuelva a pedirlo tras los segundos de `Retry-After`. Si `details.reason` nombra una causa, resuélvala primero.',
      en: 'Ask again after the seconds in `Retry-After`. If `details.reason` names a cause, solve that first.',
      pt: 'Peça de novo após os segundos de `Retry-After`. Se `details.reason` indicar uma causa, resolva-a primeiro.',
    },
  },
  PAIRING_CODE_REFUSED: {
    status: 400,
    message: {
      es: 'WhatsApp no aceptó generar un código de vinculación para ese número',
      en: 'WhatsApp did not accept a pairing code for that number',
      pt: 'O WhatsApp não aceitou um código de vinculação para esse número',
    },
    remedy: {
      es: 'Compruebe que el número lleva el código de país y usa WhatsApp; tras varios intentos espere 15 minutos, o vincule con el código QR.',
      en: 'Check that the number has its country code and uses WhatsApp; after several attempts wait 15 minutes, or link with the QR code.',
      pt: 'Verifique se o número tem o código do país e usa o WhatsApp; após várias tentativas aguarde 15 minutos, ou vincule com o código QR.',
    },
  },
  CONNECTION_ERROR: {
    status: 500,
    // Never for what WhatsApp or the network does: that is a state with a reason.
    message: {
      es: 'Error conectando sesión',
      en: 'The session could not be started',
      pt: 'Erro ao conectar a sessão',
    },
    remedy: {
      es: 'Es un fallo nuestro: el deseo de conectar no pudo anotarse. Vea `details.reason` y busque `details.requestId` en el registro.',
      en: 'This is our fault: the wish to connect could not be recorded. See `details.reason` and find `details.requestId` in the log.',
      pt: 'A falha é nossa: o pedido de conexão não pôde ser anotado. Veja `details.reason` e procure `details.requestId` no registro.',
    },
  },
  QR_GENERATION_ERROR: {
    status: 500,
    // Never for a code that is not there yet: that is QR_NOT_READY.
    message: {
      es: 'Error obteniendo código QR',
      en: 'The QR code could not be drawn',
      pt: 'Erro ao obter o código QR',
    },
    remedy: {
      es: 'Es un fallo nuestro al dibujar el código. Pida `?format=raw`, vea `details.reason` e informe `details.requestId`.',
      en: 'This is our fault while drawing the code. Ask for `?format=raw`, see `details.reason` and report `details.requestId`.',
      pt: 'A falha é nossa ao desenhar o código. Peça `?format=raw`, veja `details.reason` e informe `details.requestId`.',
    },
  },
  APP_STATE_NOT_READY: {
    status: 409,
    message: {
      es: 'El teléfono aún no compartió las claves de sus ajustes con este dispositivo',
      en: 'The phone has not shared the keys to its settings with this device yet',
      pt: 'O telefone ainda não compartilhou as chaves de suas configurações com este dispositivo',
    },
    remedy: {
      es: 'Abra WhatsApp en el teléfono con conexión y repita en un minuto; si sigue igual, vuelva a vincular la sesión.',
      en: 'Open WhatsApp on the phone while it has a connection and repeat after a minute; if nothing changes, link the session again.',
      pt: 'Abra o WhatsApp no telefone com conexão e repita em um minuto; se nada mudar, vincule a sessão de novo.',
    },
  },
  APP_STATE_CONFLICT: {
    status: 409,
    message: {
      es: 'Otro dispositivo de la cuenta está cambiando los mismos ajustes',
      en: 'Another device of the account is changing the same settings',
      pt: 'Outro dispositivo da conta está mudando as mesmas configurações',
    },
    remedy: {
      es: 'Nada cambió: repita la operación dentro de unos segundos.',
      en: 'Nothing was changed: repeat it in a few seconds.',
      pt: 'Nada mudou: repita a operação em alguns segundos.',
    },
  },
  CALL_NOT_FOUND: {
    status: 404,
    message: {
      es: 'Llamada no encontrada',
      en: 'Call not found',
      pt: 'Chamada não encontrada',
    },
    remedy: {
      es: 'Use el `callId` del evento `call.received` o de la lista de llamadas de esa sesión.',
      en: 'Use the `callId` of the `call.received` event, or of the list of calls of that session.',
      pt: 'Use o `callId` do evento `call.received` ou da lista de chamadas dessa sessão.',
    },
  },
  CALL_NOT_RINGING: {
    status: 409,
    message: {
      es: 'La llamada ya no suena',
      en: 'The call does not ring any more',
      pt: 'A chamada não está mais tocando',
    },
    remedy: {
      es: '`details.status` dice cómo terminó; no hay nada que rechazar.',
      en: '`details.status` says how it ended; there is nothing to refuse.',
      pt: '`details.status` diz como terminou; não há nada a recusar.',
    },
  },
} as const satisfies Record<string, ErrorFacts>

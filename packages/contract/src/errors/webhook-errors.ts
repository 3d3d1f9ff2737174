import type { ErrorFacts } from './error-facts.ts'

/** Failures of webhooks; part of the table in index.ts. */
export const webhookErrors = {
  WEBHOOK_NOT_FOUND: {
    status: 404,
    message: { es: 'Webhook no encontrado', en: 'Webhook not found', pt: 'Webhook não encontrado' },
    remedy: {
      es: 'Revise el identificador en la lista de webhooks.',
      en: 'Check the id in the list of webhooks.',
      pt: 'Verifique o identificador na lista de webhooks.',
    },
  },
  WEBHOOK_OF_SESSION: {
    status: 409,
    message: {
      es: 'Ese webhook pertenece a una sesión',
      en: 'That webhook belongs to a session',
      pt: 'Esse webhook pertence a uma sessão',
    },
    remedy: {
      es: 'Cámbielo con PUT /api/sessions/:ref/webhook; el de Frappe es de quien opera el servidor.',
      en: "Change it with PUT /api/sessions/:ref/webhook; that of Frappe is the operator's.",
      pt: 'Altere-o com PUT /api/sessions/:ref/webhook; o do Frappe é de quem opera o servidor.',
    },
  },
  WEBHOOK_DISABLED: {
    status: 409,
    message: {
      es: 'El webhook está desactivado',
      en: 'The webhook is disabled',
      pt: 'O webhook está desativado',
    },
    remedy: {
      es: 'Actívelo con POST /api/webhooks/:webhookId/toggle y repita.',
      en: 'Enable it with POST /api/webhooks/:webhookId/toggle and try again.',
      pt: 'Ative-o com POST /api/webhooks/:webhookId/toggle e repita.',
    },
  },
  WEBHOOK_URL_REFUSED: {
    status: 400,
    message: {
      es: 'No se puede llamar a la dirección del webhook',
      en: 'The address of the webhook may not be called',
      pt: 'O endereço do webhook não pode ser chamado',
    },
    remedy: {
      es: 'Use una dirección pública en el puerto 80 o 443, o pida a quien opera el servidor que la permita en OUTBOUND_ALLOW_CIDRS; `details` dice qué falla.',
      en: 'Use a public address on port 80 or 443, or have the operator allow it in OUTBOUND_ALLOW_CIDRS; `details` says what is wrong.',
      pt: 'Use um endereço público na porta 80 ou 443, ou peça a quem opera o servidor que o permita em OUTBOUND_ALLOW_CIDRS; `details` diz o que falha.',
    },
  },
  TOO_MANY_WEBHOOKS: {
    status: 409,
    message: {
      es: 'La organización ya tiene el máximo de webhooks',
      en: 'The organisation has as many webhooks as it may have',
      pt: 'A organização já tem o máximo de webhooks',
    },
    remedy: {
      es: 'Elimine uno que no use, o reúna varios en uno con más eventos.',
      en: 'Remove one you do not use, or join several into one with more events.',
      pt: 'Remova um que não use, ou junte vários em um com mais eventos.',
    },
  },
  DELIVERY_NOT_FOUND: {
    status: 404,
    message: {
      es: 'Entrega no encontrada',
      en: 'Delivery not found',
      pt: 'Entrega não encontrada',
    },
    remedy: {
      es: 'Las entregadas se guardan 7 días y las fallidas 30; después, repita el intervalo con POST /api/webhooks/:webhookId/replay.',
      en: 'Delivered ones are kept for 7 days, failed ones for 30; after that, replay the range with POST /api/webhooks/:webhookId/replay.',
      pt: 'As entregues são guardadas por 7 dias e as falhas por 30; depois, repita o intervalo com POST /api/webhooks/:webhookId/replay.',
    },
  },
  REPLAY_EXPIRED: {
    status: 400,
    message: {
      es: 'Esos eventos ya no se guardan',
      en: 'Those events are no longer kept',
      pt: 'Esses eventos já não são guardados',
    },
    remedy: {
      es: 'Pida desde `data.keptFrom`: los eventos se guardan 30 días.',
      en: 'Ask from `data.keptFrom` on: events are kept for 30 days.',
      pt: 'Peça a partir de `data.keptFrom`: os eventos são guardados por 30 dias.',
    },
  },
} as const satisfies Record<string, ErrorFacts>

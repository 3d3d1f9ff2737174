import type { ErrorFacts } from './error-facts.ts'

/** Failures of templates; part of the table in index.ts. */
export const templateErrors = {
  TEMPLATE_NOT_FOUND: {
    status: 404,
    message: { es: 'Plantilla no encontrada', en: 'Template not found', pt: 'Modelo não encontrado' },
    remedy: {
      es: 'Revise el identificador en la lista de plantillas.',
      en: 'Check the id in the list of templates.',
      pt: 'Verifique o identificador na lista de modelos.',
    },
  },
  TEMPLATE_NOT_APPROVED: {
    status: 409,
    message: {
      es: 'La plantilla no está aprobada o no está activa',
      en: 'The template is not approved, or not active',
      pt: 'O modelo não está aprovado ou não está ativo',
    },
    remedy: {
      es: 'Pida a un administrador que la apruebe (`POST /api/templates/<id>/approve`), o actívela con `isActive`; `details.status` dice cómo está.',
      en: 'Ask an administrator to approve it (`POST /api/templates/<id>/approve`), or switch it on with `isActive`; `details.status` says where it stands.',
      pt: 'Peça a um administrador que o aprove (`POST /api/templates/<id>/approve`), ou ative-o com `isActive`; `details.status` diz como está.',
    },
  },
  TEMPLATE_VARIABLES_MISSING: {
    status: 400,
    message: {
      es: 'Faltan valores de variables de la plantilla',
      en: 'Values of variables of the template are missing',
      pt: 'Faltam valores de variáveis do modelo',
    },
    remedy: {
      es: 'Dé en `variables` cada nombre que está en `details`.',
      en: 'Give in `variables` each name that stands in `details`.',
      pt: 'Dê em `variables` cada nome que está em `details`.',
    },
  },
  TEMPLATE_UNFIT: {
    status: 400,
    message: {
      es: 'De la plantilla no resulta un mensaje que se pueda enviar',
      en: 'The template does not make a message that can be sent',
      pt: 'Do modelo não resulta uma mensagem que se possa enviar',
    },
    remedy: {
      es: 'Corrija lo que dice `details`: suele ser un texto demasiado largo con esos valores, o una dirección.',
      en: 'Correct what `details` says: mostly a text too long with these values, or an address.',
      pt: 'Corrija o que diz `details`: costuma ser um texto longo demais com esses valores, ou um endereço.',
    },
  },
  TEMPLATE_ALREADY_EXISTS: {
    status: 409,
    message: {
      es: 'Ya hay una plantilla con ese nombre',
      en: 'There is a template with that name already',
      pt: 'Já existe um modelo com esse nome',
    },
    remedy: {
      es: 'Elija otro nombre, o cambie la que existe.',
      en: 'Choose another name, or change the one that exists.',
      pt: 'Escolha outro nome, ou altere o que existe.',
    },
  },
  TEMPLATE_APPROVED: {
    status: 409,
    message: {
      es: 'La plantilla está aprobada: lo que dice solo lo cambia un administrador',
      en: 'The template is approved: only an administrator changes what it says',
      pt: 'O modelo está aprovado: só um administrador muda o que ele diz',
    },
    remedy: {
      es: 'Pida el cambio a un administrador, o cree otra plantilla.',
      en: 'Ask an administrator for the change, or make another template.',
      pt: 'Peça a mudança a um administrador, ou crie outro modelo.',
    },
  },
  TEMPLATE_NOT_PENDING: {
    status: 409,
    message: {
      es: 'La plantilla es un borrador: nadie pidió aprobarla',
      en: 'The template is a draft: nobody asked to have it approved',
      pt: 'O modelo é um rascunho: ninguém pediu para aprová-lo',
    },
    remedy: {
      es: 'Cámbiela con `status: "pending"` cuando esté lista.',
      en: 'Change it with `status: "pending"` when it is ready.',
      pt: 'Altere-o com `status: "pending"` quando estiver pronto.',
    },
  },
} as const satisfies Record<string, ErrorFacts>

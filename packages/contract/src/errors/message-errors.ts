import type { ErrorFacts } from './error-facts.ts'

/** Failures of messages; part of the table in index.ts. */
export const messageErrors = {
  WHATSAPP_ERROR: {
    status: 400,
    message: {
      es: 'WhatsApp rechazó la operación',
      en: 'WhatsApp refused the operation',
      pt: 'O WhatsApp recusou a operação',
    },
    remedy: {
      es: 'Lea `details.reason`: suele ser un número sin WhatsApp o un límite de la cuenta. Repetir sin cambios no ayuda.',
      en: 'Read `details.reason`: usually a number without WhatsApp, or a limit of the account. Repeating it unchanged does not help.',
      pt: 'Leia `details.reason`: costuma ser um número sem WhatsApp ou um limite da conta. Repetir sem mudanças não ajuda.',
    },
  },
  MESSAGE_NOT_FOUND: {
    status: 404,
    message: {
      es: 'Mensaje no encontrado',
      en: 'Message not found',
      pt: 'Mensagem não encontrada',
    },
    remedy: {
      es: 'Use el `messageId` (o `dbId`) que dio la API o el webhook.',
      en: 'Use the `messageId` (or `dbId`) that the API or the webhook gave.',
      pt: 'Use o `messageId` (ou `dbId`) dado pela API ou pelo webhook.',
    },
  },
  MESSAGE_NOT_CANCELLABLE: {
    status: 409,
    message: {
      es: 'El mensaje ya no se puede cancelar',
      en: 'The message cannot be cancelled any more',
      pt: 'A mensagem não pode mais ser cancelada',
    },
    remedy: {
      es: '`details.status` dice dónde está. `pending`: puede haber llegado ya; espere su evento. `sent` o posterior: bórrelo en el teléfono. `failed` o `received`: no hay nada que cancelar.',
      en: '`details.status` says where it is. `pending`: it may have arrived already; wait for its event. `sent` or later: delete it on the phone. `failed` or `received`: there is nothing to cancel.',
      pt: '`details.status` diz onde está. `pending`: pode já ter chegado; aguarde o evento. `sent` ou posterior: apague no telefone. `failed` ou `received`: não há nada a cancelar.',
    },
  },
  NOT_OWN_MESSAGE: {
    status: 403,
    message: {
      es: 'Solo se puede hacer eso con un mensaje propio',
      en: 'Only a message of your own can be changed like that',
      pt: 'Só se pode fazer isso com uma mensagem própria',
    },
    remedy: {
      es: 'Edite o elimine solo mensajes con `fromMe: true`; en un grupo, un administrador puede eliminar los de otros.',
      en: 'Edit or delete only messages with `fromMe: true`; in a group, an administrator can delete those of others.',
      pt: 'Edite ou apague só mensagens com `fromMe: true`; num grupo, um administrador pode apagar as de outros.',
    },
  },
  EDIT_TOO_LATE: {
    status: 409,
    message: {
      es: 'El mensaje es demasiado antiguo para editarlo',
      en: 'The message is too old to be edited',
      pt: 'A mensagem é antiga demais para ser editada',
    },
    remedy: {
      es: 'WhatsApp permite editar durante 15 minutos. Envíe un mensaje nuevo.',
      en: 'WhatsApp lets a message be edited for 15 minutes. Send a new one.',
      pt: 'O WhatsApp permite editar durante 15 minutos. Envie uma mensagem nova.',
    },
  },
  DELETE_TOO_LATE: {
    status: 409,
    message: {
      es: 'El mensaje es demasiado antiguo para eliminarlo para todos',
      en: 'The message is too old to be deleted for everyone',
      pt: 'A mensagem é antiga demais para ser apagada para todos',
    },
    remedy: {
      es: 'WhatsApp lo permite durante 60 horas. Se puede quitar del hub con `forEveryone: false`.',
      en: 'WhatsApp allows it for 60 hours. It can be removed from the hub with `forEveryone: false`.',
      pt: 'O WhatsApp permite durante 60 horas. Ela pode ser removida do hub com `forEveryone: false`.',
    },
  },
  MESSAGE_DELETED: {
    status: 409,
    message: {
      es: 'El mensaje fue eliminado para todos',
      en: 'The message was deleted for everyone',
      pt: 'A mensagem foi apagada para todos',
    },
    remedy: {
      es: 'No se le puede hacer nada más.',
      en: 'Nothing more can be done to it.',
      pt: 'Nada mais pode ser feito com ela.',
    },
  },
  MESSAGE_NOT_SENT: {
    status: 409,
    message: {
      es: 'El mensaje no llegó a enviarse',
      en: 'The message never went out',
      pt: 'A mensagem não chegou a ser enviada',
    },
    remedy: {
      es: 'Vuelva a enviarlo con `retry`, o espere a que salga.',
      en: 'Send it again with `retry`, or wait until it has left.',
      pt: 'Envie-a de novo com `retry`, ou espere que ela saia.',
    },
  },
  KIND_NOT_EDITABLE: {
    status: 400,
    message: {
      es: 'Ese tipo de mensaje no se puede editar',
      en: 'That kind of message cannot be edited',
      pt: 'Esse tipo de mensagem não pode ser editado',
    },
    remedy: {
      es: 'Solo se editan textos y pies de imágenes, vídeos y documentos; elimine el mensaje y envíe otro.',
      en: 'Only texts and the captions of pictures, videos and documents are edited; delete the message and send another.',
      pt: 'Só se editam textos e legendas de imagens, vídeos e documentos; apague a mensagem e envie outra.',
    },
  },
  KIND_NOT_FORWARDABLE: {
    status: 400,
    message: {
      es: 'Ese tipo de mensaje no se puede reenviar',
      en: 'That kind of message cannot be forwarded',
      pt: 'Esse tipo de mensagem não pode ser encaminhado',
    },
    remedy: {
      es: 'Envíe su contenido como un mensaje nuevo.',
      en: 'Send what it says as a new message.',
      pt: 'Envie o que ela diz como mensagem nova.',
    },
  },
  MESSAGE_NOT_PLAYABLE: {
    status: 400,
    message: {
      es: 'El mensaje no es uno que se reproduzca',
      en: 'The message is none that is played',
      pt: 'A mensagem não é uma que se reproduza',
    },
    remedy: {
      es: 'Use el `messageId` de una nota de voz, una nota de video o un mensaje de ver una vez de otra persona.',
      en: 'Use the `messageId` of a voice note, a video note or a view-once message of somebody else.',
      pt: 'Use o `messageId` de uma nota de voz, uma nota de vídeo ou uma mensagem de visualização única de outra pessoa.',
    },
  },
  NOT_A_POLL: {
    status: 400,
    message: {
      es: 'El mensaje no es una encuesta en la que se pueda votar',
      en: 'The message is no poll that can be voted in',
      pt: 'A mensagem não é uma enquete em que se possa votar',
    },
    remedy: {
      es: 'Use el `messageId` de un mensaje con `kind: "poll"` que llegó completo a esta sesión.',
      en: 'Use the `messageId` of a message with `kind: "poll"` that reached this session whole.',
      pt: 'Use o `messageId` de uma mensagem com `kind: "poll"` que chegou completa a esta sessão.',
    },
  },
  POLL_OPTION_NOT_FOUND: {
    status: 400,
    message: {
      es: 'La encuesta no tiene esa opción',
      en: 'The poll has no such option',
      pt: 'A enquete não tem essa opção',
    },
    remedy: {
      es: 'Use las opciones tal como están en `details.poll.options` del mensaje.',
      en: 'Use the options as they are written in `details.poll.options` of the message.',
      pt: 'Use as opções como estão escritas em `details.poll.options` da mensagem.',
    },
  },
  POLL_TOO_MANY_OPTIONS: {
    status: 400,
    message: {
      es: 'La encuesta no permite elegir tantas opciones',
      en: 'The poll does not let that many options be chosen',
      pt: 'A enquete não permite escolher tantas opções',
    },
    remedy: {
      es: 'Elija como máximo las que dice `details.poll.selectable`.',
      en: 'Choose at most as many as `details.poll.selectable` says.',
      pt: 'Escolha no máximo quantas `details.poll.selectable` diz.',
    },
  },
  MESSAGE_NOT_DISAPPEARING: {
    status: 409,
    message: {
      es: 'El mensaje no va a desaparecer',
      en: 'The message is not about to disappear',
      pt: 'A mensagem não vai desaparecer',
    },
    remedy: {
      es: 'Solo se conservan mensajes con `expiresIn`, de chats con mensajes temporales.',
      en: 'Only messages with `expiresIn` are kept, in chats whose messages disappear.',
      pt: 'Só se conservam mensagens com `expiresIn`, de conversas com mensagens temporárias.',
    },
  },
} as const satisfies Record<string, ErrorFacts>

import type { ErrorFacts } from './error-facts.ts'

/** Failures of chats, labels and people; part of the table in index.ts. */
export const chatErrors = {
  CHAT_NOT_FOUND: {
    status: 404,
    message: {
      es: 'Chat no encontrado',
      en: 'Chat not found',
      pt: 'Chat não encontrado',
    },
    remedy: {
      es: 'Consulte los chats en `GET /api/chats/:sessionId`. Un chat aparece con su primer mensaje.',
      en: 'Look the chats up at `GET /api/chats/:sessionId`. A chat is there from its first message on.',
      pt: 'Consulte os chats em `GET /api/chats/:sessionId`. Um chat aparece com a primeira mensagem.',
    },
  },
  CHAT_HAS_UNSENT: {
    status: 409,
    message: {
      es: 'El chat tiene mensajes que aún no han salido',
      en: 'The chat has messages that have not left yet',
      pt: 'A conversa tem mensagens que ainda não saíram',
    },
    remedy: {
      es: 'Espere a que se envíen, o cancele el mensaje de `details`; después repita.',
      en: 'Wait until they are sent, or cancel the message in `details`; then repeat.',
      pt: 'Espere até serem enviadas, ou cancele a mensagem de `details`; depois repita.',
    },
  },
  CONTACT_ERASED: {
    status: 409,
    message: {
      es: 'Los datos de esta persona se borraron en la sesión que recibiría el chat',
      en: 'The data of this person were erased in the session that would take the chat',
      pt: 'Os dados desta pessoa foram apagados na sessão que receberia a conversa',
    },
    remedy: {
      es: 'Deje el chat en su sesión, o borre allí también los datos de la persona; lo que escriba después se puede pasar.',
      en: 'Leave the chat in its session, or erase the person there too; what they write afterwards can be transferred.',
      pt: 'Deixe a conversa na sua sessão, ou apague ali também os dados da pessoa; o que ela escrever depois pode ser transferido.',
    },
  },
  ERASURE_NOT_CONFIRMED: {
    status: 400,
    message: {
      es: 'Falta confirmar a quién se borra',
      en: 'Whom to erase was not confirmed',
      pt: 'Falta confirmar quem será apagado',
    },
    remedy: {
      es: 'Repita en `confirm` el número o la dirección del contacto. No se puede deshacer: exporte antes sus datos si los necesita.',
      en: 'Give the number or address of the contact once more, in `confirm`. It cannot be undone: export their data first if you need it.',
      pt: 'Repita em `confirm` o número ou o endereço do contato. Não pode ser desfeito: exporte antes os dados se precisar deles.',
    },
  },
  CHAT_WITHOUT_MESSAGES: {
    status: 409,
    message: {
      es: 'El chat no tiene ningún mensaje desde el que pedir anteriores',
      en: 'The chat has no message to ask older ones from',
      pt: 'A conversa não tem nenhuma mensagem a partir da qual pedir anteriores',
    },
    remedy: {
      es: 'El teléfono busca hacia atrás desde un mensaje: espere a que llegue o se envíe el primero de este chat.',
      en: 'The phone looks back from a message: wait until the first of this chat arrives or is sent.',
      pt: 'O telefone procura para trás a partir de uma mensagem: espere até chegar ou ser enviada a primeira desta conversa.',
    },
  },
  LABEL_NOT_FOUND: {
    status: 404,
    message: {
      es: 'Etiqueta no encontrada',
      en: 'Label not found',
      pt: 'Etiqueta não encontrada',
    },
    remedy: {
      es: 'Consulte las etiquetas en `GET /api/labels/:sessionId`; quizá se eliminó en el teléfono.',
      en: 'Look the labels up at `GET /api/labels/:sessionId`; it may have been deleted on the phone.',
      pt: 'Consulte as etiquetas em `GET /api/labels/:sessionId`; talvez tenha sido excluída no telefone.',
    },
  },
  QUICK_REPLY_NOT_FOUND: {
    status: 404,
    message: {
      es: 'Respuesta rápida no encontrada',
      en: 'Quick reply not found',
      pt: 'Resposta rápida não encontrada',
    },
    remedy: {
      es: 'Consulte las respuestas rápidas en `GET /api/quick-replies/:sessionId`; quizá se eliminó en el teléfono.',
      en: 'Look them up at `GET /api/quick-replies/:sessionId`; it may have been deleted on the phone.',
      pt: 'Consulte as respostas rápidas em `GET /api/quick-replies/:sessionId`; talvez tenha sido excluída no telefone.',
    },
  },
  BUSINESS_ONLY: {
    status: 403,
    message: {
      es: 'Solo las cuentas de WhatsApp Business tienen esto',
      en: 'Only accounts of WhatsApp Business have this',
      pt: 'Só as contas do WhatsApp Business têm isto',
    },
    remedy: {
      es: 'Vincule un número que use la aplicación WhatsApp Business. Si este la usa desde hace poco, vuelva a vincularlo.',
      en: 'Link a number that uses the WhatsApp Business app. If this one has come to use it, link it again.',
      pt: 'Vincule um número que use o aplicativo WhatsApp Business. Se este passou a usá-lo, vincule-o de novo.',
    },
  },
  CONTACT_NOT_FOUND: {
    status: 404,
    message: {
      es: 'Contacto no encontrado',
      en: 'Contact not found',
      pt: 'Contato não encontrado',
    },
    remedy: {
      es: 'Revise el número: dígitos con código de país, o un JID.',
      en: 'Check the number: digits with the country code, or a JID.',
      pt: 'Verifique o número: dígitos com código do país, ou um JID.',
    },
  },
  CONTACT_WITHOUT_NUMBER: {
    status: 409,
    message: {
      es: 'No se conoce el número de este contacto',
      en: 'The number of this contact is not known',
      pt: 'O número deste contato não é conhecido',
    },
    remedy: {
      es: 'La agenda del teléfono guarda números: repita la operación con el número del contacto.',
      en: 'The address book of the phone keeps numbers: repeat it with the number of the contact.',
      pt: 'A agenda do telefone guarda números: repita a operação com o número do contato.',
    },
  },
  PICTURE_NOT_FOUND: {
    status: 404,
    message: {
      es: 'No hay foto de perfil que mostrar',
      en: 'There is no picture to show',
      pt: 'Não há foto de perfil para mostrar',
    },
    remedy: {
      es: '`details.reason`: `NONE`, no tiene foto; `HIDDEN`, no la muestra a esta cuenta. Muestre sus iniciales.',
      en: '`details.reason`: `NONE`, there is none; `HIDDEN`, it is not shown to this account. Show their initials.',
      pt: '`details.reason`: `NONE`, não tem foto; `HIDDEN`, não a mostra a esta conta. Mostre as iniciais.',
    },
  },
  NOT_A_BUSINESS: {
    status: 409,
    message: {
      es: 'No es una cuenta de WhatsApp Business',
      en: 'It is no WhatsApp Business account',
      pt: 'Não é uma conta do WhatsApp Business',
    },
    remedy: {
      es: 'Solo las cuentas de WhatsApp Business tienen perfil de empresa y catálogo.',
      en: 'Only WhatsApp Business accounts have a business profile and a catalogue.',
      pt: 'Só contas do WhatsApp Business têm perfil comercial e catálogo.',
    },
  },
  ORDER_NOT_FOUND: {
    status: 404,
    message: {
      es: 'Pedido no encontrado',
      en: 'Order not found',
      pt: 'Pedido não encontrado',
    },
    remedy: {
      es: 'Use el identificador y el `token` que llegaron con el mensaje del pedido.',
      en: 'Use the id and the `token` that came with the message of the order.',
      pt: 'Use o identificador e o `token` que chegaram com a mensagem do pedido.',
    },
  },
} as const satisfies Record<string, ErrorFacts>

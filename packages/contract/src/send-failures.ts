import type { Text } from './language.ts'

/** What is known about one reason why a message does not go out. */
export interface SendFailureFacts {
  /** What happened. */
  message: Text
  /** What the sender can do. */
  remedy: Text
}

/**
 * Every reason why a message is not sent (again): `details.reason` of WHATSAPP_ERROR, `reason` of `message.failed`, `error.code` of a message.
 * No text may contain "content is required" or "message content": one client takes those words for success.
 */
export const sendFailures = {
  NUMBER_NOT_ON_WHATSAPP: {
    message: {
      es: 'El número no tiene WhatsApp',
      en: 'The number is not on WhatsApp',
      pt: 'O número não tem WhatsApp',
    },
    remedy: {
      es: 'Compruebe el código de país y el número.',
      en: 'Check the country code and the number.',
      pt: 'Verifique o código do país e o número.',
    },
  },
  RECIPIENT_NOT_FOUND: {
    message: {
      es: 'WhatsApp no encuentra al destinatario',
      en: 'WhatsApp does not find the recipient',
      pt: 'O WhatsApp não encontra o destinatário',
    },
    remedy: {
      es: 'Compruebe el número o el grupo: puede haber sido eliminado.',
      en: 'Check the number or the group: it may be gone.',
      pt: 'Verifique o número ou o grupo: pode ter sido excluído.',
    },
  },
  NOT_ALLOWED_IN_CHAT: {
    message: {
      es: 'Esta cuenta no puede escribir en ese chat',
      en: 'This account may not write in that chat',
      pt: 'Esta conta não pode escrever nessa conversa',
    },
    remedy: {
      es: 'Compruebe que la cuenta sigue en el grupo y que el grupo permite escribir a todos.',
      en: 'Check that the account is still in the group and that the group lets everybody write.',
      pt: 'Verifique se a conta ainda está no grupo e se o grupo permite que todos escrevam.',
    },
  },
  NEW_CHATS_RESTRICTED: {
    message: {
      es: 'WhatsApp no permite ahora a esta cuenta iniciar chats nuevos',
      en: 'WhatsApp does not let this account start new chats at the moment',
      pt: 'O WhatsApp não permite agora que esta conta inicie conversas novas',
    },
    remedy: {
      es: 'Responda a los chats existentes y espere; repetir el envío alarga la restricción.',
      en: 'Answer existing chats and wait; sending again prolongs the restriction.',
      pt: 'Responda às conversas existentes e aguarde; repetir o envio prolonga a restrição.',
    },
  },
  RECIPIENT_DEVICES_CHANGED: {
    message: {
      es: 'Los dispositivos del destinatario cambiaron durante el envío',
      en: "The recipient's devices changed while sending",
      pt: 'Os dispositivos do destinatário mudaram durante o envio',
    },
    remedy: {
      es: 'Vuelva a intentarlo en unos minutos.',
      en: 'Try again in a few minutes.',
      pt: 'Tente de novo em alguns minutos.',
    },
  },
  NO_DEVICE_REACHABLE: {
    message: {
      es: 'No se pudo cifrar el mensaje para ningún dispositivo del destinatario',
      en: 'The message could not be encrypted for any device of the recipient',
      pt: 'A mensagem não pôde ser cifrada para nenhum dispositivo do destinatário',
    },
    remedy: {
      es: 'Compruebe que el número usa WhatsApp y vuelva a intentarlo.',
      en: 'Check that the number uses WhatsApp, and try again.',
      pt: 'Verifique se o número usa o WhatsApp e tente de novo.',
    },
  },
  MEDIA_UPLOAD_FAILED: {
    message: {
      es: 'El archivo no se pudo entregar a WhatsApp',
      en: 'The file could not be given to WhatsApp',
      pt: 'O arquivo não pôde ser entregue ao WhatsApp',
    },
    remedy: {
      es: 'No se envió nada. Compruebe que el servidor alcanza `mmg.whatsapp.net` (también por el proxy de la sesión) y use `retry`.',
      en: 'Nothing was sent. Check that the server reaches `mmg.whatsapp.net` (through the proxy of the session, too), and use `retry`.',
      pt: 'Nada foi enviado. Verifique se o servidor alcança `mmg.whatsapp.net` (também pelo proxy da sessão) e use `retry`.',
    },
  },
  MEDIA_REFUSED: {
    message: {
      es: 'WhatsApp no acepta el archivo',
      en: 'WhatsApp does not take the file',
      pt: 'O WhatsApp não aceita o arquivo',
    },
    remedy: {
      es: 'Suele ser demasiado grande: WhatsApp admite 16 MB de imagen y audio, 100 MB de vídeo y 2 GB de documento. Envíelo más pequeño o como `document`.',
      en: 'Mostly it is too large: WhatsApp takes 16 MB of picture and sound, 100 MB of video and 2 GB of document. Send a smaller one, or send it as `document`.',
      pt: 'Costuma ser grande demais: o WhatsApp aceita 16 MB de imagem e áudio, 100 MB de vídeo e 2 GB de documento. Envie um menor ou como `document`.',
    },
  },
  MEDIA_GONE: {
    message: {
      es: 'El archivo ya no está en el hub',
      en: 'The file is no longer in the hub',
      pt: 'O arquivo não está mais no hub',
    },
    remedy: {
      es: 'Se borró, o el almacén lo perdió, antes de que el mensaje saliera. Envíelo de nuevo.',
      en: 'It was removed, or the store lost it, before the message went out. Send it again.',
      pt: 'Foi apagado, ou o armazenamento o perdeu, antes de a mensagem sair. Envie-o de novo.',
    },
  },
  NOT_SENDABLE: {
    message: {
      es: 'El hub no pudo preparar el mensaje',
      en: 'The hub could not prepare the message',
      pt: 'O hub não conseguiu preparar a mensagem',
    },
    remedy: {
      es: 'Es un fallo del hub: informe de él con el `requestId` de la respuesta.',
      en: 'This is a fault of the hub: report it with the `requestId` of the answer.',
      pt: 'É uma falha do hub: informe-a com o `requestId` da resposta.',
    },
  },
  REFUSED_BY_WHATSAPP: {
    message: {
      es: 'WhatsApp rechazó el mensaje',
      en: 'WhatsApp refused the message',
      pt: 'O WhatsApp recusou a mensagem',
    },
    remedy: {
      es: 'El número de `ackError` es el que dio WhatsApp. Repetir sin cambios no suele ayudar.',
      en: 'The number in `ackError` is the one that WhatsApp gave. Repeating it unchanged rarely helps.',
      pt: 'O número em `ackError` é o que o WhatsApp deu. Repetir sem mudanças raramente ajuda.',
    },
  },
  UNCONFIRMED: {
    message: {
      es: 'WhatsApp no confirmó el mensaje; puede haber llegado',
      en: 'WhatsApp did not confirm the message; it may have arrived',
      pt: 'O WhatsApp não confirmou a mensagem; ela pode ter chegado',
    },
    remedy: {
      es: 'Compruébelo en el teléfono antes de repetir. `retry` lo envía con la misma identidad, de modo que no se muestra dos veces.',
      en: 'Check on the phone before repeating. `retry` sends it under the same id, so that it is not shown twice.',
      pt: 'Verifique no telefone antes de repetir. `retry` envia com a mesma identidade, para que não apareça duas vezes.',
    },
  },
  EXPIRED: {
    message: {
      es: 'El mensaje no pudo salir a tiempo: en 10 minutos, o 24 horas si la sesión limita su ritmo',
      en: 'The message could not go out in time: within 10 minutes, or 24 hours if the session is paced',
      pt: 'A mensagem não pôde sair a tempo: em 10 minutos, ou 24 horas se a sessão limita seu ritmo',
    },
    remedy: {
      es: 'Compruebe que la sesión está conectada y vuelva a enviarlo.',
      en: 'Check that the session is connected, and send it again.',
      pt: 'Verifique se a sessão está conectada e envie de novo.',
    },
  },
  SCHEDULE_MISSED: {
    message: {
      es: 'La sesión estuvo desconectada más de 24 horas desde la hora programada',
      en: 'The session was offline for more than 24 hours from the scheduled time on',
      pt: 'A sessão ficou desconectada por mais de 24 horas a partir do horário agendado',
    },
    remedy: {
      es: 'Conecte la sesión y, si aún es oportuno, use `retry` o envíelo de nuevo.',
      en: 'Connect the session and, if it still makes sense, use `retry` or send it again.',
      pt: 'Conecte a sessão e, se ainda fizer sentido, use `retry` ou envie de novo.',
    },
  },
  CANCELLED: {
    message: {
      es: 'El mensaje se canceló o eliminó antes de salir',
      en: 'The message was cancelled or removed before it went out',
      pt: 'A mensagem foi cancelada ou excluída antes de sair',
    },
    remedy: {
      es: 'No hay nada que hacer.',
      en: 'There is nothing to do.',
      pt: 'Não há nada a fazer.',
    },
  },
  NOT_FAILED: {
    message: {
      es: 'Solo se puede reintentar un mensaje que falló',
      en: 'Only a message that failed can be tried again',
      pt: 'Só é possível tentar de novo uma mensagem que falhou',
    },
    remedy: {
      es: 'Consulte el estado del mensaje.',
      en: 'Look at the status of the message.',
      pt: 'Consulte o status da mensagem.',
    },
  },
  RETRIES_USED_UP: {
    message: {
      es: 'El mensaje ya se reintentó tres veces',
      en: 'The message was tried again three times already',
      pt: 'A mensagem já foi tentada de novo três vezes',
    },
    remedy: {
      es: 'Resuelva la causa y envíe un mensaje nuevo.',
      en: 'Settle the cause, and send a new message.',
      pt: 'Resolva a causa e envie uma mensagem nova.',
    },
  },
} as const satisfies Record<string, SendFailureFacts>

export type SendFailureReason = keyof typeof sendFailures

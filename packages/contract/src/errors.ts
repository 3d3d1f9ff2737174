import type { ErrorFacts } from './error-facts.ts'
import { type Language, say, type TextValues } from './language.ts'
import { accountErrors } from './account-errors.ts'

/**
 * Every failure the API can report. The reference page, the OpenAPI document and the texts of the user interface
 * read this table; a test holds docs/reference/errors.md against it in both directions.
 *
 * No text may contain "content is required" or "message content": one client takes those words for success.
 */
export const errors = {
  ...accountErrors,
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
  MEDIA_URL_REFUSED: {
    status: 400,
    message: {
      es: 'Esa dirección no se descarga',
      en: 'That address is not fetched',
      pt: 'Esse endereço não é baixado',
    },
    remedy: {
      es: 'Dé una dirección http(s) pública, sin usuario ni contraseña, en los puertos 80 o 443. Si el archivo está en su propia red, el operador puede permitirla en `OUTBOUND_ALLOW_CIDRS`, o súbalo.',
      en: 'Give a public http(s) address, without user and password, on port 80 or 443. If the file is in your own network, the operator can allow that in `OUTBOUND_ALLOW_CIDRS`; or upload the file.',
      pt: 'Dê um endereço http(s) público, sem usuário nem senha, nas portas 80 ou 443. Se o arquivo está na sua própria rede, o operador pode permiti-la em `OUTBOUND_ALLOW_CIDRS`; ou envie o arquivo.',
    },
  },
  MEDIA_URL_FAILED: {
    status: 400,
    message: {
      es: 'El archivo no se pudo descargar de esa dirección',
      en: 'The file could not be fetched from that address',
      pt: 'O arquivo não pôde ser baixado desse endereço',
    },
    remedy: {
      es: 'Vea `details.reason`. Compruebe que la dirección entrega el archivo sin iniciar sesión y a tiempo, o súbalo.',
      en: 'See `details.reason`. Check that the address gives the file without a login and in time, or upload the file.',
      pt: 'Veja `details.reason`. Verifique que o endereço entrega o arquivo sem login e a tempo, ou envie o arquivo.',
    },
  },
  FILE_EMPTY: {
    status: 400,
    message: { es: 'El archivo está vacío', en: 'The file is empty', pt: 'O arquivo está vazio' },
    remedy: {
      es: 'Envíe un archivo que tenga contenido.',
      en: 'Send a file that has something in it.',
      pt: 'Envie um arquivo que tenha conteúdo.',
    },
  },
  MEDIA_PATH_REFUSED: {
    status: 400,
    message: {
      es: 'Ese archivo del servidor no se puede enviar',
      en: 'That file of the server cannot be sent',
      pt: 'Esse arquivo do servidor não pode ser enviado',
    },
    remedy: {
      es: 'Solo se envían archivos que están en la carpeta `MEDIA_UPLOAD_DIR` del servidor, por su ruta dentro de ella. Súbalo, o envíelo por `url` o `base64`.',
      en: 'Only files in the folder `MEDIA_UPLOAD_DIR` of the server are sent, by their path in it. Upload it, or send it by `url` or `base64`.',
      pt: 'Só se enviam arquivos que estão na pasta `MEDIA_UPLOAD_DIR` do servidor, pelo caminho dentro dela. Envie-o por upload, `url` ou `base64`.',
    },
  },
  MEDIA_BROKEN: {
    status: 400,
    message: {
      es: 'El archivo no se puede leer como lo que debe enviarse',
      en: 'The file cannot be read as what it is to be sent as',
      pt: 'O arquivo não pode ser lido como o que deve ser enviado',
    },
    remedy: {
      es: 'Vea `details.reason`. Compruebe que el archivo se abre en otro programa y está completo, o envíelo como `document`.',
      en: 'See `details.reason`. Check that another program opens the file and that it is whole, or send it as `document`.',
      pt: 'Veja `details.reason`. Verifique que outro programa abre o arquivo e que ele está completo, ou envie-o como `document`.',
    },
  },
  MEDIA_CONVERSION_TOO_SLOW: {
    status: 400,
    message: {
      es: 'Convertir el archivo tardó demasiado',
      en: 'Converting the file took too long',
      pt: 'Converter o arquivo demorou demais',
    },
    remedy: {
      es: 'No se envió nada. Conviértalo antes (vídeo MP4 con H.264, audio OGG con Opus), acórtelo, o envíelo como `document`.',
      en: 'Nothing was sent. Convert it beforehand (MP4 with H.264, OGG with Opus), shorten it, or send it as `document`.',
      pt: 'Nada foi enviado. Converta-o antes (vídeo MP4 com H.264, áudio OGG com Opus), encurte-o, ou envie-o como `document`.',
    },
  },
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
      es: 'Inicie sesión de nuevo o renueve el token.',
      en: 'Log in again, or refresh the token.',
      pt: 'Entre de novo ou renove o token.',
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
      es: 'Use una clave que tenga ese permiso.',
      en: 'Use a key that has that permission.',
      pt: 'Use uma chave que tenha essa permissão.',
    },
  },
  MEDIA_LINK_INVALID: {
    status: 403,
    message: {
      es: 'El enlace no es válido o ha vencido',
      en: 'The link is not valid or has expired',
      pt: 'O link não é válido ou venceu',
    },
    remedy: {
      es: 'Pida un enlace nuevo con `GET /api/media/<mediaId>`.',
      en: 'Ask for a new link with `GET /api/media/<mediaId>`.',
      pt: 'Peça um link novo com `GET /api/media/<mediaId>`.',
    },
  },
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
  MEDIA_NOT_FOUND: {
    status: 404,
    message: { es: 'Archivo no encontrado', en: 'File not found', pt: 'Arquivo não encontrado' },
    remedy: {
      es: 'El mensaje no lleva archivo, o el archivo ya no se conserva.',
      en: 'The message carries no file, or the file is no longer kept.',
      pt: 'A mensagem não traz arquivo, ou o arquivo não é mais mantido.',
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
  MEDIA_EXPIRED: {
    status: 404,
    message: {
      es: 'WhatsApp ya no conserva el archivo, y el teléfono no pudo enviarlo de nuevo',
      en: 'WhatsApp keeps the file no more, and the phone could not send it again',
      pt: 'O WhatsApp não guarda mais o arquivo, e o telefone não pôde enviá-lo de novo',
    },
    remedy: {
      es: 'Compruebe que el teléfono está encendido, con red y aún con el archivo; pídalo de nuevo, o que lo reenvíen.',
      en: 'See that the phone is on, has network and still has the file; ask for it again, or have it sent again.',
      pt: 'Verifique se o telefone está ligado, com rede e ainda com o arquivo; peça-o de novo, ou que o reenviem.',
    },
  },
  MEDIA_REJECTED: {
    status: 404,
    message: {
      es: 'El archivo que llegó no es el que describe su mensaje',
      en: 'The file that came is not what its message says',
      pt: 'O arquivo que chegou não é o que a mensagem descreve',
    },
    remedy: {
      es: 'Está dañado o falsificado y no se guarda. Pida a quien lo envió que lo envíe de nuevo.',
      en: 'It is damaged or forged, and is not kept. Ask whoever sent it to send it again.',
      pt: 'Está danificado ou falsificado e não é guardado. Peça a quem o enviou que o envie de novo.',
    },
  },
  MEDIA_NOT_READY: {
    status: 404,
    message: {
      es: 'El archivo todavía no está disponible',
      en: 'The file is not there yet',
      pt: 'O arquivo ainda não está disponível',
    },
    remedy: {
      es: 'Se está descargando: repita la petición tras los segundos de `Retry-After`.',
      en: 'It is being fetched: repeat the request after the seconds in `Retry-After`.',
      pt: 'Está sendo baixado: repita a requisição após os segundos de `Retry-After`.',
    },
  },
  GROUP_NOT_FOUND: {
    status: 404,
    message: { es: 'Grupo no encontrado', en: 'Group not found', pt: 'Grupo não encontrado' },
    remedy: {
      es: 'Revise el identificador: termina en `@g.us`, y el número debe ser miembro.',
      en: 'Check the id: it ends in `@g.us`, and the number must be a member.',
      pt: 'Verifique o identificador: termina em `@g.us`, e o número deve ser membro.',
    },
  },
  NEWSLETTER_NOT_FOUND: {
    status: 404,
    message: { es: 'Canal no encontrado', en: 'Newsletter not found', pt: 'Canal não encontrado' },
    remedy: {
      es: 'Revise el identificador, que termina en `@newsletter`, o el enlace: el canal pudo ser eliminado.',
      en: 'Check the id, which ends in `@newsletter`, or the link: the newsletter may have been deleted.',
      pt: 'Verifique o identificador, que termina em `@newsletter`, ou o link: o canal pode ter sido excluído.',
    },
  },
  NOT_NEWSLETTER_ADMIN: {
    status: 403,
    message: {
      es: 'Solo los administradores del canal pueden hacer esto',
      en: 'Only admins of the newsletter may do this',
      pt: 'Só os administradores do canal podem fazer isto',
    },
    remedy: {
      es: 'Pida al propietario que haga administrador a este número.',
      en: 'Ask its owner to make this number an admin.',
      pt: 'Peça ao proprietário que torne este número administrador.',
    },
  },
  STATUS_NOT_FOUND: {
    status: 404,
    message: { es: 'Estado no encontrado', en: 'Status not found', pt: 'Status não encontrado' },
    remedy: {
      es: 'Revise el identificador en la lista de estados: los que no se archivan se borran a las 24 horas.',
      en: 'Check the id in the list of statuses: those that are not archived are gone after 24 hours.',
      pt: 'Verifique o identificador na lista de status: os que não são arquivados somem após 24 horas.',
    },
  },
  STATUS_WITHOUT_AUDIENCE: {
    status: 400,
    message: {
      es: 'El estado no tendría a nadie que lo vea',
      en: 'Nobody would see the status',
      pt: 'Ninguém veria o status',
    },
    remedy: {
      es: 'Guarde contactos en el teléfono o en el hub, o nombre a quienes deben verlo en `recipients`.',
      en: 'Save contacts on the phone or in the hub, or name who is to see it in `recipients`.',
      pt: 'Salve contatos no telefone ou no hub, ou indique quem deve vê-lo em `recipients`.',
    },
  },
  NOT_A_COMMUNITY: {
    status: 400,
    message: {
      es: 'El grupo no es una comunidad',
      en: 'The group is no community',
      pt: 'O grupo não é uma comunidade',
    },
    remedy: {
      es: 'Use el identificador de la comunidad: el `communityId` de uno de sus grupos.',
      en: 'Use the id of the community: `communityId` of one of its groups.',
      pt: 'Use o identificador da comunidade: o `communityId` de um de seus grupos.',
    },
  },
  INVITE_NOT_VALID: {
    status: 404,
    message: {
      es: 'La invitación no es válida',
      en: 'The invitation is not valid',
      pt: 'O convite não é válido',
    },
    remedy: {
      es: 'Pida el enlace actual a un administrador del grupo: este fue revocado o no existe.',
      en: 'Ask an admin of the group for the current link: this one was revoked, or never was.',
      pt: 'Peça o link atual a um administrador do grupo: este foi revogado ou não existe.',
    },
  },
  NOT_IN_GROUP: {
    status: 403,
    message: {
      es: 'La cuenta no es miembro del grupo',
      en: 'The account is not a member of the group',
      pt: 'A conta não é membro do grupo',
    },
    remedy: {
      es: 'Únase con una invitación, o pida a un administrador que añada el número.',
      en: 'Join by an invitation, or ask an admin to add the number.',
      pt: 'Entre com um convite, ou peça a um administrador que adicione o número.',
    },
  },
  NOT_GROUP_ADMIN: {
    status: 403,
    message: {
      es: 'Solo los administradores del grupo pueden hacer esto',
      en: 'Only admins of the group may do this',
      pt: 'Só os administradores do grupo podem fazer isto',
    },
    remedy: {
      es: 'Pida a un administrador que haga administrador a este número.',
      en: 'Ask an admin to make this number an admin.',
      pt: 'Peça a um administrador que torne este número administrador.',
    },
  },
  ALREADY_IN_GROUP: {
    status: 409,
    message: {
      es: 'La cuenta ya es miembro del grupo',
      en: 'The account is a member of the group already',
      pt: 'A conta já é membro do grupo',
    },
    remedy: {
      es: 'No hay nada que hacer: búsquelo en la lista de grupos.',
      en: 'There is nothing to do: find it in the list of groups.',
      pt: 'Não há nada a fazer: procure-o na lista de grupos.',
    },
  },
  GROUP_FULL: {
    status: 409,
    message: { es: 'El grupo está lleno', en: 'The group is full', pt: 'O grupo está cheio' },
    remedy: {
      es: 'Un administrador debe quitar a alguien antes.',
      en: 'An admin has to remove somebody first.',
      pt: 'Um administrador precisa remover alguém antes.',
    },
  },
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
  TEMPLATE_NOT_FOUND: {
    status: 404,
    message: { es: 'Plantilla no encontrada', en: 'Template not found', pt: 'Modelo não encontrado' },
    remedy: {
      es: 'Revise el identificador en la lista de plantillas.',
      en: 'Check the id in the list of templates.',
      pt: 'Verifique o identificador na lista de modelos.',
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
      es: 'Solo se editan textos; elimine el mensaje y envíe otro.',
      en: 'Only texts are edited; delete the message and send another.',
      pt: 'Só textos são editados; apague a mensagem e envie outra.',
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
  FILE_TOO_LARGE: {
    status: 413,
    message: {
      es: 'El archivo es demasiado grande',
      en: 'The file is too large',
      pt: 'O arquivo é grande demais',
    },
    remedy: {
      es: 'Envíe un archivo más pequeño; `details.maxBytes` dice el máximo.',
      en: 'Send a smaller file; `details.maxBytes` says the most.',
      pt: 'Envie um arquivo menor; `details.maxBytes` diz o máximo.',
    },
  },
  MEDIA_DIMENSIONS_TOO_LARGE: {
    status: 413,
    message: {
      es: 'La imagen tiene demasiados píxeles',
      en: 'The picture has too many pixels',
      pt: 'A imagem tem pixels demais',
    },
    remedy: {
      es: 'Redúzcala; `details` dice su tamaño y el máximo. Como `document` se envía tal cual.',
      en: 'Scale it down; `details` says its size and the most. As a `document` it is sent as it is.',
      pt: 'Reduza-a; `details` diz o tamanho dela e o máximo. Como `document` é enviada como está.',
    },
  },
  MEDIA_QUOTA_EXCEEDED: {
    status: 413,
    message: {
      es: 'No queda espacio para archivos: el límite son {quotaMiB} MiB',
      en: 'There is no room for files left: the limit is {quotaMiB} MiB',
      pt: 'Não resta espaço para arquivos: o limite são {quotaMiB} MiB',
    },
    remedy: {
      es: 'Borre archivos con `DELETE /api/media/<mediaId>`, o pida al operador que suba `MEDIA_QUOTA_MB`.',
      en: 'Remove files with `DELETE /api/media/<mediaId>`, or ask the operator to raise `MEDIA_QUOTA_MB`.',
      pt: 'Apague arquivos com `DELETE /api/media/<mediaId>`, ou peça ao operador que aumente `MEDIA_QUOTA_MB`.',
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
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    message: {
      es: 'Ese tipo de contenido no se admite aquí',
      en: 'That type of content is not taken here',
      pt: 'Esse tipo de conteúdo não é aceito aqui',
    },
    remedy: {
      es: 'Envíe `Content-Type: application/json`; al subir un archivo, `multipart/form-data` o el tipo del archivo.',
      en: 'Send `Content-Type: application/json`; when uploading a file, `multipart/form-data` or the type of the file.',
      pt: 'Envie `Content-Type: application/json`; ao enviar um arquivo, `multipart/form-data` ou o tipo do arquivo.',
    },
  },
  MEDIA_CONVERSION_UNAVAILABLE: {
    status: 415,
    message: {
      es: 'El archivo debe convertirse, y este servidor no puede convertir',
      en: 'The file has to be converted, and this server cannot convert',
      pt: 'O arquivo precisa ser convertido, e este servidor não pode converter',
    },
    remedy: {
      es: 'El operador debe instalar ffmpeg (vea `inbox-hub doctor`). Sin él, envíe notas de voz en OGG con Opus, vídeos en MP4, imágenes en JPEG o PNG y stickers en WebP de 512×512.',
      en: 'The operator has to install ffmpeg (see `inbox-hub doctor`). Without it, send voice notes as OGG with Opus, videos as MP4, pictures as JPEG or PNG and stickers as WebP of 512×512.',
      pt: 'O operador deve instalar o ffmpeg (veja `inbox-hub doctor`). Sem ele, envie mensagens de voz em OGG com Opus, vídeos em MP4, imagens em JPEG ou PNG e figurinhas em WebP de 512×512.',
    },
  },
  FILE_TYPE_MISMATCH: {
    status: 415,
    message: {
      es: 'El contenido del archivo no es del tipo pedido',
      en: 'What is in the file is not of the type asked for',
      pt: 'O conteúdo do arquivo não é do tipo pedido',
    },
    remedy: {
      es: 'Vea `details.found`. Quite `type`, o envíelo como `document`, que admite cualquier archivo.',
      en: 'See `details.found`. Leave `type` out, or send it as `document`, which takes any file.',
      pt: 'Veja `details.found`. Retire `type`, ou envie-o como `document`, que aceita qualquer arquivo.',
    },
  },
  RANGE_NOT_SATISFIABLE: {
    status: 416,
    message: {
      es: 'Ese rango de bytes no se puede entregar',
      en: 'That range of bytes cannot be given',
      pt: 'Esse intervalo de bytes não pode ser entregue',
    },
    remedy: {
      es: 'Pida un solo rango, dentro del tamaño que dice `Content-Range`.',
      en: 'Ask for a single range, within the size that `Content-Range` says.',
      pt: 'Peça um único intervalo, dentro do tamanho que `Content-Range` indica.',
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
  MEDIA_DAMAGED: {
    status: 500,
    message: {
      es: 'El archivo falta en el almacén o está dañado',
      en: 'The file is missing from the store, or damaged',
      pt: 'O arquivo falta no armazenamento ou está danificado',
    },
    remedy: {
      es: 'Súbalo de nuevo. El operador debe revisar el disco o el bucket, y restaurar la copia de seguridad de los archivos.',
      en: 'Upload it again. The operator should look at the disk or the bucket, and restore the backup of the files.',
      pt: 'Envie-o de novo. O operador deve verificar o disco ou o bucket, e restaurar o backup dos arquivos.',
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
  MEDIA_STORE_UNAVAILABLE: {
    status: 503,
    message: {
      es: 'El almacén de archivos no funciona en este momento',
      en: 'The store of files does not work at the moment',
      pt: 'O armazenamento de arquivos não funciona no momento',
    },
    remedy: {
      es: 'No se guardó nada: repita la petición. El operador verá la causa en `/health/ready` y con `inbox-hub doctor`.',
      en: 'Nothing was stored: repeat the request. The operator sees the cause at `/health/ready` and with `inbox-hub doctor`.',
      pt: 'Nada foi guardado: repita a requisição. O operador vê a causa em `/health/ready` e com `inbox-hub doctor`.',
    },
  },
} as const satisfies Record<string, ErrorFacts>

export type ErrorCode = keyof typeof errors

/** Every code, in the order of the table. */
export function errorCodes(): readonly ErrorCode[] {
  // Object.keys forgets the type of the keys; the table is frozen by `as const`.
  return Object.keys(errors) as ErrorCode[]
}

/** The facts about a code, typed as what all have in common. */
export function factsOfError(code: ErrorCode): ErrorFacts {
  return errors[code]
}

/** Facts that are safe to show: which field is wrong and why, `reason`, `requestId`. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean>>

export interface HubErrorOptions {
  /** For the log only: it may hold anything. */
  cause?: unknown
  /** Goes beside the error as `data` (the state of a session whose QR is not ready; the session that exists already). */
  data?: object
  /** Answered as `Retry-After`, rounded up to seconds. */
  retryAfterMs?: number
  /** Sent with the answer: what HTTP wants beside a status (`Content-Range` beside 416). */
  headers?: Readonly<Record<string, string>>
  /** Values that the texts of this code name, e.g. `seconds`. */
  values?: TextValues
}

/** A failure its reader can act on. `details` is safe to show; `cause` is for the log only. */
export class HubError extends Error {
  override readonly name = 'HubError'
  readonly code: ErrorCode
  readonly details: ErrorDetails
  readonly data: object | undefined
  readonly retryAfterMs: number | undefined
  readonly values: TextValues
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ErrorCode, details: ErrorDetails = {}, options: HubErrorOptions = {}) {
    super(
      say(errors[code].message, 'en', options.values),
      options.cause === undefined ? undefined : { cause: options.cause },
    )
    this.code = code
    this.details = details
    this.data = options.data
    this.retryAfterMs = options.retryAfterMs
    this.values = options.values ?? {}
    this.headers = options.headers ?? {}
  }

  /** HTTP status. */
  get status(): number {
    return errors[this.code].status
  }

  /** What happened, in the reader's language. */
  messageIn(language: Language): string {
    return say(errors[this.code].message, language, this.values)
  }

  /** What the reader can do, in the reader's language. */
  remedyIn(language: Language): string {
    return say(errors[this.code].remedy, language, this.values)
  }
}

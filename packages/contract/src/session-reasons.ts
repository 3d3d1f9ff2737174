import type { DisconnectReason } from '@inbox-hub/whatsapp'

import { type Language, say, type Text, type TextValues } from './language.ts'

/** What is said about why a session stands where it stands. */
export interface ReasonFacts {
  message: Text
  remedy: Text
}

/** Reasons that are not the end of a connection. */
type OwnReason =
  | 'qr_expired'
  | 'deleted'
  | 'new_chats_restricted'
  | 'pairing_code_refused'
  | 'credentials_unreadable'
  | 'internal_fault'
  | 'starting_up'
  | 'already_linked'
  | 'scan_unfinished'
  | 'qr_lost'
  | 'sockets_overlap'
  | 'version_look_up_failed'

const waitForUs: Text = {
  es: 'No hay que hacer nada: el servidor vuelve a intentarlo solo.',
  en: 'Nothing to do: the server tries again by itself.',
  pt: 'Não há nada a fazer: o servidor tenta de novo sozinho.',
}

/**
 * Why a session is not simply connected, in the words that its `reason` and `lastError` carry.
 * Every disconnect of packages/whatsapp has a line here, or this does not compile.
 */
export const sessionReasons = {
  logged_out: {
    message: {
      es: 'El dispositivo fue desvinculado desde el teléfono o por WhatsApp',
      en: 'The device was unlinked, from the phone or by WhatsApp',
      pt: 'O dispositivo foi desvinculado pelo telefone ou pelo WhatsApp',
    },
    remedy: {
      es: 'Conecte la sesión y escanee el código QR de nuevo. El teléfono debe usarse al menos cada 14 días.',
      en: 'Connect the session and scan the QR code again. The phone must be used at least every 14 days.',
      pt: 'Conecte a sessão e escaneie o código QR de novo. O telefone deve ser usado ao menos a cada 14 dias.',
    },
  },
  half_registered: {
    message: {
      es: 'La vinculación anterior no se completó',
      en: 'The previous attempt to link was not completed',
      pt: 'A tentativa anterior de vincular não foi concluída',
    },
    remedy: {
      es: 'El servidor empieza de nuevo solo: escanee el código QR que aparece.',
      en: 'The server starts afresh by itself: scan the QR code that appears.',
      pt: 'O servidor recomeça sozinho: escaneie o código QR que aparecer.',
    },
  },
  restricted: {
    message: {
      es: 'WhatsApp suspendió temporalmente la cuenta',
      en: 'WhatsApp suspended the account for a while',
      pt: 'O WhatsApp suspendeu temporariamente a conta',
    },
    remedy: {
      es: 'Espere hasta `retryAt`; el servidor reconecta solo. Después, no escriba a desconocidos durante un día.',
      en: 'Wait until `retryAt`; the server reconnects by itself. Afterwards, do not write to strangers for a day.',
      pt: 'Aguarde até `retryAt`; o servidor reconecta sozinho. Depois, não escreva a desconhecidos por um dia.',
    },
  },
  new_chats_restricted: {
    message: {
      es: 'WhatsApp no deja iniciar chats nuevos por ahora',
      en: 'WhatsApp does not let this number start new chats for now',
      pt: 'O WhatsApp não permite iniciar conversas novas por enquanto',
    },
    remedy: {
      es: 'Los chats existentes funcionan. Espere hasta `retryAt` para escribir a números nuevos.',
      en: 'Existing chats work. Wait until `retryAt` before writing to new numbers.',
      pt: 'As conversas existentes funcionam. Aguarde até `retryAt` para escrever a números novos.',
    },
  },
  locked: {
    message: {
      es: 'WhatsApp bloqueó la cuenta, o su teléfono principal ya no existe',
      en: 'WhatsApp locked the account, or its main phone is gone',
      pt: 'O WhatsApp bloqueou a conta, ou seu telefone principal não existe mais',
    },
    remedy: {
      es: 'Abra WhatsApp en el teléfono y siga lo que pida. Cuando funcione allí, vincule de nuevo.',
      en: 'Open WhatsApp on the phone and do what it asks. When it works there, link again.',
      pt: 'Abra o WhatsApp no telefone e siga o que pedir. Quando funcionar lá, vincule de novo.',
    },
  },
  banned: {
    message: {
      es: 'WhatsApp expulsó la cuenta',
      en: 'WhatsApp banned the account',
      pt: 'O WhatsApp baniu a conta',
    },
    remedy: {
      es: 'Abra WhatsApp en el teléfono y pida la revisión. Solo WhatsApp puede levantarlo.',
      en: 'Open WhatsApp on the phone and ask for a review. Only WhatsApp can lift it.',
      pt: 'Abra o WhatsApp no telefone e peça a revisão. Só o WhatsApp pode desfazer.',
    },
  },
  client_outdated: {
    message: {
      es: 'WhatsApp rechazó la versión de WhatsApp Web que usa el servidor',
      en: 'WhatsApp refused the version of WhatsApp Web that the server speaks',
      pt: 'O WhatsApp recusou a versão do WhatsApp Web que o servidor usa',
    },
    remedy: {
      es: 'Operador: actualice Inbox Hub, o fije `WHATSAPP_VERSION` a la actual. Se reintenta cada hora; la vinculación se conserva.',
      en: 'Operator: update Inbox Hub, or set `WHATSAPP_VERSION` to the current one. Tried again every hour; the link is kept.',
      pt: 'Operador: atualize o Inbox Hub, ou defina `WHATSAPP_VERSION` com a atual. Tenta-se a cada hora; o vínculo é mantido.',
    },
  },
  bad_user_agent: {
    message: {
      es: 'WhatsApp rechazó cómo se identifica el servidor',
      en: 'WhatsApp refused how the server names itself',
      pt: 'O WhatsApp recusou como o servidor se identifica',
    },
    remedy: {
      es: 'Operador: es un fallo nuestro de configuración; infórmelo con el diagnóstico de la sesión.',
      en: 'Operator: our configuration is at fault; report it with the diagnostics of the session.',
      pt: 'Operador: é uma falha nossa de configuração; informe-a com o diagnóstico da sessão.',
    },
  },
  phone_outdated: {
    message: {
      es: 'El WhatsApp del teléfono es demasiado antiguo',
      en: 'The WhatsApp on the phone is too old',
      pt: 'O WhatsApp do telefone é antigo demais',
    },
    remedy: {
      es: 'Actualice WhatsApp en el teléfono y vincule de nuevo.',
      en: 'Update WhatsApp on the phone and link again.',
      pt: 'Atualize o WhatsApp no telefone e vincule de novo.',
    },
  },
  unexpected_failure: {
    message: {
      es: 'WhatsApp rechazó la conexión con un código inesperado',
      en: 'WhatsApp refused the login with an unexpected code',
      pt: 'O WhatsApp recusou a conexão com um código inesperado',
    },
    remedy: {
      es: 'Reinicie la sesión; si se repite, actualice Inbox Hub e informe el diagnóstico.',
      en: 'Restart the session; if it happens again, update Inbox Hub and report the diagnostics.',
      pt: 'Reinicie a sessão; se repetir, atualize o Inbox Hub e informe o diagnóstico.',
    },
  },
  restart_required: {
    message: {
      es: 'WhatsApp pide reconectar para terminar la vinculación',
      en: 'WhatsApp asks to reconnect, to finish linking',
      pt: 'O WhatsApp pede para reconectar e concluir o vínculo',
    },
    remedy: waitForUs,
  },
  connection_replaced: {
    message: {
      es: 'Otro programa se conectó con las mismas credenciales',
      en: 'Another program connected with the same credentials',
      pt: 'Outro programa se conectou com as mesmas credenciais',
    },
    remedy: {
      es: 'Busque una copia de este servidor o de sus datos y deténgala. Luego conecte la sesión.',
      en: 'Find a copy of this server or of its data and stop it. Then connect the session.',
      pt: 'Procure uma cópia deste servidor ou de seus dados e pare-a. Depois conecte a sessão.',
    },
  },
  service_unavailable: {
    message: {
      es: 'Los servidores de WhatsApp se están reiniciando o están saturados',
      en: "WhatsApp's servers are restarting or overloaded",
      pt: 'Os servidores do WhatsApp estão reiniciando ou sobrecarregados',
    },
    remedy: waitForUs,
  },
  dns_failed: {
    message: {
      es: 'No se pudo resolver el nombre del servidor de WhatsApp',
      en: "The name of WhatsApp's server could not be resolved",
      pt: 'Não foi possível resolver o nome do servidor do WhatsApp',
    },
    remedy: {
      es: 'Operador: revise el DNS de esta máquina (`inbox-hub doctor`).',
      en: 'Operator: check the DNS of this machine (`inbox-hub doctor`).',
      pt: 'Operador: verifique o DNS desta máquina (`inbox-hub doctor`).',
    },
  },
  unreachable: {
    message: {
      es: 'No se puede llegar a los servidores de WhatsApp',
      en: "WhatsApp's servers cannot be reached",
      pt: 'Não é possível alcançar os servidores do WhatsApp',
    },
    remedy: {
      es: 'Operador: permita la salida a web.whatsapp.com:443 en el cortafuegos, o configure un proxy; si ya hay uno, revise su dirección.',
      en: 'Operator: allow traffic to web.whatsapp.com:443 in the firewall, or configure a proxy; if there is one, check its address.',
      pt: 'Operador: permita a saída para web.whatsapp.com:443 no firewall, ou configure um proxy; se já houver um, verifique seu endereço.',
    },
  },
  proxy_refused: {
    message: {
      es: 'El proxy configurado rechazó la conexión',
      en: 'The configured proxy refused the connection',
      pt: 'O proxy configurado recusou a conexão',
    },
    remedy: {
      es: 'Revise la dirección, el usuario y la contraseña del proxy de la sesión.',
      en: 'Check the address, user and password of the proxy of the session.',
      pt: 'Verifique o endereço, o usuário e a senha do proxy da sessão.',
    },
  },
  tls_refused: {
    message: {
      es: 'El certificado TLS no es de WhatsApp: algo intercepta el tráfico',
      en: "The TLS certificate is not WhatsApp's: something intercepts the traffic",
      pt: 'O certificado TLS não é do WhatsApp: algo intercepta o tráfego',
    },
    remedy: {
      es: 'Operador: excluya *.whatsapp.com y *.whatsapp.net de la inspección TLS, o añada su autoridad con `NODE_EXTRA_CA_CERTS`.',
      en: 'Operator: exclude *.whatsapp.com and *.whatsapp.net from TLS inspection, or add its authority with `NODE_EXTRA_CA_CERTS`.',
      pt: 'Operador: exclua *.whatsapp.com e *.whatsapp.net da inspeção TLS, ou adicione a autoridade com `NODE_EXTRA_CA_CERTS`.',
    },
  },
  clock_wrong: {
    message: {
      es: 'El reloj de esta máquina parece estar mal',
      en: 'The clock of this machine seems to be wrong',
      pt: 'O relógio desta máquina parece estar errado',
    },
    remedy: {
      es: 'Operador: sincronice el reloj (NTP). El diagnóstico muestra la diferencia.',
      en: 'Operator: synchronise the clock (NTP). The diagnostics show the difference.',
      pt: 'Operador: sincronize o relógio (NTP). O diagnóstico mostra a diferença.',
    },
  },
  upgrade_refused: {
    message: {
      es: 'Algo respondió en lugar de abrir la conexión con WhatsApp',
      en: 'Something answered instead of opening the connection to WhatsApp',
      pt: 'Algo respondeu em vez de abrir a conexão com o WhatsApp',
    },
    remedy: {
      es: 'Operador: busque un proxy o portal en la red; el código HTTP está en el diagnóstico. 429 o 503: WhatsApp frena esta dirección IP, espere.',
      en: 'Operator: look for a proxy or portal in the network; the HTTP status is in the diagnostics. 429 or 503: WhatsApp slows this IP address down, wait.',
      pt: 'Operador: procure um proxy ou portal na rede; o status HTTP está no diagnóstico. 429 ou 503: o WhatsApp freia este endereço IP, aguarde.',
    },
  },
  noise_mismatch: {
    message: {
      es: 'El servidor que respondió no pudo probar que es WhatsApp',
      en: 'The server that answered could not prove to be WhatsApp',
      pt: 'O servidor que respondeu não pôde provar que é o WhatsApp',
    },
    remedy: {
      es: 'Operador: quite proxies que abran el tráfico; si no hay, actualice Inbox Hub (el protocolo pudo cambiar).',
      en: 'Operator: remove proxies that open the traffic; if there are none, update Inbox Hub (the protocol may have changed).',
      pt: 'Operador: remova proxies que abram o tráfego; se não houver, atualize o Inbox Hub (o protocolo pode ter mudado).',
    },
  },
  bad_frame: {
    message: {
      es: 'Llegaron datos que no se pudieron descifrar',
      en: 'Data arrived that could not be decrypted',
      pt: 'Chegaram dados que não puderam ser decifrados',
    },
    remedy: waitForUs,
  },
  connection_lost: {
    message: {
      es: 'Se perdió la conexión con WhatsApp',
      en: 'The connection to WhatsApp was lost',
      pt: 'A conexão com o WhatsApp foi perdida',
    },
    remedy: waitForUs,
  },
  connection_closed: {
    message: {
      es: 'WhatsApp cerró la conexión sin decir por qué',
      en: 'WhatsApp closed the connection without saying why',
      pt: 'O WhatsApp fechou a conexão sem dizer por quê',
    },
    remedy: waitForUs,
  },
  handshake_timeout: {
    message: {
      es: 'WhatsApp aceptó la conexión y no respondió',
      en: 'WhatsApp accepted the connection and did not answer',
      pt: 'O WhatsApp aceitou a conexão e não respondeu',
    },
    remedy: {
      es: 'Se reintenta solo. Si dura, un equipo intermedio retiene el tráfico: pruebe desde otra red o con un proxy.',
      en: 'Tried again by itself. If it lasts, something on the way holds the traffic: try another network or a proxy.',
      pt: 'Tenta-se de novo sozinho. Se durar, algo no caminho retém o tráfego: tente outra rede ou um proxy.',
    },
  },
  no_answer: {
    message: {
      es: 'WhatsApp tardó demasiado en responder',
      en: 'WhatsApp took too long to answer',
      pt: 'O WhatsApp demorou demais para responder',
    },
    remedy: waitForUs,
  },
  codes_used_up: {
    message: {
      es: 'Nadie escaneó el código QR a tiempo',
      en: 'Nobody scanned the QR code in time',
      pt: 'Ninguém escaneou o código QR a tempo',
    },
    remedy: {
      es: 'Aparece una ronda nueva de códigos mientras alguien los mire.',
      en: 'A new round of codes appears while somebody watches.',
      pt: 'Uma nova rodada de códigos aparece enquanto alguém olhar.',
    },
  },
  qr_expired: {
    message: {
      es: 'Los códigos QR se agotaron sin que nadie los escaneara',
      en: 'The QR codes ran out and nobody scanned them',
      pt: 'Os códigos QR acabaram sem que ninguém os escaneasse',
    },
    remedy: {
      es: 'Conecte la sesión cuando tenga el teléfono a mano.',
      en: 'Connect the session when you have the phone at hand.',
      pt: 'Conecte a sessão quando tiver o telefone à mão.',
    },
  },
  passkey_required: {
    message: {
      es: 'La cuenta exige una clave de acceso (passkey) para vincular dispositivos',
      en: 'The account asks for a passkey to link devices',
      pt: 'A conta exige uma chave de acesso (passkey) para vincular dispositivos',
    },
    remedy: {
      es: 'En el teléfono: Ajustes, Cuenta, Claves de acceso; quítela, vincule, y vuelva a crearla.',
      en: 'On the phone: Settings, Account, Passkeys; remove it, link, and make it again.',
      pt: 'No telefone: Configurações, Conta, Chaves de acesso; remova-a, vincule, e crie-a de novo.',
    },
  },
  pairing_code_refused: {
    message: {
      es: 'WhatsApp no aceptó el código de vinculación',
      en: 'WhatsApp did not accept the pairing code',
      pt: 'O WhatsApp não aceitou o código de vinculação',
    },
    remedy: {
      es: 'Revise el número con código de país, espere 15 minutos tras varios intentos, o use el código QR.',
      en: 'Check the number with its country code, wait 15 minutes after several attempts, or use the QR code.',
      pt: 'Verifique o número com código do país, aguarde 15 minutos após várias tentativas, ou use o código QR.',
    },
  },
  store_fault: {
    message: {
      es: 'La base de datos no acepta escrituras, así que la conexión se cortó para no perder mensajes',
      en: 'The database does not take writes, so the connection was cut to lose no message',
      pt: 'O banco de dados não aceita gravações, então a conexão foi cortada para não perder mensagens',
    },
    remedy: {
      es: 'Operador: revise el espacio en disco y la base de datos (`inbox-hub doctor`). Se reconecta solo.',
      en: 'Operator: check disk space and the database (`inbox-hub doctor`). It reconnects by itself.',
      pt: 'Operador: verifique o espaço em disco e o banco de dados (`inbox-hub doctor`). Reconecta sozinho.',
    },
  },
  fenced: {
    message: {
      es: 'Otro nodo de este servidor atiende la sesión',
      en: 'Another node of this server serves the session',
      pt: 'Outro nó deste servidor atende a sessão',
    },
    remedy: waitForUs,
  },
  asked: {
    message: {
      es: 'La sesión se detuvo porque alguien lo pidió',
      en: 'The session was stopped because somebody asked for it',
      pt: 'A sessão foi parada porque alguém pediu',
    },
    remedy: {
      es: 'Conéctela cuando quiera: la vinculación se conserva.',
      en: 'Connect it whenever you like: the link is kept.',
      pt: 'Conecte-a quando quiser: o vínculo é mantido.',
    },
  },
  deleted: {
    message: {
      es: 'La sesión fue borrada',
      en: 'The session was deleted',
      pt: 'A sessão foi apagada',
    },
    remedy: {
      es: 'Créela con el mismo `sessionId` para recuperarla, sin escanear de nuevo.',
      en: 'Create it with the same `sessionId` to get it back, without a new scan.',
      pt: 'Crie-a com o mesmo `sessionId` para recuperá-la, sem escanear de novo.',
    },
  },
  credentials_unreadable: {
    message: {
      es: 'Las credenciales guardadas no se pueden descifrar',
      en: 'The stored credentials cannot be decrypted',
      pt: 'As credenciais guardadas não podem ser decifradas',
    },
    remedy: {
      es: 'Operador: ponga la `INBOX_HUB_MASTER_KEY` (o el archivo de clave) con que se guardaron, y reinicie.',
      en: 'Operator: give the `INBOX_HUB_MASTER_KEY` (or key file) they were stored with, and restart.',
      pt: 'Operador: forneça a `INBOX_HUB_MASTER_KEY` (ou o arquivo de chave) com que foram guardadas, e reinicie.',
    },
  },
  internal_fault: {
    message: {
      es: 'Fallo interno al conectar la sesión',
      en: 'Internal fault while connecting the session',
      pt: 'Falha interna ao conectar a sessão',
    },
    remedy: {
      es: 'Es un fallo nuestro: reinicie la sesión e informe el diagnóstico.',
      en: 'This is our fault: restart the session and report the diagnostics.',
      pt: 'A falha é nossa: reinicie a sessão e informe o diagnóstico.',
    },
  },
  starting_up: {
    message: {
      es: 'El servidor acaba de arrancar y conecta sus sesiones una tras otra',
      en: 'The server has just started and connects its sessions one after another',
      pt: 'O servidor acabou de iniciar e conecta suas sessões uma após a outra',
    },
    remedy: waitForUs,
  },
  already_linked: {
    message: {
      es: 'La sesión ya está vinculada: entra con sus credenciales, sin código QR',
      en: 'The session is linked already: it logs in with its credentials, without a QR code',
      pt: 'A sessão já está vinculada: entra com suas credenciais, sem código QR',
    },
    remedy: {
      es: 'Espere a `connected`. Para vincular otro teléfono, desconecte con `logout: true` y conecte de nuevo.',
      en: 'Wait for `connected`. To link another phone, disconnect with `logout: true` and connect again.',
      pt: 'Aguarde `connected`. Para vincular outro telefone, desconecte com `logout: true` e conecte de novo.',
    },
  },
  scan_unfinished: {
    message: {
      es: 'El código QR se mostró, y ningún teléfono completó la vinculación',
      en: 'The QR code was shown, and no phone completed the link',
      pt: 'O código QR foi mostrado, e nenhum telefone concluiu o vínculo',
    },
    remedy: {
      es: 'Escanee el código más reciente: cada uno vive segundos. En el teléfono debe haber sitio (4 dispositivos vinculados como máximo) y conexión.',
      en: 'Scan the newest code: each lives for seconds. The phone needs a free place (4 linked devices at most) and a connection.',
      pt: 'Escaneie o código mais recente: cada um vive segundos. O telefone precisa de vaga (4 dispositivos vinculados no máximo) e conexão.',
    },
  },
  qr_lost: {
    message: {
      es: 'WhatsApp dio códigos QR y el servidor no los mostró',
      en: 'WhatsApp gave QR codes and the server did not show them',
      pt: 'O WhatsApp deu códigos QR e o servidor não os mostrou',
    },
    remedy: {
      es: 'Es un fallo nuestro: reinicie la sesión e informe el diagnóstico.',
      en: 'This is our fault: restart the session and report the diagnostics.',
      pt: 'A falha é nossa: reinicie a sessão e informe o diagnóstico.',
    },
  },
  sockets_overlap: {
    message: {
      es: 'Dos conexiones de la misma sesión estuvieron abiertas a la vez',
      en: 'Two connections of the same session were open at once',
      pt: 'Duas conexões da mesma sessão estiveram abertas ao mesmo tempo',
    },
    remedy: {
      es: 'Es un fallo nuestro: reinicie la sesión e informe el diagnóstico.',
      en: 'This is our fault: restart the session and report the diagnostics.',
      pt: 'A falha é nossa: reinicie a sessão e informe o diagnóstico.',
    },
  },
  version_look_up_failed: {
    message: {
      es: 'No se pudo averiguar la versión actual de WhatsApp Web',
      en: 'The current version of WhatsApp Web could not be found out',
      pt: 'Não foi possível descobrir a versão atual do WhatsApp Web',
    },
    remedy: {
      es: 'Operador: permita https://web.whatsapp.com, o fije `WHATSAPP_VERSION`.',
      en: 'Operator: allow https://web.whatsapp.com, or set `WHATSAPP_VERSION`.',
      pt: 'Operador: permita https://web.whatsapp.com, ou defina `WHATSAPP_VERSION`.',
    },
  },
  unknown: {
    message: {
      es: 'La conexión terminó por una causa desconocida',
      en: 'The connection ended for an unknown reason',
      pt: 'A conexão terminou por uma causa desconhecida',
    },
    remedy: {
      es: 'Se reintenta solo. Si se repite, informe el diagnóstico de la sesión.',
      en: 'Tried again by itself. If it keeps happening, report the diagnostics of the session.',
      pt: 'Tenta-se de novo sozinho. Se repetir, informe o diagnóstico da sessão.',
    },
  },
} as const satisfies Record<DisconnectReason | OwnReason, ReasonFacts>

export type SessionReason = keyof typeof sessionReasons

/** Every reason, in the order of the table. */
export function sessionReasonNames(): readonly SessionReason[] {
  // Object.keys forgets the type of the keys; the table is frozen by `as const`.
  return Object.keys(sessionReasons) as SessionReason[]
}

/** What to tell the reader about a reason, in their language. */
export function describeReason(
  reason: SessionReason,
  language: Language,
  values?: TextValues,
): { code: SessionReason; message: string; remedy: string } {
  const { message, remedy } = sessionReasons[reason]
  return { code: reason, message: say(message, language, values), remedy: say(remedy, language, values) }
}

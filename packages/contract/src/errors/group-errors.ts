import type { ErrorFacts } from './error-facts.ts'

/** Failures of groups, communities, newsletters and statuses; part of the table in index.ts. */
export const groupErrors = {
  GROUP_NOT_FOUND: {
    status: 404,
    message: { es: 'Grupo no encontrado', en: 'Group not found', pt: 'Grupo não encontrado' },
    remedy: {
      es: 'Revise el identificador: termina en `@g.us`, y el número debe ser miembro.',
      en: 'Check the id: it ends in `@g.us`, and the number must be a member.',
      pt: 'Verifique o identificador: termina em `@g.us`, e o número deve ser membro.',
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
  STATUS_FILE_NOT_SHOWN: {
    status: 415,
    message: {
      es: 'WhatsApp no muestra archivos de ese tipo como estados',
      en: 'WhatsApp does not show files of that type as statuses',
      pt: 'O WhatsApp não mostra arquivos desse tipo como status',
    },
    remedy: {
      es: 'Publique una imagen, un video, un GIF o un sonido; lo demás (`details.found`), envíelo a un chat.',
      en: 'Post a picture, a video, a GIF or a sound; send anything else (`details.found`) to a chat.',
      pt: 'Publique uma imagem, um vídeo, um GIF ou um som; o resto (`details.found`), envie a uma conversa.',
    },
  },
} as const satisfies Record<string, ErrorFacts>

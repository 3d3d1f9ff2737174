import type { ErrorFacts } from './error-facts.ts'

/** Failures of people's accounts and organizations; part of the table in index.ts. */
export const accountErrors = {
  INVALID_REFRESH_TOKEN: {
    status: 401,
    message: {
      es: 'El token de renovación no es válido o ya se usó',
      en: 'The refresh token is not valid or was used',
      pt: 'O token de renovação não é válido ou já foi usado',
    },
    remedy: {
      es: 'Inicie sesión de nuevo.',
      en: 'Log in again.',
      pt: 'Entre de novo.',
    },
  },
  TOTP_REQUIRED: {
    status: 401,
    message: {
      es: 'Falta el código de verificación',
      en: 'The verification code is missing',
      pt: 'Falta o código de verificação',
    },
    remedy: {
      es: 'Repita con `code`: los seis dígitos de la aplicación de autenticación, o un código de recuperación.',
      en: 'Repeat it with `code`: the six digits of the authenticator app, or a recovery code.',
      pt: 'Repita com `code`: os seis dígitos do aplicativo autenticador, ou um código de recuperação.',
    },
  },
  REGISTRATION_CLOSED: {
    status: 403,
    message: {
      es: 'El registro está cerrado',
      en: 'Registration is closed',
      pt: 'O registro está fechado',
    },
    remedy: {
      es: 'Pida una invitación a un administrador, o registre con una API key de la organización en `X-API-Key`.',
      en: 'Ask an administrator for an invitation, or register with an API key of the organization in `X-API-Key`.',
      pt: 'Peça um convite a um administrador, ou registre com uma API key da organização em `X-API-Key`.',
    },
  },
  INVITATION_NOT_FOUND: {
    status: 404,
    message: {
      es: 'La invitación no existe, venció o ya se usó',
      en: 'The invitation does not exist, has expired or was used',
      pt: 'O convite não existe, venceu ou já foi usado',
    },
    remedy: {
      es: 'Pida otra a quien le invitó.',
      en: 'Ask whoever invited you for another one.',
      pt: 'Peça outro a quem convidou.',
    },
  },
  MEMBER_NOT_FOUND: {
    status: 404,
    message: {
      es: 'Esa persona no es miembro de la organización',
      en: 'That person is no member of the organization',
      pt: 'Essa pessoa não é membro da organização',
    },
    remedy: {
      es: 'Vea los miembros con `GET /api/organizations/<id>/members`.',
      en: 'See the members with `GET /api/organizations/<id>/members`.',
      pt: 'Veja os membros com `GET /api/organizations/<id>/members`.',
    },
  },
  AUDIT_LOG_NOT_FOUND: {
    status: 404,
    message: {
      es: 'Esa entrada de la auditoría no existe',
      en: 'That entry of the audit log does not exist',
      pt: 'Essa entrada da auditoria não existe',
    },
    remedy: {
      es: 'Vea las suyas con `GET /api/audit/my-logs`, o las de una organización que administre con `GET /api/audit/organizations/<id>`.',
      en: 'See yours with `GET /api/audit/my-logs`, or those of an organization you administer with `GET /api/audit/organizations/<id>`.',
      pt: 'Veja as suas com `GET /api/audit/my-logs`, ou as de uma organização que administra com `GET /api/audit/organizations/<id>`.',
    },
  },
  USER_ALREADY_EXISTS: {
    status: 409,
    message: {
      es: 'Ese nombre o correo ya está en uso',
      en: 'That name or e-mail address is taken',
      pt: 'Esse nome ou e-mail já está em uso',
    },
    remedy: {
      es: 'Elija otro, o inicie sesión; si olvidó la contraseña, pida restablecerla.',
      en: 'Choose another, or log in; if you forgot the password, ask for a reset.',
      pt: 'Escolha outro, ou entre; se esqueceu a senha, peça para redefini-la.',
    },
  },
  LAST_OWNER: {
    status: 409,
    message: {
      es: 'La organización se quedaría sin propietario',
      en: 'The organization would be left without an owner',
      pt: 'A organização ficaria sem proprietário',
    },
    remedy: {
      es: 'Haga propietario a otro miembro antes.',
      en: 'Make another member an owner first.',
      pt: 'Torne outro membro proprietário antes.',
    },
  },
  ORGANIZATION_NOT_EMPTY: {
    status: 409,
    message: {
      es: 'La organización todavía tiene sesiones',
      en: 'The organization still has sessions',
      pt: 'A organização ainda tem sessões',
    },
    remedy: {
      es: 'Elimine sus sesiones antes; la primera organización no se puede eliminar.',
      en: 'Delete its sessions first; the first organization cannot be deleted.',
      pt: 'Exclua as sessões antes; a primeira organização não pode ser excluída.',
    },
  },
} as const satisfies Record<string, ErrorFacts>

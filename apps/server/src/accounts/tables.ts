import type { Role } from '@inbox-hub/contract'

declare module '../platform/database/index.ts' {
  interface Tables {
    organization: OrganizationRow
    app_user: UserRow
    member: MemberRow
    invitation: InvitationRow
    login: LoginRow
    password_reset: PasswordResetRow
  }
}

/** Columns of all tables here in migrations/0018-accounts.sql. */
export interface OrganizationRow {
  id: number
  name: string
  description: string | null
  plan: string
  created_at: number
  updated_at: number
  deleted_at: number | null
}

export interface UserRow {
  id: number
  username: string
  username_key: string
  email: string
  email_key: string
  first_name: string | null
  last_name: string | null
  phone: string | null
  password_hash: string
  totp_secret: string | null
  totp_since: number | null
  totp_last: number | null
  recovery_codes: string | null
  is_active: number
  created_at: number
  updated_at: number
}

export interface MemberRow {
  organization_id: number
  user_id: number
  role: Role
  created_at: number
}

export interface InvitationRow {
  id: number
  organization_id: number
  email: string
  role: Role
  token_hash: string
  invited_by: number
  created_at: number
  expires_at: number
  accepted_at: number | null
}

export interface LoginRow {
  id: string
  user_id: number
  refresh_hash: string
  created_at: number
  expires_at: number
}

export interface PasswordResetRow {
  token_hash: string
  user_id: number
  expires_at: number
}

/** When a session's list of groups was last read from WhatsApp as a whole. Migration 0009. */
export interface GroupListTable {
  session_id: number
  read_at: number
}

export interface GroupTable {
  session_id: number
  jid: string
  subject: string
  description: string | null
  description_id: string | null
  owner: string | null
  owner_alt: string | null
  created_at: number | null
  announcement: number
  locked: number
  member_add_mode: 'admins' | 'everyone'
  join_approval: number
  ephemeral_seconds: number
  community: string | null
  is_community: number
  /** Migration 0026. */
  is_announcement_group: number | null
  size: number
  role: 'member' | 'admin' | 'superadmin' | null
  search: string
  read_at: number
}

export interface GroupMemberTable {
  session_id: number
  group_jid: string
  jid: string
  alt: string | null
  role: 'member' | 'admin' | 'superadmin'
}

declare module '../platform/database/index.ts' {
  interface Tables {
    group_list: GroupListTable
    wa_group: GroupTable
    wa_group_member: GroupMemberTable
  }
}

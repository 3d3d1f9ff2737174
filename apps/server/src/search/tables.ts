/** How far the search index has read; migration 0008. */
interface SearchProgressTable {
  name: string
  format: number
  message_id: number
}

/** Messages to read again; migration 0008. */
interface SearchChangeTable {
  message_id: number
  sent_at: number
}

declare module '../platform/database/index.ts' {
  interface Tables {
    search_progress: SearchProgressTable
    search_change: SearchChangeTable
  }
}

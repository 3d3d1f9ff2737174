import { z } from 'zod'

/** ISO 8601 UTC with milliseconds. Made by `isoOf`. */
export const isoSchema = z.string().meta({ format: 'date-time', example: '2026-01-31T12:00:00.000Z' })

/** Unix ms as the wire writes it. */
export function isoOf(unixMs: number): string {
  return new Date(unixMs).toISOString()
}

export const paginationSchema = z
  .object({ total: z.int(), page: z.int(), limit: z.int(), pages: z.int() })
  .meta({ id: 'Pagination', description: '`pages` is 0 when there is nothing.' })

/** The pagination of an answer. */
export function paginationOf(total: number, page: number, limit: number): z.input<typeof paginationSchema> {
  return { total, page, limit, pages: Math.ceil(total / limit) }
}

/** How many rows stand before the page. */
export function offsetOf({ page, limit }: { page: number; limit: number }): number {
  return (page - 1) * limit
}

import { z } from 'zod'

import { endpoint } from './endpoint.ts'
import type { ErrorCode } from './errors/index.ts'
import { int, maybe, personAddress, sessionRef, text } from './fields.ts'

const tag = 'Shops'
const ofSession = z.object({ sessionId: sessionRef })
const ofShop = ofSession.extend({ contactId: personAddress })
const asks = 'Asks WhatsApp, at most 60 questions a minute and session together with those about contacts.'
const always: readonly ErrorCode[] = ['SESSION_NOT_FOUND', 'SESSION_NOT_CONNECTED', 'WHATSAPP_ERROR']

const money = {
  price: z.number().nullable().meta({ description: "In the currency's unit; WhatsApp counts thousandths." }),
  currency: z.string().nullable().meta({ example: 'EUR' }),
}
const product = z
  .object({
    id: z.string(),
    name: z.string(),
    description: z.string(),
    ...money,
    retailerId: z.string().nullable(),
    url: z.string().nullable(),
    imageUrl: z.string().nullable().meta({ description: "At WhatsApp's, for some days." }),
    isHidden: z.boolean(),
    reviewStatus: z.string().nullable(),
  })
  .meta({ id: 'Product' })
export type ProductWire = z.input<typeof product>

const getCatalogue = endpoint({
  id: 'getCatalogue',
  method: 'GET',
  path: '/api/shops/:sessionId/:contactId/catalogue',
  tag,
  summary: 'The products of a business, page by page',
  description: asks,
  params: ofShop,
  query: z.object({
    limit: maybe(int(1, 100)).meta({ description: '1 to 100, 20 when not given.' }),
    after: maybe(text(1, 2000)).meta({ description: 'The `next` of the page before.' }),
  }),
  data: z.object({ products: z.array(product), next: z.string().nullable() }),
  errors: [...always, 'NOT_A_BUSINESS'],
})

const getCollections = endpoint({
  id: 'getCollections',
  method: 'GET',
  path: '/api/shops/:sessionId/:contactId/collections',
  tag,
  summary: 'The collections in which a business puts its products',
  description: asks,
  params: ofShop,
  data: z.object({
    collections: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        status: z.string().nullable(),
        products: z.array(product),
      }),
    ),
  }),
  errors: [...always, 'NOT_A_BUSINESS'],
})

const getOrder = endpoint({
  id: 'getOrder',
  method: 'GET',
  path: '/api/shops/:sessionId/orders/:orderId',
  tag,
  summary: 'What is in an order that a customer sent',
  description: `${asks} \`orderId\` and \`token\` came with the message of the order.`,
  params: ofSession.extend({ orderId: z.string().min(1).max(100) }),
  query: z.object({ token: text(1, 2000) }),
  data: z.object({
    order: z.object({
      id: z.string(),
      items: z.array(
        z.object({
          productId: z.string(),
          name: z.string(),
          imageUrl: z.string().nullable(),
          ...money,
          quantity: z.int(),
        }),
      ),
      total: z.number().nullable(),
      currency: z.string().nullable(),
    }),
  }),
  errors: [...always, 'ORDER_NOT_FOUND'],
})

export const shopEndpoints = { getCatalogue, getCollections, getOrder }

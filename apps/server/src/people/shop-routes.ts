import { endpoints, type ProductWire } from '@inbox-hub/contract'
import type { Jid } from '@inbox-hub/whatsapp'

import type { Http } from '../platform/http/index.ts'
import type { CatalogueProduct } from '../sessions/baileys/index.ts'
import { askWhatsApp, type Sessions } from '../sessions/index.ts'
import type { People } from './index.ts'

export interface ShopRoutesDeps {
  sessions: Pick<Sessions, 'find' | 'linkWithin'>
  people: Pick<People, 'questions'>
}

const usualLimit = 20
const collectionLimit = 50

/** What businesses sell, read-only. */
export function shopRoutes(http: Pick<Http, 'serve'>, { sessions, people }: ShopRoutesDeps): void {
  const idOf = (ownerId: number, ref: string): number => sessions.find(ownerId, ref, 'name_first').id

  /** WhatsApp answers 404 for whoever has no shop. */
  const ofShop = (status: number) => (status === 404 ? 'NOT_A_BUSINESS' : undefined)
  const key = (jid: Jid, ...parts: readonly unknown[]): string => JSON.stringify(['shop', jid, ...parts])

  http.serve(endpoints.getCatalogue, async ({ params, query, ownerId }) => {
    const id = idOf(ownerId, params.sessionId)
    const page = { limit: query.limit ?? usualLimit, after: query.after }
    const jid = params.contactId
    const { products, next } = await people.questions.ask(id, key(jid, page), () =>
      askWhatsApp(sessions, id, (link) => link.business.catalogue(jid, page), ofShop),
    )
    return { data: { products: products.map(productWire), next: next ?? null } }
  })

  http.serve(endpoints.getCollections, async ({ params, ownerId }) => {
    const id = idOf(ownerId, params.sessionId)
    const jid = params.contactId
    const collections = await people.questions.ask(id, key(jid, 'collections'), () =>
      askWhatsApp(sessions, id, (link) => link.business.collections(jid, collectionLimit), ofShop),
    )
    return {
      data: {
        collections: collections.map(({ status, products, ...collection }) => ({
          ...collection,
          status: status ?? null,
          products: products.map(productWire),
        })),
      },
    }
  })

  http.serve(endpoints.getOrder, async ({ params, query, ownerId }) => {
    const id = idOf(ownerId, params.sessionId)
    const { orderId } = params
    const { items, totalMilli, currency } = await people.questions.ask(
      id,
      JSON.stringify(['order', orderId, query.token]),
      () =>
        askWhatsApp(
          sessions,
          id,
          (link) => link.business.order(orderId, query.token),
          (status) => (status === 404 || status === 403 || status === 401 ? 'ORDER_NOT_FOUND' : undefined),
        ),
    )
    return {
      data: {
        order: {
          id: orderId,
          items: items.map(({ priceMilli, imageUrl, currency: own, ...item }) => ({
            ...item,
            imageUrl: imageUrl ?? null,
            price: unitsOf(priceMilli),
            currency: own ?? null,
          })),
          total: unitsOf(totalMilli),
          currency: currency ?? null,
        },
      },
    }
  })
}

const unitsOf = (milli: number | undefined): number | null => (milli === undefined ? null : milli / 1000)

function productWire({ priceMilli, ...product }: CatalogueProduct): ProductWire {
  const { currency, retailerId, url, imageUrl, reviewStatus } = product
  return {
    ...product,
    price: unitsOf(priceMilli),
    currency: currency ?? null,
    retailerId: retailerId ?? null,
    url: url ?? null,
    imageUrl: imageUrl ?? null,
    reviewStatus: reviewStatus ?? null,
  }
}

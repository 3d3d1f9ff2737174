import { endpoints } from '@inbox-hub/contract'
import { expect, test } from 'vitest'

import { startHub } from './harness.ts'

const ana = '+12025550123'
const ben = '+12025550124'

test('what a business sells is read page by page, with its collections and the orders that its customers sent', async () => {
  await using hub = await startHub()
  const session = await hub.pairSession('support')
  const product = (id: string, priceMilli: number) => ({
    id,
    name: `Cake ${id}`,
    priceMilli,
    currency: 'EUR',
  })
  const products = [product('1', 12_500), product('2', 3_000), product('3', 990)]
  const items = products.slice(0, 2).map((each) => ({ product: each, quantity: 2 }))
  hub.emulator.phone(ana).profile.business({
    profile: { description: 'Cakes' },
    products,
    collections: [{ id: 'c1', name: 'Big ones', productIds: ['1', '2'] }],
    orders: [{ id: 'order-1', token: 'shown-to-both', items }],
  })
  const catalogue = (contactId: string, query: object = {}) =>
    hub.api.call(endpoints.getCatalogue, { params: { sessionId: 'support', contactId }, query: { ...query } })
  const first = await catalogue(ana, { limit: 2 })
  expect(first.products).toMatchObject([
    { id: '1', name: 'Cake 1', price: 12.5, currency: 'EUR', isHidden: false },
    { id: '2', price: 3 },
  ])
  const second = await catalogue(ana, { limit: 2, after: first.next })
  expect(second).toMatchObject({ products: [{ id: '3', price: 0.99 }], next: null })
  const { collections } = await hub.api.call(endpoints.getCollections, {
    params: { sessionId: 'support', contactId: ana },
  })
  expect(collections).toMatchObject([{ id: 'c1', name: 'Big ones', products: [{ id: '1' }, { id: '2' }] }])
  const order = (orderId: string, token: string) =>
    hub.api.call(endpoints.getOrder, { params: { sessionId: 'support', orderId }, query: { token } })
  expect((await order('order-1', 'shown-to-both')).order).toMatchObject({
    items: [
      { productId: '1', quantity: 2, price: 12.5 },
      { productId: '2', quantity: 2 },
    ],
    total: 31,
    currency: 'EUR',
  })
  await expect(order('order-1', 'guessed')).rejects.toMatchObject({ status: 404, code: 'ORDER_NOT_FOUND' })
  await expect(order('order-2', 'shown-to-both')).rejects.toMatchObject({ code: 'ORDER_NOT_FOUND' })
  await expect(catalogue(ben)).rejects.toMatchObject({ status: 409, code: 'NOT_A_BUSINESS' })
  await expect(catalogue(ana, { limit: 1000 })).rejects.toMatchObject({ code: 'VALIDATION_ERROR' })
  await hub.api.call(endpoints.disconnectSession, { params: { ref: 'support' } })
  await session.reaches('stopped')
  await expect(catalogue(ana)).rejects.toMatchObject({ code: 'SESSION_NOT_CONNECTED' })
})

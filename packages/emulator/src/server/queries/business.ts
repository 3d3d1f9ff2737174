import type { BinaryNode } from '../../baileys.ts'
import { child, childrenOf, children, node, textOf } from '../../stanza.ts'
import type { Account, Accounts } from '../account.ts'
import type { BusinessProfile, Product } from '../profile.ts'
import type { Profiles } from '../profiles.ts'
import { badRequest, forbidden, notFound, type Queries } from './query.ts'

/** `w:biz`, `w:biz:catalog` and `fb:thrift_iq`: profiles of businesses, their shops and orders. */
export function businessQueries({ accounts, profiles }: { accounts: Accounts; profiles: Profiles }): Queries {
  const shopOf = (jid: string | undefined) => accounts.find(jid ?? '')?.profile.business

  return {
    'w:biz get business_profile': (iq, asker) => {
      const jid = child(child(iq, 'business_profile'), 'profile')?.attrs['jid']
      const account = accounts.find(jid ?? '')
      account?.viewers.add(asker.account)
      const business = account?.profile.business
      return [
        node(
          'business_profile',
          {},
          business === undefined ? [] : [profileNode(jid ?? '', business.profile)],
        ),
      ]
    },
    'w:biz set business_profile': (iq, { account }) => {
      const { business } = account.profile
      if (business === undefined) return forbidden
      profiles.setBusiness(account, {
        ...business,
        profile: changed(business.profile, children(child(iq, 'business_profile'))),
      })
      return []
    },
    'w:biz:catalog get product_catalog': (iq) => {
      const query = child(iq, 'product_catalog')
      const business = shopOf(query?.attrs['jid'])
      if (business === undefined) return notFound
      const limit = Number(textOf(child(query, 'limit')) ?? 10)
      const from = Number(textOf(child(query, 'after')) ?? 0)
      if (!Number.isSafeInteger(limit) || limit < 1 || !Number.isSafeInteger(from)) return badRequest
      const page = business.products.slice(from, from + limit)
      const next = from + page.length
      const paging =
        next < business.products.length ? [node('paging', {}, [leaf('after', String(next))])] : []
      return [node('product_catalog', {}, [...page.map((product) => productNode(product)), ...paging])]
    },
    'w:biz:catalog get collections': (iq) => {
      const business = shopOf(child(iq, 'collections')?.attrs['biz_jid'])
      if (business === undefined) return notFound
      const collections = business.collections.map(({ id, name, productIds }) => {
        const products = business.products.filter((product) => productIds.includes(product.id))
        return node('collection', {}, [
          leaf('id', id),
          leaf('name', name),
          approved(),
          ...products.map((product) => productNode(product)),
        ])
      })
      return [node('collections', {}, collections)]
    },
    'fb:thrift_iq get order': (iq, { account }) => {
      const query = child(iq, 'order')
      const order = ordersOf(accounts, account).find(({ id }) => id === query?.attrs['id'])
      if (order === undefined) return notFound
      if (textOf(child(query, 'token')) !== order.token) return forbidden
      const [first] = order.items
      const total = order.items.reduce(
        (sum, { product, quantity }) => sum + (product.priceMilli ?? 0) * quantity,
        0,
      )
      return [
        node('order', { id: order.id, creation_ts: '1700000000' }, [
          ...order.items.map(({ product, quantity }) =>
            node('product', {}, [
              leaf('id', product.id),
              leaf('name', product.name),
              node('image', {}, [leaf('url', product.imageUrl ?? '')]),
              leaf('price', String(product.priceMilli ?? 0)),
              leaf('currency', product.currency ?? 'USD'),
              leaf('quantity', String(quantity)),
            ]),
          ),
          node('price', {}, [
            leaf('subtotal', String(total)),
            leaf('total', String(total)),
            leaf('currency', first?.product.currency ?? 'USD'),
          ]),
        ]),
      ]
    },
  }
}

/** Orders are between a shop and its customer: the token shows who may read one. */
function ordersOf(accounts: Accounts, own: Account) {
  return [own, ...accounts.all()].flatMap(({ profile }) => profile.business?.orders ?? [])
}

const leaf = (tag: string, text: string): BinaryNode => node(tag, {}, Buffer.from(text))
const approved = (): BinaryNode =>
  node('status_info', {}, [leaf('status', 'APPROVED'), leaf('can_appeal', 'false')])

function profileNode(jid: string, profile: BusinessProfile): BinaryNode {
  const { description, address, email, websites = [], category, hours } = profile
  return node('profile', { jid, tag: '1' }, [
    leaf('description', description),
    ...(address === undefined ? [] : [leaf('address', address)]),
    ...(email === undefined ? [] : [leaf('email', email)]),
    ...websites.map((website) => leaf('website', website)),
    ...(category === undefined
      ? []
      : [node('categories', {}, [node('category', { id: '1' }, Buffer.from(category))])]),
    ...(hours === undefined ? [] : [hoursNode(hours)]),
  ])
}

function hoursNode({ timezone, days }: NonNullable<BusinessProfile['hours']>): BinaryNode {
  return node(
    'business_hours',
    { timezone },
    days.map(({ day, mode, open, close }) =>
      node('business_hours_config', {
        day_of_week: day,
        mode,
        ...(open !== undefined && { open_time: String(open) }),
        ...(close !== undefined && { close_time: String(close) }),
      }),
    ),
  )
}

/** The profile after a delta: fields that are given replace what was there. */
function changed(profile: BusinessProfile, fields: readonly BinaryNode[]): BusinessProfile {
  const after: BusinessProfile = { ...profile }
  const websites = fields.filter(({ tag }) => tag === 'website').map((field) => textOf(field) ?? '')
  if (websites.length > 0) after.websites = websites.filter((website) => website !== '')
  for (const field of fields) {
    const text = textOf(field) ?? ''
    if (field.tag === 'description') after.description = text
    else if (field.tag === 'address') after.address = text
    else if (field.tag === 'email') after.email = text
    else if (field.tag === 'business_hours') {
      const days = childrenOf(field, 'business_hours_config').map(({ attrs }) => ({
        day: attrs['day_of_week'] ?? '',
        mode: attrs['mode'] as 'specific_hours', // clients send one of the three
        ...(attrs['open_time'] !== undefined && { open: Number(attrs['open_time']) }),
        ...(attrs['close_time'] !== undefined && { close: Number(attrs['close_time']) }),
      }))
      after.hours = { timezone: field.attrs['timezone'] ?? 'UTC', days }
    }
  }
  return after
}

function productNode(product: Product): BinaryNode {
  const { id, name, description, priceMilli, currency, retailerId, url, imageUrl, isHidden } = product
  return node('product', isHidden === true ? { is_hidden: 'true' } : {}, [
    leaf('id', id),
    leaf('name', name),
    node('media', {}, [
      node('image', {}, [
        leaf('id', `${id}-1`),
        leaf('request_image_url', imageUrl ?? ''),
        leaf('original_image_url', imageUrl ?? ''),
      ]),
    ]),
    approved(),
    ...(description === undefined ? [] : [leaf('description', description)]),
    ...(retailerId === undefined ? [] : [leaf('retailer_id', retailerId)]),
    ...(url === undefined ? [] : [leaf('url', url)]),
    ...(priceMilli === undefined ? [] : [leaf('price', String(priceMilli))]),
    ...(currency === undefined ? [] : [leaf('currency', currency)]),
  ])
}

import type { BinaryNode } from '../baileys.ts'
import { getBinaryNodeChild, getBinaryNodeChildren } from '../baileys.ts'

import type { Jid } from '@inbox-hub/whatsapp'

import { textOf } from './people.ts'

/** When a business is open, by day. Times are minutes since midnight in `timezone`. */
export interface BusinessHours {
  timezone: string
  days: readonly {
    /** `mon` to `sun`. */
    day: string
    mode: string
    open: number | undefined
    close: number | undefined
  }[]
}

/** What a business shows of itself; '' and empty lists where it shows nothing. */
export interface BusinessProfile {
  description: string
  address: string
  email: string
  websites: readonly string[]
  category: string
  hours: BusinessHours | undefined
}

/** A product of a catalogue. `priceMilli`: thousandths of the currency's unit, as WhatsApp counts. */
export interface CatalogueProduct {
  id: string
  name: string
  description: string
  priceMilli: number | undefined
  currency: string | undefined
  retailerId: string | undefined
  url: string | undefined
  imageUrl: string | undefined
  isHidden: boolean
  reviewStatus: string | undefined
}

export interface OrderDetails {
  items: readonly {
    productId: string
    name: string
    imageUrl: string | undefined
    priceMilli: number | undefined
    currency: string | undefined
    quantity: number
  }[]
  totalMilli: number | undefined
  currency: string | undefined
}

/** What can be asked about WhatsApp Business accounts. Rejections are those of `PeopleCalls`. */
export interface BusinessCalls {
  /** Undefined: it is no business. */
  profile(jid: Jid): Promise<BusinessProfile | undefined>
  /** Changes the account's own; what is left out stays. */
  update(
    changes: Partial<Pick<BusinessProfile, 'description' | 'address' | 'email' | 'websites' | 'hours'>>,
  ): Promise<void>
  catalogue(
    jid: Jid,
    page: { limit: number; after: string | undefined },
  ): Promise<{ products: readonly CatalogueProduct[]; next: string | undefined }>
  collections(
    jid: Jid,
    limit: number,
  ): Promise<
    readonly { id: string; name: string; status: string | undefined; products: readonly CatalogueProduct[] }[]
  >
  /** The token came with the order, in the message. */
  order(id: string, token: string): Promise<OrderDetails>
}

const server = 's.whatsapp.net'
/** Pixels of the pictures in the answer. */
const imageSize = '600'

const leaf = (tag: string, text: string): BinaryNode => ({ tag, attrs: {}, content: Buffer.from(text) })
const textIn = (node: BinaryNode | undefined, tag: string): string | undefined => {
  const text = textOf(node === undefined ? undefined : getBinaryNodeChild(node, tag))
  return text === '' ? undefined : text
}
function numberIn(node: BinaryNode | undefined, tag: string): number | undefined {
  const text = textIn(node, tag)
  const value = Number(text)
  return text === undefined || !Number.isSafeInteger(value) || value < 0 ? undefined : value
}

/** Sources: baileys Socket/business.js, Socket/chats.js (`getBusinessProfile`), Utils/business.js. */
export function businessCalls(ask: (node: BinaryNode) => Promise<BinaryNode>): BusinessCalls {
  const query = (xmlns: string, type: 'get' | 'set', child: BinaryNode, more: BinaryNode['attrs'] = {}) =>
    ask({ tag: 'iq', attrs: { to: server, type, xmlns, ...more }, content: [child] })

  return {
    async profile(jid) {
      const wanted = { tag: 'profile', attrs: { jid } }
      const answer = await query('w:biz', 'get', {
        tag: 'business_profile',
        attrs: { v: '244' },
        content: [wanted],
      })
      const profile = getBinaryNodeChild(getBinaryNodeChild(answer, 'business_profile'), 'profile')
      return profile === undefined ? undefined : profileIn(profile)
    },
    async update({ description, address, email, websites, hours }) {
      const content = [
        ...(address === undefined ? [] : [leaf('address', address)]),
        ...(email === undefined ? [] : [leaf('email', email)]),
        ...(description === undefined ? [] : [leaf('description', description)]),
        // An empty one takes them all away.
        ...(websites === undefined
          ? []
          : (websites.length === 0 ? [''] : websites).map((site) => leaf('website', site))),
        ...(hours === undefined ? [] : [hoursNode(hours)]),
      ]
      const attrs = { v: '3', mutation_type: 'delta' }
      await query('w:biz', 'set', { tag: 'business_profile', attrs, content })
    },
    async catalogue(jid, { limit, after }) {
      const content = [
        leaf('limit', String(limit)),
        leaf('width', imageSize),
        leaf('height', imageSize),
        ...(after === undefined ? [] : [leaf('after', after)]),
      ]
      const attrs = { jid, allow_shop_source: 'true' }
      const answer = await query('w:biz:catalog', 'get', { tag: 'product_catalog', attrs, content })
      const catalogue = getBinaryNodeChild(answer, 'product_catalog')
      const products = catalogue === undefined ? [] : getBinaryNodeChildren(catalogue, 'product')
      const paging = catalogue === undefined ? undefined : getBinaryNodeChild(catalogue, 'paging')
      return { products: products.flatMap(productIn), next: textIn(paging, 'after') }
    },
    async collections(jid, limit) {
      const content = [
        leaf('collection_limit', String(limit)),
        leaf('item_limit', String(limit)),
        leaf('width', imageSize),
        leaf('height', imageSize),
      ]
      const asked = { tag: 'collections', attrs: { biz_jid: jid }, content }
      const answer = await query('w:biz:catalog', 'get', asked, { smax_id: '35' })
      const list = getBinaryNodeChild(answer, 'collections')
      const collections = list === undefined ? [] : getBinaryNodeChildren(list, 'collection')
      return collections.map((collection) => ({
        id: textIn(collection, 'id') ?? '',
        name: textIn(collection, 'name') ?? '',
        status: textIn(getBinaryNodeChild(collection, 'status_info'), 'status'),
        products: getBinaryNodeChildren(collection, 'product').flatMap(productIn),
      }))
    },
    async order(id, token) {
      const size = {
        tag: 'image_dimensions',
        attrs: {},
        content: [leaf('width', imageSize), leaf('height', imageSize)],
      }
      const asked = { tag: 'order', attrs: { op: 'get', id }, content: [size, leaf('token', token)] }
      const answer = await query('fb:thrift_iq', 'get', asked, { smax_id: '5' })
      const order = getBinaryNodeChild(answer, 'order')
      const price = order === undefined ? undefined : getBinaryNodeChild(order, 'price')
      return {
        items: (order === undefined ? [] : getBinaryNodeChildren(order, 'product')).map((product) => ({
          productId: textIn(product, 'id') ?? '',
          name: textIn(product, 'name') ?? '',
          imageUrl: textIn(getBinaryNodeChild(product, 'image'), 'url'),
          priceMilli: numberIn(product, 'price'),
          currency: textIn(product, 'currency'),
          quantity: numberIn(product, 'quantity') ?? 0,
        })),
        totalMilli: numberIn(price, 'total'),
        currency: textIn(price, 'currency'),
      }
    },
  }
}

function profileIn(profile: BinaryNode): BusinessProfile {
  const hours = getBinaryNodeChild(profile, 'business_hours')
  const websites = getBinaryNodeChildren(profile, 'website').map((site) => textOf(site) ?? '')
  return {
    description: textIn(profile, 'description') ?? '',
    address: textIn(profile, 'address') ?? '',
    email: textIn(profile, 'email') ?? '',
    websites: websites.filter((site) => site !== ''),
    category: textIn(getBinaryNodeChild(profile, 'categories'), 'category') ?? '',
    hours: hours === undefined ? undefined : hoursIn(hours),
  }
}

function hoursIn(hours: BinaryNode): BusinessHours {
  const minutes = (text: string | undefined): number | undefined => {
    const value = Number(text)
    return text === undefined || !Number.isSafeInteger(value) ? undefined : value
  }
  return {
    timezone: hours.attrs['timezone'] ?? '',
    days: getBinaryNodeChildren(hours, 'business_hours_config').map(({ attrs }) => ({
      day: attrs['day_of_week'] ?? '',
      mode: attrs['mode'] ?? '',
      open: minutes(attrs['open_time']),
      close: minutes(attrs['close_time']),
    })),
  }
}

function hoursNode({ timezone, days }: BusinessHours): BinaryNode {
  return {
    tag: 'business_hours',
    attrs: { timezone },
    content: days.map(({ day, mode, open, close }) => ({
      tag: 'business_hours_config',
      attrs: {
        day_of_week: day,
        mode,
        ...(open !== undefined && { open_time: String(open) }),
        ...(close !== undefined && { close_time: String(close) }),
      },
    })),
  }
}

function productIn(product: BinaryNode): CatalogueProduct[] {
  const id = textIn(product, 'id')
  if (id === undefined) return []
  const image = getBinaryNodeChild(getBinaryNodeChild(product, 'media'), 'image')
  return [
    {
      id,
      name: textIn(product, 'name') ?? '',
      description: textIn(product, 'description') ?? '',
      priceMilli: numberIn(product, 'price'),
      currency: textIn(product, 'currency'),
      retailerId: textIn(product, 'retailer_id'),
      url: textIn(product, 'url'),
      imageUrl: textIn(image, 'original_image_url') ?? textIn(image, 'request_image_url'),
      isHidden: product.attrs['is_hidden'] === 'true',
      reviewStatus: textIn(getBinaryNodeChild(product, 'status_info'), 'status'),
    },
  ]
}

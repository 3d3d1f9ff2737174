/** What an account shows of itself. Times are Unix ms. */
export interface Profile {
  about: { text: string; at: number }
  picture: Picture | undefined
  /** How long messages of new chats stay. */
  disappearing: { seconds: number; at: number }
  /** Undefined: it is no business. */
  business: Business | undefined
}

/** A picture on the media host. */
export interface Picture {
  readonly id: string
  readonly url: string
}

export interface BusinessProfile {
  description: string
  address?: string
  email?: string
  websites?: readonly string[]
  category?: string
  hours?: {
    timezone: string
    /** Minutes since midnight, of `specific_hours`. */
    days: readonly {
      day: string
      mode: 'open_24h' | 'specific_hours' | 'appointment_only'
      open?: number
      close?: number
    }[]
  }
}

export interface Product {
  id: string
  name: string
  description?: string
  /** In thousandths of the currency's unit, as WhatsApp counts. */
  priceMilli?: number
  currency?: string
  retailerId?: string
  url?: string
  imageUrl?: string
  isHidden?: boolean
}

export interface Order {
  id: string
  token: string
  items: readonly { product: Product; quantity: number }[]
}

/** A shop, beside its profile. */
export interface Business {
  profile: BusinessProfile
  products: readonly Product[]
  collections: readonly { id: string; name: string; productIds: readonly string[] }[]
  orders: readonly Order[]
}

export const emptyProfile = (): Profile => ({
  about: { text: '', at: 0 },
  picture: undefined,
  disappearing: { seconds: 0, at: 0 },
  business: undefined,
})

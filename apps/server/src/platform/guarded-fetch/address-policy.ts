import ipaddr from 'ipaddr.js'

type Address = ipaddr.IPv4 | ipaddr.IPv6

/** What OUTBOUND_ALLOW_CIDRS opens besides the public internet on its usual ports. */
export interface Allowed {
  /** Networks that may be called, on any port. */
  readonly networks: readonly [Address, number][]
  /** Ports that may be called at public addresses, besides 80 and 443. */
  readonly ports: ReadonlySet<number>
}

export const nothingAllowed: Allowed = { networks: [], ports: new Set() }

/**
 * Reads `10.0.0.0/8, 192.168.1.20, fd00::/8, :8443`: networks or single addresses, and ports after a colon. Answers the entry that cannot
 * be read instead, when there is one.
 */
export function parseAllowed(text: string): Allowed | { readonly unreadable: string } {
  const networks: [Address, number][] = []
  const ports = new Set<number>()
  for (const entry of text.split(',').map((part) => part.trim())) {
    if (entry === '') continue
    const port = /^:(\d{1,5})$/.exec(entry)?.[1]
    if (port !== undefined) {
      if (Number(port) < 1 || Number(port) > 65_535) return { unreadable: entry }
      ports.add(Number(port))
      continue
    }
    const network = parseNetwork(entry)
    if (network === undefined) return { unreadable: entry }
    networks.push(network)
  }
  return { networks, ports }
}

function parseNetwork(text: string): [Address, number] | undefined {
  // `parseCIDR` and `parse` alone also read 10.1 and 0x7f000001; four decimal parts are what people mean.
  if (text.includes('/')) {
    const address = text.split('/', 1)[0] ?? ''
    return ipaddr.isValidCIDR(text) && isPlain(address) ? ipaddr.parseCIDR(text) : undefined
  }
  if (!isPlain(text)) return undefined
  const address = ipaddr.parse(text)
  return [address, address.kind() === 'ipv4' ? 32 : 128]
}

function isPlain(address: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(address) || ipaddr.IPv6.isValid(address)
}

/**
 * Why this address may not be called; undefined when it may. Public means global unicast by the IANA special-purpose registries
 * (https://www.iana.org/assignments/iana-ipv4-special-registry, iana-ipv6-special-registry), also for the IPv4 address inside
 * an IPv6 one: the network may hand it on to its own inside.
 */
export function refusal(address: string, port: number, allowed: Allowed): string | undefined {
  if (!ipaddr.isValid(address)) return `${address} is not an address`
  const parsed = withoutMapping(ipaddr.parse(address))
  if (allowed.networks.some((network) => contains(network, parsed))) return undefined
  if (!isPublic(parsed)) {
    return `${address} is not a public address; an operator may allow it in OUTBOUND_ALLOW_CIDRS`
  }
  if (port !== 80 && port !== 443 && !allowed.ports.has(port)) {
    return `port ${port} is not 80 or 443; an operator may allow it with :${port} in OUTBOUND_ALLOW_CIDRS`
  }
  return undefined
}

function contains([network, bits]: [Address, number], address: Address): boolean {
  const unmapped = withoutMapping(network)
  const unmappedBits = unmapped === network ? bits : Math.max(0, bits - 96)
  return unmapped.kind() === address.kind() && address.match(unmapped, unmappedBits)
}

/** ::ffff:10.0.0.1 is 10.0.0.1 written otherwise: the kernel calls the same host. */
function withoutMapping(address: Address): Address {
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() ? address.toIPv4Address() : address
}

function isPublic(address: Address): boolean {
  if (address instanceof ipaddr.IPv4) return isPublicV4(address)
  // NAT64 (RFC 6052): networks without IPv4 reach all of it through here, theirs and ours.
  if (address.match(nat64, 96)) return isPublicV4(new ipaddr.IPv4(address.toByteArray().slice(12)))
  return address.match(globalUnicast, 3) && !specialV6.some(([network, bits]) => address.match(network, bits))
}

function isPublicV4(address: ipaddr.IPv4): boolean {
  return address.range() === 'unicast' && !specialV4.some(([network, bits]) => address.match(network, bits))
}

const v4 = (cidr: string) => ipaddr.IPv4.parseCIDR(cidr)
const v6 = (cidr: string) => ipaddr.IPv6.parseCIDR(cidr)

/** What is special beyond the ranges ipaddr.js knows by name, or may one day not know any more. */
const specialV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10', // carrier-grade NAT; 100.100.100.200 tells secrets of machines at Alibaba
  '127.0.0.0/8',
  '168.63.129.16/32', // tells secrets of machines at Azure
  '169.254.0.0/16', // 169.254.169.254 tells secrets of machines elsewhere
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
].map(v4)

const [globalUnicast] = v6('2000::/3')
const [nat64] = v6('64:ff9b::/96')
/** Inside 2000::/3. */
const specialV6 = [
  '2001::/23', // protocol assignments: Teredo (an IPv4 address inside), benchmarking, ORCHID
  '2001:db8::/32',
  '2002::/16', // 6to4: an IPv4 address inside
  '3fff::/20',
].map(v6)

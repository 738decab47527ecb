import { isIPv4, isIPv6 } from 'node:net'

/**
 * What counts as one client among IP addresses: an IPv4 address however it is written (`::ffff:192.0.2.1`), an IPv6 network of
 * 64 bits, which is the least that one customer gets and within which it has 2**64 addresses to take. Anything else, such as
 * a name, stands for itself.
 */
export function clientOf(address: string): string {
  if (isIPv4(address)) return address
  const bare = address.replace(/^\[(.*)\]$/, '$1')
  if (!isIPv6(bare)) return address
  const groups = groupsOf(bare)
  const [first = 0, second = 0] = groups
  const prefix = groups.slice(0, 6).join(':')
  // Mapped (RFC 4291), translated by NAT64 (RFC 6052), tunnelled by 6to4 (RFC 3056): an IPv4 client each.
  if (prefix === '0:0:0:0:0:65535' || prefix === `${0x64}:${0xff9b}:0:0:0:0`) return quad(groups[6], groups[7])
  if (first === 0x2002) return quad(second, groups[2])
  // Every machine of a link has the same first 64 bits there; and ::1 is no network.
  const isWhole = (first & 0xffc0) === 0xfe80 || groups.slice(0, 4).every((group) => group === 0)
  const kept = (isWhole ? groups : groups.slice(0, 4)).map((group) => group.toString(16)).join(':')
  return isWhole ? kept + (/%.*/.exec(bare)?.[0] ?? '') : `${kept}::/64`
}

/** Whether a client, as `clientOf` names it, is this machine. */
export function isLoopback(client: string): boolean {
  return client.startsWith('127.') || client === '0:0:0:0:0:0:0:1'
}

/** The eight groups of 16 bits. */
function groupsOf(address: string): number[] {
  const text = address.replace(/%.*/, '').replace(/\d+\.\d+\.\d+\.\d+$/, (last) => {
    const [a = 0, b = 0, c = 0, d = 0] = last.split('.').map(Number)
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  })
  const [head = '', tail] = text.split('::')
  const parse = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16))
  const [left, right] = [parse(head), parse(tail ?? '')]
  return tail === undefined ? left : [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right]
}

function quad(high = 0, low = 0): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

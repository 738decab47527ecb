// A packet down to its TCP segment: link, IPv4 or IPv6, TCP.

import type { Packet } from './packets.ts'

/** What one packet carries of a TCP connection. */
export interface Segment {
  at: number
  /** `127.0.0.1:7000`, `[::1]:7000`. */
  from: string
  to: string
  fromPort: number
  toPort: number
  seq: number
  syn: boolean
  ack: boolean
  fin: boolean
  rst: boolean
  bytes: Buffer
}

const IPV4 = 0x0800
const IPV6 = 0x86dd
const VLAN = new Set([0x8100, 0x88a8, 0x9100])

/** The network protocol of a packet and where it begins, by the type of its link. */
function network(linkType: number, bytes: Buffer): [protocol: number, start: number] | undefined {
  const byVersion = (start: number): [number, number] | undefined => {
    const version = (bytes[start] ?? 0) >> 4
    return version === 4 ? [IPV4, start] : version === 6 ? [IPV6, start] : undefined
  }
  switch (linkType) {
    case 0: // Loopback of BSD, its family in the order of the machine.
    case 108:
      return byVersion(4)
    case 1: {
      let at = 12
      while (at + 2 <= bytes.length && VLAN.has(bytes.readUInt16BE(at))) at += 4
      return at + 2 <= bytes.length ? [bytes.readUInt16BE(at), at + 2] : undefined
    }
    case 12: // Raw IP, as several systems number it.
    case 14:
    case 101:
    case 228:
    case 229:
      return byVersion(0)
    case 113:
      return bytes.length >= 16 ? [bytes.readUInt16BE(14), 16] : undefined
    case 276:
      return bytes.length >= 20 ? [bytes.readUInt16BE(0), 20] : undefined
    default:
      return undefined
  }
}

/** Undefined for what is no TCP, or a fragment. */
export function segmentOf({ at, linkType, bytes }: Packet): Segment | undefined {
  const [protocol, start] = network(linkType, bytes) ?? []
  if (start === undefined) return undefined
  if (protocol === IPV4 && bytes.length >= start + 20) {
    const size = ((bytes[start] as number) & 15) * 4
    const fragment = bytes.readUInt16BE(start + 6) & 0x3fff // More fragments, or a place after the first.
    if (bytes[start + 9] !== 6 || fragment !== 0) return undefined
    const total = bytes.readUInt16BE(start + 2) || bytes.length - start // 0: left to the network card.
    const address = (offset: number) => bytes.subarray(start + offset, start + offset + 4).join('.')
    return tcp(at, bytes, start + size, start + total, address(12), address(16))
  }
  if (protocol === IPV6 && bytes.length >= start + 40) {
    const end = start + 40 + (bytes.readUInt16BE(start + 4) || bytes.length - start - 40)
    const address = (offset: number) => `[${ipv6(bytes.subarray(start + offset, start + offset + 16))}]`
    let next = bytes[start + 6]
    let pos = start + 40
    // Hop-by-hop, routing and destination options stand before it.
    while ((next === 0 || next === 43 || next === 60) && pos + 2 <= bytes.length) {
      next = bytes[pos]
      pos += ((bytes[pos + 1] as number) + 1) * 8
    }
    return next === 6 ? tcp(at, bytes, pos, end, address(8), address(24)) : undefined
  }
  return undefined
}

function tcp(at: number, packet: Buffer, start: number, end: number, from: string, to: string): Segment | undefined {
  if (packet.length < start + 20) return undefined
  const [fromPort, toPort] = [packet.readUInt16BE(start), packet.readUInt16BE(start + 2)]
  const flags = packet[start + 13] as number
  const first = start + ((packet[start + 12] as number) >> 4) * 4
  return {
    ...{ at, fromPort, toPort, from: `${from}:${fromPort}`, to: `${to}:${toPort}` },
    seq: packet.readUInt32BE(start + 4),
    ...{ fin: (flags & 1) > 0, syn: (flags & 2) > 0, rst: (flags & 4) > 0, ack: (flags & 16) > 0 },
    bytes: packet.subarray(first, Math.min(end, packet.length)), // After `end` Ethernet pads.
  }
}

function ipv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16))
  return groups.join(':').replace(/(?:^|:)0(?::0)+(?::|$)/, '::')
}

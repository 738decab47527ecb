// What bytes are that were taken for frames: said beside a fault in the first of them.

const ascii = (bytes: Uint8Array, start: number, end: number): string =>
  String.fromCharCode(...bytes.subarray(start, Math.min(end, bytes.length)))

const startsWith = (bytes: Uint8Array, ...values: number[]): boolean =>
  bytes.length >= values.length && values.every((value, i) => bytes[i] === value)

/** Formats by their first bytes, and what to do about each. */
const FORMATS: readonly [is: (bytes: Uint8Array) => boolean, text: string][] = [
  [
    (bytes) => (bytes[0] ?? 0) >= 0x14 && (bytes[0] ?? 0) <= 0x18 && bytes[1] === 3 && (bytes[2] ?? 9) <= 4,
    'TLS: take it off first (--tls to speak it; a tap sees inside with --listen-cert and --tls)',
  ],
  [(bytes) => ascii(bytes, 0, 14) === 'PRI * HTTP/2.0', 'HTTP/2 (gRPC speaks it): its frames are not these'],
  [
    (bytes) => /^(?:GET|POST|PUT|HEAD|DELETE|OPTIONS|PATCH|CONNECT) \S|^HTTP\/1\.[01] /.test(ascii(bytes, 0, 16)),
    'HTTP/1: frames may stand in its bodies, or after an upgrade',
  ],
  [(bytes) => startsWith(bytes, 0x1f, 0x8b), 'gzip: unpack it first'],
  [(bytes) => startsWith(bytes, 0x28, 0xb5, 0x2f, 0xfd), 'zstd: unpack it first'],
  [(bytes) => startsWith(bytes, 0x50, 0x4b, 3, 4), 'a ZIP archive: unpack it first'],
  [(bytes) => startsWith(bytes, 0x0a, 0x0d, 0x0d, 0x0a), 'a pcapng capture'],
  [(bytes) => [0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1].includes(first32(bytes)), 'a pcap capture'],
  [(bytes) => ascii(bytes, 0, 4) === 'SSH-', 'SSH'],
  [(bytes) => startsWith(bytes, 0x7f, 0x45, 0x4c, 0x46), 'a program (ELF)'],
  [(bytes) => startsWith(bytes, 0x89, 0x50, 0x4e, 0x47) || startsWith(bytes, 0xff, 0xd8, 0xff), 'a picture'],
  [(bytes) => ascii(bytes, 0, 5) === '%PDF-', 'a PDF'],
  [(bytes) => ascii(bytes, 0, 15) === 'SQLite format 3', 'a database of SQLite'],
  [(bytes) => startsWith(bytes, 0xfd, 0x37, 0x7a, 0x58), 'xz: unpack it first'],
  [(bytes) => ascii(bytes, 0, 3) === 'BZh', 'bzip2: unpack it first'],
  [(bytes) => /^\s*\{"/.test(ascii(bytes, 0, 16)), 'JSON'],
]

/** Frames of other layouts, by theirs. */
const LAYOUTS: typeof FORMATS = [
  [(bytes) => startsWith(bytes, 0x2e, 0xa7, 0xd9, 0x0b), "Syncthing's protocol: --header syncthing"],
  [(bytes) => ascii(bytes, 6, 15) === 'OSMHeader', 'a file of OpenStreetMap: --header osmpbf'],
  [(bytes) => ascii(bytes, 0, 4) === 'PRPC', 'brpc: --header brpc'],
  [(bytes) => ascii(bytes, 0, 4) === 'hrpc', 'the RPC of Hadoop or Kudu: --header hadoop or kudu'],
  [(bytes) => ascii(bytes, 0, 4) === 'HBas', 'the RPC of HBase: --header hbase'],
]

const first32 = (bytes: Uint8Array): number =>
  bytes.length < 4
    ? 0
    : (((bytes[0] as number) << 24) |
        ((bytes[1] as number) << 16) |
        ((bytes[2] as number) << 8) |
        (bytes[3] as number)) >>>
      0

/** What the first bytes of a stream are, if it is something known that is no frame. */
export const recognise = (bytes: Uint8Array): string | undefined => FORMATS.find(([is]) => is(bytes))?.[1]

/** Only so far into a stream a fault may mean that the header is another one. */
const FIRST_FRAMES = 3
const SHOWN_BYTES = 16

/** What else a fault in one of the first frames may mean: the bytes themselves, and what they may be. Empty for a later one. */
export function hint(index: number, offset: number, bytes: Uint8Array, layout: string): string {
  if (index >= FIRST_FRAMES || bytes.length === 0) return ''
  const known = offset === 0 ? (recognise(bytes) ?? LAYOUTS.find(([is]) => is(bytes))?.[1]) : undefined
  if (known !== undefined) return ` These bytes are ${known}.`
  const shown = Array.from(bytes.subarray(0, SHOWN_BYTES), (byte) => byte.toString(16).padStart(2, '0')).join(' ')
  return ` The frame begins ${shown}${bytes.length > SHOWN_BYTES ? ' …' : ''}: or the header is another one than '${layout}' (qbp guess finds it).`
}

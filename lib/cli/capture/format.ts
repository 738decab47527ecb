/** What a file holds: frames as they are, or something that holds them. */
export type Format = 'raw' | 'tap' | 'pcap' | 'pcapng' | 'gzip' | 'hex' | 'base64'

/** The names that `--format` takes. */
export const FORMATS = ['raw', 'tap', 'pcap', 'pcapng', 'gzip', 'hex', 'base64'] as const satisfies readonly Format[]

/** Text is looked at so far before it is taken for hex or base64. */
const TEXT_BYTES = 512

const MAGIC: readonly [Format, readonly number[]][] = [
  ['gzip', [0x1f, 0x8b, 0x08]],
  ['pcap', [0xa1, 0xb2, 0xc3, 0xd4]],
  ['pcap', [0xd4, 0xc3, 0xb2, 0xa1]],
  ['pcap', [0xa1, 0xb2, 0x3c, 0x4d]],
  ['pcap', [0x4d, 0x3c, 0xb2, 0xa1]],
  ['pcapng', [0x0a, 0x0d, 0x0d, 0x0a]],
]

/**
 * What a file's first bytes say it is; undefined while more of them are needed. It decides as early as it can: frames that
 * come one at a time through a pipe are not held up, unless they begin as one of the others does.
 */
export function formatOf(bytes: Uint8Array, ended: boolean): Format | undefined {
  for (const [format, magic] of MAGIC) {
    const same = magic.every((value, i) => bytes[i] === value || i >= bytes.length)
    if (same && bytes.length >= magic.length) return format
    if (same && !ended) return undefined
  }
  if (!bytes.every(isText)) return 'raw'
  if (bytes.length < TEXT_BYTES && !ended) return undefined
  return textFormat(new TextDecoder().decode(bytes), ended)
}

const isText = (byte: number): boolean =>
  (byte >= 0x20 && byte < 0x7f) || byte === 0x0a || byte === 0x0d || byte === 0x09

function textFormat(text: string, whole: boolean): Format {
  if (/^\s*\{"recording":/.test(text)) return 'tap'
  if (DUMP_LINE.test(text)) return 'hex'
  const bare = text.replaceAll(/^#.*$|\s/gm, '')
  const digits = bare.replaceAll(/0x|[:,]/g, '')
  if (digits.length >= 2 && /^[\da-f]+$/i.test(digits) && (!whole || digits.length % 2 === 0)) return 'hex'
  if (
    bare.length >= 4 &&
    /^[\w+/-]+={0,2}$/.test(bare) &&
    !/\S[ \t]+\S/.test(text) &&
    (!whole || bare.length % 4 !== 1)
  )
    return 'base64'
  return 'raw'
}

/** A line of xxd, `hexdump -C`, od or Wireshark: where it stands, then bytes. */
export const DUMP_LINE = /^\s*(?<offset>[\da-f]{4,16})(?::\s?| {2,3})(?<rest>[\da-f]{2}[\da-f ]*(?:\s.*)?)$/im

import { now } from '../../event-loop/clock.ts'
import type { Entry } from '../contract.ts'
import type { Logged, SavedLog } from './log.ts'
import type { SavedEntry } from './table.ts'

// What stands in a hub's file, before its SHA-256:
//
//   "qbp-hub 1\n"  record …         record = headLength:u32 bodyLength:u32 head body
//
// A head is JSON. One with `key` is an entry of the store, whose value is the body; one with `channel` begins a log; one with `at` alone is
// a frame of the log begun last. Times are those of the wall clock, in ms: they outlive the process.

/** What is kept of a hub. */
export interface Contents {
  readonly entries: readonly SavedEntry[]
  readonly logs: readonly (SavedLog & { readonly kind: string | undefined; readonly channel: string })[]
}

const MAGIC = Buffer.from('qbp-hub 1\n')
const NOTHING = new Uint8Array(0)

/** Bytes in parts, with the oldest frames left out as far as `maxBytes` asks for it. */
export function writeContents({ entries, logs }: Contents, maxBytes: number): { parts: Uint8Array[]; size: number } {
  const [clock, wall] = [now(), Date.now()]
  const fixed = [MAGIC as Uint8Array]
  for (const { entry, leftMs } of entries) {
    const { key, value, revision } = entry
    fixed.push(...record({ key, epoch: revision.epoch, offset: `${revision.offset}`, endsAt: wall + leftMs }, value))
  }
  const begun = logs.map(({ frames, base, lives, ...log }) => ({
    frames: frames.map(({ frame, at }) => ({ at, parts: record({ at: wall - (clock - at) }, frame) })),
    head: (left: number) =>
      record(
        { ...log, base: `${base + BigInt(left)}`, lives: lives.map(({ from, mark }) => [`${from}`, mark]) },
        NOTHING,
      ),
  }))
  const heads = begun.reduce((sum, { head, frames }) => sum + sizeOf(head(frames.length)), 0)
  const since = youngest(
    begun.flatMap(({ frames }) => frames.map(({ at, parts }) => ({ at, size: sizeOf(parts) }))),
    maxBytes - sizeOf(fixed) - heads,
  )
  const parts = fixed
  for (const { head, frames } of begun) {
    const kept = frames.filter(({ at }) => at >= since)
    parts.push(...head(frames.length - kept.length))
    for (const frame of kept) parts.push(...frame.parts)
  }
  return { parts, size: sizeOf(parts) }
}

/** @throws for bytes that `writeContents` has not made. */
export function readContents(bytes: Buffer): Contents {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw new Error('another file')
  const [clock, wall] = [now(), Date.now()]
  const entries: SavedEntry[] = []
  const logs: (Contents['logs'][number] & { frames: Logged[] })[] = []
  for (let at = MAGIC.length; at < bytes.length; ) {
    const start = at + 8
    const end = start + bytes.readUInt32BE(at)
    const body = Buffer.from(bytes.subarray(end, end + bytes.readUInt32BE(at + 4))) // Not a view, which would keep the whole file.
    const head = JSON.parse(bytes.toString('utf8', start, end))
    at = end + body.length
    if (head.key !== undefined) {
      const revision = { epoch: head.epoch, offset: BigInt(head.offset) }
      const entry: Entry = { key: head.key, value: body, revision }
      entries.push({ entry, leftMs: head.endsAt - wall })
    } else if (head.channel === undefined) {
      const logged = { frame: body, by: undefined, at: clock - (wall - head.at), isTrimmed: false }
      ;(logs.at(-1) as { frames: Logged[] }).frames.push(logged)
    } else {
      const { kind, channel, epoch, base, lives } = head
      const life = ([from, mark]: [string, string]) => ({ from: BigInt(from), mark })
      logs.push({ kind, channel, epoch, base: BigInt(base), lives: lives.map(life), frames: [] })
    }
  }
  return { entries, logs }
}

function record(head: object, body: Uint8Array): Uint8Array[] {
  const text = Buffer.from(JSON.stringify(head))
  const lengths = Buffer.allocUnsafe(8)
  lengths.writeUInt32BE(text.length)
  lengths.writeUInt32BE(body.length, 4)
  return [lengths, text, body]
}

function sizeOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0)
}

/** The time from which on frames fit into so many bytes. */
function youngest(frames: { readonly at: number; readonly size: number }[], bytes: number): number {
  frames.sort((a, b) => b.at - a.at)
  let left = bytes
  for (const [i, { size }] of frames.entries()) {
    left -= size
    // All of one moment or none, lest a log lose one from its middle.
    if (left < 0) return frames.slice(0, i).findLast(({ at }) => at > (frames[i]?.at ?? 0))?.at ?? Infinity
  }
  return -Infinity
}

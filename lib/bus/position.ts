import { QbpError } from '../base/errors.ts'
import { shown } from '../base/shown.ts'
import { checkInteger, MOST_LAST } from './bus-options.ts'
import type { Position } from './contract.ts'

const EPOCH = /^[A-Za-z0-9_-]{1,64}$/
const MARK = /^[A-Za-z0-9_-]{1,40}$/
const TEXT = /^([A-Za-z0-9_-]{1,64})\.(0|[1-9][0-9]{0,18})(?:-([A-Za-z0-9_-]{1,40}))?$/
const MAX_OFFSET = 2n ** 63n - 1n
/** Stands before a position's text, where it is one among bytes. */
const LONG = '\xff'
const MAX_TEXT = 126
/** The epoch of a position that came as bytes. */
export const ANY_EPOCH = '_'
/** Begins the mark of a place where nothing stood yet. It is followed by a time, and short, unlike a mark of that beginning that is a name. */
const TIME = '-'
const MAX_TIME = 12

/** A position as text of at most 125 characters, to hand to a client: `<epoch>.<offset>-<mark>`, or without a mark where there is none. */
export function formatPosition({ epoch, offset, mark }: Position): string {
  return mark === undefined ? `${epoch}.${offset}` : `${epoch}.${offset}-${mark}`
}

/**
 * A position from the text that {@link formatPosition} made. The text comes from a peer: one that names no place in the log
 * leads to a gap, not to a fault.
 *
 * @throws {QbpError} ERR_QBP_INVALID_BODY for any other text: what the peer has sent is no position.
 */
export function parsePosition(text: string): Position {
  const [, epoch, offset, mark] = TEXT.exec(text) ?? []
  const value = BigInt(offset ?? 0)
  if (epoch === undefined || offset === undefined || value > MAX_OFFSET) {
    const found = typeof text === 'string' ? JSON.stringify(text.slice(0, 100)) : shown(text)
    const message = `The text of a position is ${found}: the peer has sent something else than <epoch>.<offset>-<mark>, as formatPosition writes it.`
    throw new QbpError('ERR_QBP_INVALID_BODY', message)
  }
  return { epoch, offset: value, ...(mark === undefined ? {} : { mark }) }
}

/**
 * A position as bytes, to stand in each message. That of a frame takes 10 or less, up to 2^48 frames of all channels: 31 bits by which its
 * mark is known again, and the offset. That of a place where nothing stood yet, as `join` may give it, has all of its text.
 */
export function encodePosition(position: Position): Uint8Array {
  const { epoch, offset, mark } = position
  if (mark === undefined || isTime(mark)) return Buffer.from(`${LONG}${formatPosition(position)}`, 'latin1')
  const length = offset === 0n ? 0 : Math.ceil(offset.toString(16).length / 2)
  const bytes = Buffer.allocUnsafe(4 + length)
  bytes.writeUInt32BE(epoch === ANY_EPOCH ? Number.parseInt(mark, 36) : checkOf(mark))
  for (let [at, left] = [3 + length, offset]; at > 3; at--, left >>= 8n) bytes[at] = Number(left & 0xffn)
  return bytes
}

/**
 * A position from the bytes that {@link encodePosition} made. They come from a peer: as {@link parsePosition}.
 *
 * @throws {QbpError} ERR_QBP_INVALID_BODY for any other bytes.
 */
export function decodePosition(bytes: Uint8Array): Position {
  if (bytes instanceof Uint8Array) {
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    if (view.toString('latin1', 0, 1) === LONG && view.length <= MAX_TEXT)
      return parsePosition(view.toString('latin1', 1))
    if (view.length >= 4 && view.length <= 12 && (view[0] as number) < 0x80) {
      const offset = view.length === 4 ? 0n : BigInt(`0x${view.toString('hex', 4)}`)
      if (offset <= MAX_OFFSET) return { epoch: ANY_EPOCH, offset, mark: view.readUInt32BE(0).toString(36) }
    }
  }
  const found = bytes instanceof Uint8Array ? `${bytes.length} other bytes` : shown(bytes)
  throw new QbpError('ERR_QBP_INVALID_BODY', `For a position the peer has sent ${found} than encodePosition makes.`)
}

/** Whether a position has the mark of what stands at its place, in the log of an epoch. */
export function isMarked(position: Pick<Position, 'epoch' | 'mark'>, epoch: string, mark: string): boolean {
  if (position.epoch === ANY_EPOCH) return position.mark === checkOf(mark).toString(36)
  return position.epoch === epoch && position.mark === mark
}

/** @throws {QbpError} ERR_QBP_BAD_OPTION for what is no position. */
export function checkPosition(position: Position): Position {
  const { epoch, offset, mark } = position
  if (typeof epoch !== 'string' || !EPOCH.test(epoch)) throw badPosition(`the epoch ${JSON.stringify(epoch)}`)
  if (typeof offset !== 'bigint' || offset < 0n || offset > MAX_OFFSET)
    throw badPosition(`the offset ${String(offset)}`)
  if (mark !== undefined && (typeof mark !== 'string' || !MARK.test(mark)))
    throw badPosition(`the mark ${JSON.stringify(mark)}`)
  return position
}

/** @throws {QbpError} ERR_QBP_BAD_OPTION for what is neither a position nor `{ last: n }`. */
export function checkSince(since: unknown): void {
  if (typeof since !== 'object' || since === null) {
    const message = `since is ${shown(since)}: allowed are 'now', 'first', { last: n } and a position. Leave it out to hear live frames.`
    throw new QbpError('ERR_QBP_BAD_OPTION', message, { option: 'since' })
  }
  if ('last' in since && !('epoch' in since)) checkInteger('since.last', since.last as number, 1, MOST_LAST)
  else checkPosition(since as Position)
}

/** Whether both name the same place. */
export function samePosition(a: Position, b: Position): boolean {
  return a.epoch === b.epoch && a.offset === b.offset && a.mark === b.mark
}

function badPosition(found: string): QbpError {
  return new QbpError(
    'ERR_QBP_BAD_OPTION',
    `no position: ${found}. A position is { epoch, offset, mark }, as the bus gave it, or its text, <epoch>.<offset>-<mark>.`,
  )
}

/** The mark of a place where nothing stands, given out at a time in ms of the wall clock. */
export function timeMark(time: number): string {
  return TIME + time.toString(36)
}

/** The time in such a mark; undefined for one that names something. */
export function timeOf(mark: string): number | undefined {
  return isTime(mark) ? Number.parseInt(mark.slice(TIME.length), 36) : undefined
}

function isTime(mark: string): boolean {
  return mark.startsWith(TIME) && mark.length <= MAX_TIME
}

/** 31 bits of a mark: another one has the same by chance alone. FNV-1a, mixed once more. */
function checkOf(mark: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < mark.length; i++) hash = Math.imul(hash ^ mark.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return (hash ^ (hash >>> 13)) >>> 1
}

import type { Position } from '../contract.ts'
import { ANY_EPOCH, isMarked, timeMark, timeOf } from '../position.ts'

// How a channel's log lies in NATS. One stream holds the logs of all channels, each under a subject of its own. A stored message is one
// frame, or those that were published while the one before was on its way; a position is a frame's place in that:
//
//   offset = sequence in the stream × 1024 + index in the message        mark = the message's ID
//
// So offsets of one channel rise, with holes between them: the numbers in between are those of other channels. The place after
// which nothing of the channel stands yet has the time as its mark.

/** How many frames one stored message holds at most. */
export const MAX_BATCH = 1024
/** Of a message with more than one frame: their sizes, in bytes. */
export const SIZES_HEADER = 'Qbp-Sizes'
/** An ID is the bus object's, which has this many letters, and a number. */
export const INSTANCE_LENGTH = 16

const INDEX_BITS = 10n
const LAST_INDEX = MAX_BATCH - 1

/** A message of a log, as it is stored. */
export interface Stored {
  readonly seq: number
  readonly id: string
  readonly frames: readonly Uint8Array[]
}

/** A place in a log: after the frame at `index` of the message `seq`. */
export interface Place {
  readonly epoch: string
  readonly seq: number
  readonly index: number
  /** Of the message, or its check where the epoch is `ANY_EPOCH`; empty where the place is none's, such as before the first. */
  readonly id: string
  /** The place is right up to here: nothing of the channel stands between `seq` and this. */
  readonly upTo: number
  /** For a place that is no message's: when it was given out, in ms of the wall clock. */
  readonly time: number | undefined
}

/** The frames of a stored message's data. */
export function framesOf(data: Uint8Array, sizes: string | undefined): Uint8Array[] {
  if (!sizes) return [data]
  const frames: Uint8Array[] = []
  let start = 0
  for (const size of sizes.split(',')) {
    const end = start + Number(size)
    frames.push(data.subarray(start, end))
    start = end
  }
  return frames
}

/** The place after a whole message. */
export function placeAfter(epoch: string, { seq, id, frames }: Stored): Place {
  return { epoch, seq, index: frames.length - 1, id, upTo: seq, time: undefined }
}

/** The place where nothing of a channel stands up to `seq`. */
export function emptyPlace(epoch: string, seq: number, time = Date.now()): Place {
  return { epoch, seq, index: LAST_INDEX, id: '', upTo: seq, time }
}

export function positionOf({ epoch, seq, index, id, time }: Place): Position {
  return { epoch, offset: offsetOf(seq, index), mark: id === '' ? timeMark(time ?? Date.now()) : id }
}

export function offsetOf(seq: number, index: number): bigint {
  return (BigInt(seq) << INDEX_BITS) | BigInt(index)
}

export function placeOf({ epoch, offset, mark = '' }: Position): Place {
  const seq = Number(offset >> INDEX_BITS)
  const time = timeOf(mark)
  return { epoch, seq, index: Number(offset) & LAST_INDEX, id: time === undefined ? mark : '', upTo: seq, time }
}

/** Whether a place is in the message of an ID, in a stream of an epoch. */
export function isIn({ epoch, id }: Place, streamEpoch: string, messageId: string): boolean {
  return id !== '' && isMarked({ epoch, mark: id }, streamEpoch, messageId)
}

/** Whether a place may be one of a stream of an epoch, as far as it says. */
export function mayBeOf({ epoch }: Place, streamEpoch: string): boolean {
  return epoch === streamEpoch || epoch === ANY_EPOCH
}

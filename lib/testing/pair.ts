import { Duplex } from 'node:stream'
import { byteLimit, countLimit, knownOptions, milliseconds, type OptionNames } from '../base/options.ts'
import { Lane, Wire } from './wire.ts'

/** How an in-memory pair behaves. */
export interface PairOptions {
  /** What each side holds, in bytes, before the other side's `write` returns false. Default: 64 KiB. */
  highWaterMarkBytes?: number | undefined
  /** Every byte, and the end, arrives so much later. Default: 0, which is at once. */
  latencyMs?: number | undefined
  /** At most so many bytes in one chunk: 1 makes the receiver see single bytes. Default: Infinity. */
  sliceBytes?: number | undefined
}

/** The names of PairOptions. */
export const PAIR_OPTIONS: OptionNames<PairOptions> = { highWaterMarkBytes: true, latencyMs: true, sliceBytes: true }

/** Options of a pair and of the connections on it, each by themselves; how much a side holds is for both. */
export function split<O extends PairOptions>(options: O): [PairOptions, Omit<O, 'latencyMs' | 'sliceBytes'>] {
  const { latencyMs, sliceBytes, ...rest } = options
  const { highWaterMarkBytes } = options
  const pair = { highWaterMarkBytes, latencyMs, sliceBytes }
  return [Object.fromEntries(Object.entries(pair).filter(([, value]) => value !== undefined)), rest]
}

/**
 * Two duplexes, each of which reads what the other writes, without a socket. They end side by side, as a TCP connection with
 * `allowHalfOpen` does; they push back; and one that is destroyed before its end resets the other (ECONNRESET).
 *
 * @returns them, and what lies between them: `wire.pause()`, `wire.cut()`, `wire.there.lose()`.
 * @throws {QbpError} ERR_QBP_BAD_OPTION
 */
export function duplexPair(options: PairOptions = {}): [Duplex, Duplex, Wire] {
  knownOptions('duplexPair()', options, PAIR_OPTIONS)
  const { latencyMs = 0 } = options
  if (latencyMs !== 0) milliseconds('latencyMs', latencyMs, 1)
  countLimit('sliceBytes', options.sliceBytes, 1)
  byteLimit('highWaterMarkBytes', options.highWaterMarkBytes, 1)
  const [there, back] = [new Lane(latencyMs), new Lane(latencyMs)]
  const left = new Side(options, there)
  const right = new Side(options, back)
  left.other = right
  right.other = left
  return [left, right, new Wire(there, back, () => [left, right].map((side) => side.cut()))]
}

const reset = () => Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' })

class Side extends Duplex {
  other: Side | null = null
  readonly #lane: Lane
  readonly #sliceBytes: number
  /** What the other side has written and this one has no room for. */
  #held: (() => void) | null = null

  constructor({ highWaterMarkBytes = 65_536, sliceBytes = Number.POSITIVE_INFINITY }: PairOptions, lane: Lane) {
    super({ highWaterMark: highWaterMarkBytes, allowHalfOpen: true })
    this.#lane = lane
    this.#sliceBytes = sliceBytes
  }

  override _read(): void {
    const held = this.#held
    this.#held = null
    held?.()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    if (this.#lane.takeLoss()) callback()
    else this.#lane.carry(() => this.#pass(chunk, callback))
  }

  override _final(callback: () => void): void {
    this.#lane.carry(() => {
      this.other?.push(null)
      callback()
    })
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    const { other } = this
    const ended = this.readableEnded && this.writableFinished
    if (other !== null && !ended && !other.destroyed) this.#lane.carry(() => other.destroy(reset()))
    callback(error)
  }

  /** It is reset, whatever is on its way. */
  cut(): void {
    this.destroy(reset())
  }

  /** Gives a chunk to the other side, and waits with the rest, or with the callback, until that has room. */
  #pass(chunk: Buffer, callback: () => void): void {
    const { other } = this
    if (other === null || other.destroyed) {
      callback()
      return
    }
    const slice = chunk.length > this.#sliceBytes ? chunk.subarray(0, this.#sliceBytes) : chunk
    const goOn = () => (slice === chunk ? callback() : this.#pass(chunk.subarray(slice.length), callback))
    if (other.push(Buffer.from(slice))) goOn()
    else other.#held = goOn
  }
}

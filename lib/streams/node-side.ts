import { Transform } from 'node:stream'
import { errorOf } from '../base/thrown.ts'
import { NONE } from '../framing/message-reader.ts'
import type { Ending } from './ending.ts'
import type { ReaderOwner } from './ports.ts'
import { busy } from './refusals.ts'

/** That of every stream, which no subclass has overridden. */
const { emit } = Transform.prototype

/** The reader that it is a side of. */
interface TwoSided {
  readonly stream: Transform & { readonly isMade: boolean }
  readonly owner: ReaderOwner | null
  readonly ending: Ending
  /** Whether there may be something to pull. */
  readonly isHolding: boolean
  /** The next message, or NONE. */
  pull(): unknown
}

// Whether Node has asked for a message:
//
//   idle ── _read ──► asked ── there is one, and it is wanted ──► giving
//    ▲                  ▲                                           │
//    │ enough waits     └─────────── there is no other ─────────────┤
//    └──────────────────────────────────────────────────────────────┘

/** Node's side of a reader: what Node has of it, and how messages come to `data`, `readable` and `pipe`. */
export class NodeSide {
  readonly #reader: TwoSided
  #phase: 'idle' | 'asked' | 'giving' = 'idle'

  constructor(reader: TwoSided) {
    this.#reader = reader
  }

  /** Node asks for a message. */
  ask(): void {
    if (this.#phase === 'idle') this.#phase = 'asked'
    if (this.#reader.isHolding) this.#giveSoon()
  }

  /** Node may go on: a consumer that paused before left a chunk undecoded, and Node believes that it has asked for it. */
  resume(): void {
    if (this.#phase !== 'idle') this.#giveSoon()
  }

  /** Something was read. */
  afterRead(message: unknown): void {
    const { ending, isHolding, stream } = this.#reader
    const { fault } = ending
    if (fault !== null && stream.readableLength === 0) process.nextTick(() => stream.destroy(fault))
    else if (message === null && isHolding) this.resume()
  }

  #giveSoon(): void {
    process.nextTick(() => this.#give())
  }

  /** Gives Node messages for as long as it takes them. */
  #give(): void {
    if (this.#phase !== 'asked') return
    const { stream } = this.#reader
    this.#phase = 'giving'
    let rest: 'idle' | 'asked' = 'asked'
    let flows = false
    try {
      while (flows || (rest === 'asked' && this.wants)) {
        const message = this.#reader.pull()
        if (message === NONE) break
        // While it flows and nothing is queued, `push` would do no more than this, at four times the price.
        if (flows) emit.call(stream, 'data', message)
        else rest = stream.push(message) ? 'asked' : 'idle'
        flows = stream.readableFlowing === true && stream.readableLength === 0
      }
    } catch (thrown) {
      const error = errorOf(thrown, 'A listener')
      stream.destroy(error)
      this.#reader.owner?.listenerThrew(error)
    } finally {
      this.#phase = rest
    }
  }

  // ---- for the receiver

  /** Whether Node has asked and got nothing yet; one that is paused wants nothing. */
  get wants(): boolean {
    const { stream } = this.#reader
    return (
      this.#phase !== 'idle' &&
      (stream.readableFlowing === true || !stream.isPaused() || stream.listenerCount('readable') > 0)
    )
  }

  /** Reading calls are used from now on, which report the faults. */
  goDirect(): void {
    if (this.#reader.stream.isMade && this.#reader.stream.destroyed) this.#reader.stream.on('error', ignore)
  }

  /** A message that Node has queued, or NONE. @throws {QbpError} ERR_QBP_BUSY while `data` flows. */
  queued(): unknown {
    const { stream } = this.#reader
    if (!stream.isMade) return NONE
    if (stream.readableFlowing === true) throw busy("'data' or a pipe takes the messages: pause or unpipe first")
    return stream.readableLength > 0 ? stream.read() : NONE
  }

  /** Adds to a list what Node has queued, up to `max`. @returns whether what follows may be taken too: not while `data` flows. */
  fill(list: unknown[], max: number): boolean {
    try {
      for (let queued: unknown; list.length < max; list.push(queued)) {
        queued = this.queued()
        if (queued === NONE) return true
      }
      return true
    } catch {
      return false
    }
  }

  /** Gives Node messages, if it has asked for some. @returns whether it had. */
  serve(): boolean {
    if (this.#phase === 'idle') return false
    this.#give()
    return true
  }

  /** Reports the fault once what is queued has been read. */
  fail(fault: Error): void {
    if (this.#reader.stream.readableLength === 0) this.#reader.stream.destroy(fault)
  }

  /** Sees that Node emits `end`, which it does only for those who read. */
  emitEnd(): void {
    if (!this.#reader.stream.readableEnded) this.#reader.stream.read(0)
  }

  /** Ends Node's side, which then calls the receiver's `end` with its callback. */
  end(): void {
    this.#reader.stream.end()
  }

  /** Drops what Node has queued. */
  clear(): void {
    const { stream } = this.#reader
    if (!stream.isMade || stream.readableLength === 0) return
    // Node has no other way to empty its queue than to read, which emits `data`.
    Object.defineProperty(stream, 'emit', { value: () => false, configurable: true })
    while (stream.readableLength > 0) Transform.prototype.read.call(stream)
    Reflect.deleteProperty(stream, 'emit')
  }
}

function ignore(): void {}

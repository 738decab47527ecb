import { Transform } from 'node:stream'
import { errorOf } from '../base/thrown.ts'
import { NONE } from '../framing/message-reader.ts'
import type { ReceiverStream } from './ending.ts'
import type { Receiver } from './receiver.ts'
import { busy } from './refusals.ts'

/** That of every stream, which no subclass has overridden. */
const { emit } = Transform.prototype

/** What Node's side does with the stream that it is a side of. */
export interface NodeStream extends Transform {
  readonly isMade: boolean
}

// Whether Node has asked for a message:
//
//   idle ── _read ──► asked ── there is one, and it is wanted ──► giving
//    ▲                  ▲                                           │
//    │ enough waits     └─────────── there is no other ─────────────┤
//    └──────────────────────────────────────────────────────────────┘

/** Node's side of a reader: what the receiver sees of the stream, and how messages come to `data`, `readable` and `pipe`. */
export class NodeSide implements ReceiverStream {
  readonly reader: NodeStream
  #receiver!: Receiver
  #phase: 'idle' | 'asked' | 'giving' = 'idle'

  constructor(reader: NodeStream) {
    this.reader = reader
  }

  /** To be called before anything else. */
  serves(receiver: Receiver): void {
    this.#receiver = receiver
  }

  /** Node asks for a message. */
  ask(): void {
    if (this.#phase === 'idle') this.#phase = 'asked'
    if (this.#receiver.isHolding) this.#giveSoon()
  }

  /** Node may go on: a consumer that paused before left a chunk undecoded, and Node believes that it has asked for it. */
  resume(): void {
    if (this.#phase !== 'idle') this.#giveSoon()
  }

  /** Something was read. */
  afterRead(message: unknown): void {
    const { ending, isHolding } = this.#receiver
    const { fault } = ending
    if (fault !== null && this.reader.readableLength === 0) process.nextTick(() => this.reader.destroy(fault))
    else if (message === null && isHolding) this.resume()
  }

  #giveSoon(): void {
    process.nextTick(() => this.#give())
  }

  /** Gives Node messages for as long as it takes them. */
  #give(): void {
    if (this.#phase !== 'asked') return
    const { reader } = this
    this.#phase = 'giving'
    let rest: 'idle' | 'asked' = 'asked'
    let flows = false
    try {
      while (flows || (rest === 'asked' && this.wants)) {
        const message = this.#receiver.pull()
        if (message === NONE) break
        // While it flows and nothing is queued, `push` would do no more than this, at four times the price.
        if (flows) emit.call(reader, 'data', message)
        else rest = reader.push(message) ? 'asked' : 'idle'
        flows = reader.readableFlowing === true && reader.readableLength === 0
      }
    } catch (thrown) {
      const error = errorOf(thrown, 'A listener')
      reader.destroy(error)
      this.#receiver.owner?.listenerThrew(error)
    } finally {
      this.#phase = rest
    }
  }

  // ---- for the receiver

  /** One that is paused wants nothing. */
  get wants(): boolean {
    const { reader } = this
    return (
      this.#phase !== 'idle' &&
      (reader.readableFlowing === true || !reader.isPaused() || reader.listenerCount('readable') > 0)
    )
  }

  goDirect(): void {
    if (this.reader.isMade && this.reader.destroyed) this.reader.on('error', ignore)
  }

  queued(): unknown {
    const { reader } = this
    if (!reader.isMade) return NONE
    if (reader.readableFlowing === true) throw busy("'data' or a pipe takes the messages: pause or unpipe first")
    return reader.readableLength > 0 ? reader.read() : NONE
  }

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

  serve(): boolean {
    if (this.#phase === 'idle') return false
    this.#give()
    return true
  }

  fail(fault: Error): void {
    if (this.reader.readableLength === 0) this.reader.destroy(fault)
  }

  emitEnd(): void {
    if (!this.reader.readableEnded) this.reader.read(0)
  }

  end(): void {
    this.reader.end()
  }

  clear(): void {
    const { reader } = this
    if (!reader.isMade || reader.readableLength === 0) return
    // Node has no other way to empty its queue than to read, which emits `data`.
    Object.defineProperty(reader, 'emit', { value: () => false, configurable: true })
    while (reader.readableLength > 0) Transform.prototype.read.call(reader)
    Reflect.deleteProperty(reader, 'emit')
  }

  destroy(): void {
    this.reader.destroy()
  }
}

function ignore(): void {}

// Where calls and pushed messages part. It stands between the duplex and the reader of a connection that carries calls: the
// frames of calls go to the calls as they come, all others to the reader, as bytes, for somebody to ask for.
//
//   phase:  sorting ── the peer has ended, a fault, or this side has ended ──► finished
//
// A reader that nobody reads holds up its own messages, up to a limit, and then the connection: there is one byte stream.

import type { QbpError } from '../base/errors.ts'
import type { Calls } from '../calls/calls.ts'
import { copy } from '../codec/wire.ts'
import { FrameParser } from '../framing/frame-parser.ts'
import type { Header } from '../framing/header.ts'
import type { Table } from '../framing/table.ts'
import type { Skipped, Tally } from '../framing/traffic.ts'
import { FEW, type Looker, nextTurn, spent } from '../streams/fairness.ts'
import type { ReaderOwner, ReaderPort } from '../streams/ports.ts'

/** Bytes of pushed messages that may wait for a reader before they hold up the calls after them. */
const MOST_WAITING = 2 ** 18

export interface SorterSettings {
  readonly header: Header
  readonly table: Table
  readonly maxBodyBytes: number
}

/** The port of a reader, with calls taken out of what arrives. */
export class CallSorter implements ReaderPort, ReaderOwner, Looker {
  readonly #reader: ReaderPort
  readonly #calls: Calls
  readonly #frames: FrameParser
  readonly #table: Table
  readonly #peerEnded: () => void
  #owner!: ReaderOwner
  #phase: 'sorting' | 'finished' = 'sorting'
  /** Pushed messages go to the reader; else they are dropped. */
  #isRead = true
  /** Whole frames of pushed messages, which the reader has no room for, and their bytes. */
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #isReaderFull = false
  /** The reader's end, once it has all that waits. */
  #conclusion: (() => void) | null = null
  /** Chunks that came although the last was not sorted, as when a duplex is emptied at the end. */
  #chunks: Uint8Array[] = []
  /** The peer's end has come, after those. */
  #isEnded = false
  #isUnlimited = false
  /** The event loop goes round before more is sorted. */
  #yields = false
  #isSorting = false
  /** The last chunk is sorted, all of it. */
  #isDone = true
  lookedAt = Number.NEGATIVE_INFINITY
  lookEvery = FEW
  #count = 0

  /** @param peerEnded is called once all that the peer has sent is sorted. */
  constructor(
    reader: ReaderPort,
    calls: Calls,
    { header, table, maxBodyBytes }: SorterSettings,
    peerEnded: () => void,
  ) {
    this.#peerEnded = peerEnded
    this.#reader = reader
    this.#calls = calls
    this.#table = table
    this.#frames = new FrameParser(header, maxBodyBytes)
  }

  // ---- the way in

  arrive(chunk: Uint8Array): boolean {
    if (this.#phase === 'finished') return true
    this.#chunks.push(chunk)
    this.#sort()
    return this.#isDone
  }

  end(): void {
    this.#isEnded = true
    this.#sort()
  }

  fail(fault: Error): void {
    this.#sortUnlimited()
    this.#finish(() => this.#reader.fail(fault))
  }

  /** The peer has broken the rules of calls: it is read no further. */
  breakOff(fault: QbpError): void {
    const located = this.#frames.located(fault)
    this.#finish(() => this.#reader.fail(located))
  }

  conclude(): void {
    this.#sortUnlimited()
    this.#isRead = false
    this.#conclusion ??= () => this.#reader.conclude()
    this.#forward()
  }

  discard(): void {
    this.#isRead = false
    this.#waiting = []
    this.#waitingBytes = 0
    this.#conclusion = () => {}
    this.#reader.discard()
  }

  /** Whether bytes are wanted although nobody reads: those of calls under way, and of calls to be refused. */
  get drains(): boolean {
    return this.#phase === 'sorting'
  }

  /** There is room again in an inbox that has held all up. */
  resume(): void {
    if (this.#isDone) return
    this.#sort()
    if (this.#isDone) this.#owner.more()
  }

  #sort(): void {
    if (this.#isSorting) return // A handler that ends the connection comes by here.
    if (this.#yields && !this.#isUnlimited) return
    this.#isSorting = true
    try {
      this.#isDone = this.#sortAll()
    } finally {
      this.#isSorting = false
    }
    this.#forward()
    if (!this.#isDone || !this.#isEnded) return
    this.#finish(null)
    this.#peerEnded()
  }

  /** What has come whole is handed out, whatever else waits. */
  #sortUnlimited(): void {
    this.#isUnlimited = true
    this.#sort()
    this.#isUnlimited = false
  }

  /** @returns false if it was held up. */
  #sortAll(): boolean {
    const frames = this.#frames
    for (;;) {
      // A run of pushed frames is passed on as it lies there.
      let begin = 0
      let end = 0
      let { buffer } = frames
      try {
        while (!this.#isHeldUp() && this.#phase === 'sorting') {
          if (!frames.next()) {
            this.#push(buffer, begin, end)
            begin = end = 0
            break
          }
          if (this.#calls.carries(frames.type)) {
            const entry = this.#table.byType(frames.type)
            this.#reader.tally.count(entry, frames.size)
            this.#calls.receive(frames)
          } else if (frames.buffer === buffer && frames.begin === end) end = frames.end
          else {
            this.#push(buffer, begin, end)
            ;({ buffer, begin, end } = frames)
          }
        }
      } catch (fault) {
        this.#push(buffer, begin, end)
        this.#finish(() => this.#reader.fail(fault as Error))
        return true
      }
      this.#push(buffer, begin, end)
      if (this.#phase === 'finished') return true
      if (!this.#isUnlimited && (this.#yields || this.#isFull)) return false
      const chunk = this.#chunks.shift()
      if (chunk === undefined) return true
      frames.feed(chunk)
    }
  }

  #isHeldUp(): boolean {
    if (this.#isUnlimited) return false
    if (this.#isFull || this.#yields) return true
    if (++this.#count < this.lookEvery) return false
    this.#count = 0
    if (!spent(this)) return false
    this.#yields = true
    nextTurn(() => {
      this.#yields = false
      this.resume()
    })
    return true
  }

  get #isFull(): boolean {
    return this.#calls.isHeld || this.#waitingBytes > MOST_WAITING
  }

  /** Passes on whole frames of pushed messages. A few of a large chunk are copied: they would keep all of it. */
  #push(buffer: Uint8Array, begin: number, end: number): void {
    if (begin === end || !this.#isRead) return
    const bytes = 2 * (end - begin) < buffer.length ? copy(buffer, begin, end) : buffer.subarray(begin, end)
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
  }

  #forward(): void {
    while (!this.#isReaderFull) {
      const bytes = this.#waiting.shift()
      if (bytes === undefined) break
      this.#waitingBytes -= bytes.length
      this.#isReaderFull = !this.#reader.arrive(bytes)
    }
    if (this.#waiting.length > 0 || this.#conclusion === null) return
    const conclusion = this.#conclusion
    this.#conclusion = () => {}
    conclusion()
  }

  #finish(conclusion: (() => void) | null): void {
    if (this.#phase === 'finished') return
    this.#phase = 'finished'
    this.#conclusion ??= conclusion ?? (() => this.#end())
    if (!this.#isSorting) this.#forward() // Else what was sorted is passed on first.
  }

  /** A cut inside a frame is a fault, which the parser finds. */
  #end(): void {
    try {
      this.#frames.finish()
      this.#reader.end()
    } catch (fault) {
      this.#reader.fail(fault as Error)
    }
  }

  // ---- for the reader

  get connection(): object {
    return this.#owner.connection
  }

  more(): void {
    this.#isReaderFull = false
    this.#forward()
    this.resume()
  }

  readerClosed(fault: Error | null): void {
    this.#isRead = false
    this.#waiting = []
    this.#waitingBytes = 0
    this.#owner.readerClosed(fault)
    this.resume()
  }

  listenerThrew(error: Error): void {
    this.#owner.listenerThrew(error)
  }

  // ---- for the connection

  own(owner: ReaderOwner): void {
    this.#owner = owner
    this.#reader.own(this)
  }

  rest(): Uint8Array {
    const parts = [this.#reader.rest(), ...this.#waiting, this.#frames.rest(), ...this.#chunks]
    this.#waiting = []
    this.#chunks = []
    this.#waitingBytes = 0
    return Buffer.concat(parts)
  }

  /** A call may come at any time: bytes are always waited for, unless they are held up. */
  get waiting(): boolean {
    return this.#isDone || this.#reader.waiting
  }
  get tally(): Tally {
    return this.#reader.tally
  }
  get skipped(): Readonly<Skipped> {
    return this.#reader.skipped
  }
  get frames(): { readonly index: number; readonly pending: number } {
    return this.#frames
  }
}

// Where calls and pushed messages part. It stands between the duplex and the reader of a connection that carries calls: the
// frames of calls go to the calls as they come, all others to the reader, as bytes, for somebody to ask for.
//
//   idle ◄── all is sorted ── sorting ── the peer's end, a fault, or this side's ──► finished
//     └────── a chunk ───────►  │ ▲
//                               ▼ │ the next turn of the event loop, or room
//                       yielding, held
//
//   idle      All that came is sorted.
//   sorting   The frames that came are gone through, now.
//   yielding  Other connections have their turn first.
//   held      An inbox without credit is full, or too many pushed messages wait for a reader: there is one byte stream.
//   finished  Nothing more is sorted.

import type { QbpError } from '../base/errors.ts'
import type { Calls } from '../calls/calls.ts'
import type { CallFrame } from '../calls/dialect.ts'
import { FrameSorter, type SortedFrames, type SorterSettings } from '../calls/frame-sorter.ts'
import type { Entry, Table } from '../framing/table.ts'
import type { ReaderCounts } from '../framing/traffic.ts'
import { FEW, type Looker, nextTurn, spent } from '../streams/fairness.ts'
import type { ReaderOwner, ReaderPort } from '../streams/ports.ts'
import { PushedFrames } from './pushed-frames.ts'

/** Bytes of pushed messages that may wait for a reader before they hold up the calls after them. */
const MOST_WAITING = 2 ** 18

/** Who uses the sorter: the calls of a connection. */
export interface SorterUser {
  /** All that the peer has sent is sorted. */
  peerEnded(): void
  /**
   * What came is no frame, or no part of a call: nothing more is understood.
   *
   * @param isRead whether nothing waits for a reader, which would come before the fault.
   */
  cutOff(fault: Error, isRead: boolean): void
}

/** The port of a reader, with calls taken out of what arrives. */
export class CallSorter implements ReaderPort, ReaderOwner, SortedFrames, Looker {
  readonly #reader: ReaderPort
  readonly #pushed: PushedFrames
  readonly #calls: Calls
  readonly #sorter: FrameSorter
  readonly #table: Table
  readonly #user: SorterUser
  #owner!: ReaderOwner
  #phase: 'idle' | 'sorting' | 'yielding' | 'held' | 'finished' = 'idle'
  /** What came although the last chunk was not sorted, as when a duplex is emptied at the end: chunks, and null for the peer's end. */
  #chunks: (Uint8Array | null)[] = []
  lookedAt = Number.NEGATIVE_INFINITY
  lookEvery = FEW
  #count = 0
  /** While it sorts: what holds up the next frame, and whether anything may. */
  #hold: 'yielding' | 'held' | null = null
  #isLimited = true
  /** What has broken it off, until its user knows. */
  #fault: Error | null = null

  constructor(
    reader: ReaderPort,
    calls: Calls,
    settings: SorterSettings & { readonly table: Table },
    user: SorterUser,
  ) {
    this.#user = user
    this.#reader = reader
    this.#pushed = new PushedFrames(reader)
    this.#calls = calls
    this.#table = settings.table
    this.#sorter = new FrameSorter(settings, this)
  }

  // ---- the way in

  arrive(chunk: Uint8Array): boolean {
    if (this.#phase === 'finished') return true
    if (this.#phase === 'idle') this.#sort(true, chunk)
    else {
      this.#chunks.push(chunk)
      this.#sort()
    }
    return this.#isDone
  }

  end(): void {
    this.#chunks.push(null)
    this.#sort()
  }

  fail(fault: Error): void {
    this.#sort(false)
    this.#finish(() => this.#reader.fail(fault))
  }

  /** The peer has broken the rules of calls: it is read no further. */
  breakOff(fault: QbpError): void {
    this.#break(this.#sorter.frames.located(fault))
  }

  conclude(): void {
    this.#sort(false)
    this.#pushed.close()
    this.#pushed.endWith(() => this.#reader.conclude())
    this.#pushed.forward()
  }

  discard(): void {
    this.#pushed.drop()
    this.#pushed.endWith(() => {})
    this.#reader.discard()
  }

  /** Whether bytes are wanted although nobody reads: those of calls under way, and of calls to be refused. */
  get drains(): boolean {
    return this.#phase !== 'finished'
  }

  /** There is room again in what has held all up. */
  resume(): void {
    if (this.#phase !== 'held' && this.#phase !== 'yielding') return
    this.#sort()
    if (this.#isDone) this.#owner.more()
  }

  get #isDone(): boolean {
    return this.#phase === 'idle' || this.#phase === 'finished'
  }

  /**
   * @param isLimited false: what has come whole is handed out, whatever else waits.
   * @param chunk what has come, if it need not wait.
   */
  #sort(isLimited = true, chunk?: Uint8Array): void {
    // A handler that ends the connection comes by here.
    if (this.#phase === 'sorting' || this.#phase === 'finished') return
    if (this.#phase === 'yielding' && isLimited) return
    this.#phase = 'sorting'
    const next = this.#sortAll(isLimited, chunk)
    if (this.#isSorting) this.#phase = next === 'ended' ? 'idle' : next
    this.#pushed.forward()
    const fault = this.#fault
    this.#fault = null
    // Calls cannot wait for a reader, which there may never be.
    if (fault !== null) this.#user.cutOff(fault, this.#pushed.bytes + this.#reader.frames.pending === 0)
    if (next !== 'ended') return
    this.#finish(() => this.#end())
    this.#user.peerEnded()
  }

  /** False once a call, or a fault, has finished it. */
  get #isSorting(): boolean {
    return this.#phase === 'sorting'
  }

  /** @returns how it goes on from there. */
  #sortAll(isLimited: boolean, first: Uint8Array | undefined): 'idle' | 'yielding' | 'held' | 'ended' {
    this.#hold = null
    this.#isLimited = isLimited
    try {
      for (let chunk: Uint8Array | null | undefined = first; ; ) {
        if (chunk !== undefined) this.#sorter.feed(chunk)
        this.#sorter.sort(this.#goesOn)
        chunk = this.#hold === null && this.#isSorting ? this.#chunks.shift() : undefined
        if (chunk === undefined) return this.#hold ?? 'idle'
        if (chunk === null) return 'ended'
      }
    } catch (fault) {
      this.#break(fault as Error)
      return 'idle'
    }
  }

  #break(fault: Error): void {
    if (this.#phase === 'finished') return
    this.#fault = fault
    this.#finish(() => this.#reader.fail(fault))
  }

  /** Whether the next frame is gone through. */
  readonly #goesOn = (): boolean => {
    if (!this.#isSorting) return false
    this.#hold = this.#isLimited ? this.#holder() : null
    return this.#hold === null
  }

  /** What holds up the next frame, or null. */
  #holder(): 'yielding' | 'held' | null {
    if (this.#calls.isHeld || this.#pushed.bytes > MOST_WAITING) return 'held'
    if (++this.#count < this.lookEvery) return null
    this.#count = 0
    if (!spent(this)) return null
    nextTurn(() => {
      if (this.#phase === 'yielding') this.#phase = 'held'
      this.resume()
    })
    return 'yielding'
  }

  #finish(end: () => void): void {
    if (this.#phase === 'finished') return
    const wasSorting = this.#isSorting
    this.#phase = 'finished'
    this.#pushed.endWith(end)
    if (!wasSorting) this.#pushed.forward() // Else what was sorted is passed on first.
  }

  /** A cut inside a frame is a fault, which the parser finds. */
  #end(): void {
    try {
      this.#sorter.frames.finish()
      this.#reader.end()
    } catch (fault) {
      this.#reader.fail(fault as Error)
    }
  }

  // ---- what is sorted

  carries(type: number | string): boolean {
    return this.#calls.carries(type)
  }

  call(frame: CallFrame, size: number): void {
    this.#reader.count(this.#table.byType(frame.type), size)
    this.#calls.receive(frame)
  }

  pushed(buffer: Uint8Array, begin: number, end: number): void {
    this.#pushed.push(buffer, begin, end)
  }

  // ---- for the reader

  get connection(): object {
    return this.#owner.connection
  }

  more(): void {
    this.#pushed.more()
    this.resume()
  }

  readerClosed(fault: Error | null): void {
    this.#pushed.drop()
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
    return Buffer.concat([
      this.#reader.rest(),
      ...this.#pushed.take(),
      this.#sorter.frames.rest(),
      ...this.#chunks.splice(0).filter((chunk) => chunk !== null),
    ])
  }

  /** A call may come at any time: bytes are always waited for, unless they are held up. */
  get waiting(): boolean {
    return this.#isDone || this.#reader.waiting
  }
  get counts(): ReaderCounts | null {
    return this.#reader.counts
  }
  count(entry: Entry | undefined, bytes: number): void {
    this.#reader.count(entry, bytes)
  }
  get frames(): { readonly index: number; readonly pending: number } {
    return this.#sorter.frames
  }
}

import type { Duplex } from 'node:stream'
import type { ReaderPort, StreamOwner, WriterPort } from '../streams/ports.ts'

/** What the plumbing reports to: the connection. */
export interface PlumbingUser extends Omit<StreamOwner, 'more' | 'send' | 'finish'> {
  /** Bytes came, and the reader has seen them. */
  heard(): void
  /** Of the duplex: its peer has ended, it failed, all was sent, it is closed. */
  ended(): void
  failed(fault: Error): void
  finished(): void
  closed(): void
}

/** Where a duplex has its plumbing, so that its listeners can be the same functions for every connection. */
const plumbing = Symbol('qbp.plumbing')
type Plumbed = Duplex & { [plumbing]?: Plumbing }

// What becomes of the bytes that come:
//
//            the reader was closed
//     open ─────────────────────────► dropping ───┐
//       │                                │        │ conclude, discard
//       │ the peer has ended             ▼        ▼
//       ├────────────────────────────► ended    concluded
//       └─────────────────────────────────────────▲
//                        conclude, discard
//
//   open        They go to the reader.
//   dropping    Nobody reads any more, and they are dropped: unread they would turn this side's end into a reset, which takes
//               the last bytes along.
//   concluded   They are dropped, and the reader has been given its end, by this side.
//   ended       None follow: the peer has ended its side.
type Intake = 'open' | 'dropping' | 'concluded' | 'ended'

/** The pipes between a duplex and a reader and a writer: chunks one way, batches the other, and push-back both. */
export class Plumbing implements StreamOwner {
  readonly #reader: ReaderPort
  readonly #writer: WriterPort
  readonly #user: PlumbingUser
  #duplex: Plumbed
  #intake: Intake = 'open'
  /** Bytes came that were dropped. */
  #hasDropped = false
  /** The reader pushes back. */
  #isHeld = false
  /** The duplex is being handed on, and nothing passes. */
  #isMoving = false

  constructor(duplex: Duplex, reader: ReaderPort, writer: WriterPort, user: PlumbingUser) {
    this.#reader = reader
    this.#writer = writer
    this.#user = user
    this.#duplex = duplex
    reader.own(this)
    writer.own(this)
    this.#connect()
  }

  get duplex(): Duplex {
    return this.#duplex
  }

  get isMoving(): boolean {
    return this.#isMoving
  }

  /** Whether the reader has been given its end. */
  get isReaderEnded(): boolean {
    return this.#intake === 'ended' || this.#intake === 'concluded'
  }

  get hasDropped(): boolean {
    return this.#hasDropped
  }

  #connect(): void {
    const duplex = this.#duplex
    duplex[plumbing] = this
    duplex.on('error', onError).on('close', onClose).on('finish', onFinish)
    if (duplex.destroyed) {
      process.nextTick(onClose.bind(duplex)) // It was closed before it came here, or in the turn in which its handshake was done.
      return
    }
    duplex.on('end', onEnd).on('data', onData) // The last makes it flow.
    if (duplex.isPaused()) duplex.resume()
    duplex.on('drain', onDrain)
    this.#writer.drained()
  }

  #disconnect(): void {
    const duplex = this.#duplex
    duplex.off('error', onError).off('close', onClose).off('finish', onFinish)
    duplex.off('end', onEnd).off('data', onData).off('drain', onDrain)
    delete duplex[plumbing]
  }

  /** Nobody reads any more. */
  drop(): void {
    if (this.#intake === 'open') this.#intake = 'dropping'
    if (!this.#isMoving && !this.#duplex.destroyed) this.#duplex.resume()
  }

  /** What the duplex has taken off the wire is the reader's, and nothing more. */
  conclude(): void {
    if (!this.#isMoving) while (this.#duplex.read() !== null); // Each chunk comes by `onData`.
    this.#reader.conclude()
    this.#intake = 'concluded'
    this.drop()
  }

  /** This side reads no further, at once: the reader ends, whatever has come. */
  discard(): void {
    this.#reader.discard()
    if (this.#intake !== 'ended') this.#intake = 'concluded'
    this.drop()
  }

  // ---- for the reader and the writer

  get connection(): object {
    return this.#user.connection
  }

  more(): void {
    if (!this.#isHeld || this.#isMoving) return
    this.#isHeld = false
    this.#duplex.resume()
  }

  send(chunk: Uint8Array): boolean {
    const duplex = this.#duplex
    return duplex.writable && duplex.write(chunk) // Its own user may have ended it.
  }

  finish(): void {
    this.#duplex.end()
  }

  readerClosed(fault: Error | null): void {
    this.#user.readerClosed(fault)
  }

  writerDestroyed(fault: Error | null): void {
    if (fault === null && !this.#isMoving) this.#duplex.end() // Destroyed by its user, it ends nothing by itself.
    this.#user.writerDestroyed(fault)
  }

  refused(fault: unknown): void {
    this.#user.refused(fault)
  }

  // ---- for the duplex

  arrived(chunk: Uint8Array): void {
    if (this.#intake !== 'open') {
      if (chunk.length > 0) this.#hasDropped = true
      return
    }
    if (!this.#reader.arrive(chunk)) {
      this.#isHeld = true
      this.#duplex.pause()
    }
    this.#user.heard()
  }

  ended(): void {
    if (this.#intake === 'open') this.#reader.end()
    this.#intake = 'ended'
    this.#user.ended()
  }

  failed(fault: Error): void {
    this.#user.failed(fault)
    this.#duplex.destroy() // One with `autoDestroy: false` does not do so by itself.
  }

  finished(): void {
    this.#user.finished()
  }

  closed(): void {
    this.#user.closed()
  }

  drained(): void {
    this.#writer.drained()
  }

  // ---- handing the duplex on; see handover

  /** Nothing passes from now on: what was written is on its way, and what is written yet waits for `go`. */
  stop(): void {
    const duplex = this.#duplex
    this.#isMoving = true
    duplex.off('data', onData)
    duplex.pause()
    this.#writer.flush()
    this.#writer.hold()
    duplex.off('drain', onDrain)
  }

  /** Lets the duplex go. @returns every byte after the last message handed out. */
  leave(): Uint8Array {
    this.#disconnect()
    return this.#reader.rest()
  }

  /** Goes on with another duplex: the one that was let go, with TLS on it. */
  go(duplex: Duplex): void {
    this.#duplex = duplex
    this.#isMoving = this.#isHeld = false
    this.#connect()
  }
}

function bytesOf(chunk: Uint8Array | string): Uint8Array {
  return typeof chunk === 'string' ? Buffer.from(chunk) : chunk
}

function onData(this: Plumbed, chunk: Uint8Array | string): void {
  this[plumbing]?.arrived(bytesOf(chunk))
}

function onEnd(this: Plumbed): void {
  this[plumbing]?.ended()
}

function onError(this: Plumbed, fault: Error): void {
  this[plumbing]?.failed(fault)
}

function onFinish(this: Plumbed): void {
  this[plumbing]?.finished()
}

function onClose(this: Plumbed): void {
  this[plumbing]?.closed()
}

function onDrain(this: Plumbed): void {
  this[plumbing]?.drained()
}

import type { Duplex } from 'node:stream'
import type { ReaderOwner } from '../streams/ports.ts'
import type { Conversation } from './conversation.ts'
import { type DuplexUser, type HeardDuplex, leave, listen, readRest, stopData } from './duplex-events.ts'
import { givesBytes } from './given-duplex.ts'
import { Outlet, type OutletUser } from './outlet.ts'
import { type Sending, sendingOf } from './sending.ts'

/** What the plumbing reports to: the connection. */
export interface PlumbingUser extends OutletUser, Pick<ReaderOwner, 'readerClosed'> {
  /** The peer has ended its side. */
  peerEnded(): void
  /** The duplex failed, or bytes could not be given to it. */
  duplexFailed(fault: Error): void
  /** All was sent, and this side has ended. */
  allSent(): void
  duplexClosed(): void
}

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

// And what passes through the duplex:
//
//     flowing ◄─── the reader has room, or has none ───► held
//        ▲ │                                              │
//     go │ └──── stop ────► moving ◄──── stop ────────────┘
//        └─────────────────────┘
//
//   held     It is paused: the reader pushes back.
//   moving   It is being handed on, and nothing passes.
type Flow = 'flowing' | 'held' | 'moving'

/** The pipes between a duplex and a conversation: chunks to its reader, batches from its writer by the outlet, and push-back both ways. */
export class Plumbing implements ReaderOwner, DuplexUser {
  #conversation: Conversation
  readonly #user: PlumbingUser
  /** Made by `outlet` when something is to be sent. */
  #outlet: Outlet | null = null
  #duplex: HeardDuplex
  #intake: Intake = 'open'
  #flow: Flow = 'flowing'
  /** Whether bytes came that were dropped. */
  hasDropped = false

  /** @throws {QbpError} ERR_QBP_BAD_OPTION for a duplex that gives text. */
  constructor(duplex: Duplex, conversation: Conversation, user: PlumbingUser) {
    givesBytes(duplex)
    this.#conversation = conversation
    this.#user = user
    this.#duplex = duplex
    conversation.intake.own(this)
    this.#connect()
  }

  get duplex(): Duplex {
    return this.#duplex
  }

  get isMoving(): boolean {
    return this.#flow === 'moving'
  }

  /** Whether the reader has been given its end. */
  get isReaderEnded(): boolean {
    return this.#intake === 'ended' || this.#intake === 'concluded'
  }

  /** Whether the peer has ended its side. */
  get isPeerEnded(): boolean {
    return this.#intake === 'ended'
  }

  get outlet(): Outlet {
    this.#outlet ??= new Outlet(this.#duplex, this.#conversation, this.#user)
    return this.#outlet
  }

  get sending(): Sending {
    return this.#outlet?.sending ?? sendingOf(this.#duplex, 0)
  }

  #connect(): void {
    this.#duplex.allowHalfOpen = true // Else Node would end this side with the peer's, and the answer be lost.
    listen(this.#duplex, this)
    if (!this.#duplex.destroyed) this.#outlet?.drained()
  }

  /** Nobody reads any more. */
  drop(): void {
    if (this.#intake === 'open') this.#intake = 'dropping'
    if (!this.isMoving && !this.#duplex.destroyed) this.#duplex.resume()
  }

  /** What the duplex has taken off the wire is the reader's, and nothing more. */
  conclude(): void {
    if (!this.isMoving) while (this.#duplex.read() !== null); // Each chunk comes by `onData`.
    this.#conversation.intake.conclude()
    this.#intake = 'concluded'
    this.drop()
  }

  /** This side reads no further, at once: the reader ends, whatever has come. */
  discard(): void {
    this.#conversation.intake.discard()
    if (this.#intake !== 'ended') this.#intake = 'concluded'
    this.drop()
  }

  /** Goes on with another reader and another writer: what the last wrote is sent, and what it did not read is the next one's. */
  change(next: Conversation): void {
    this.#outlet?.change(next)
    const rest = this.#conversation.intake.rest()
    this.#conversation = next
    const { intake } = next
    intake.own(this)
    if (rest.length > 0) intake.arrive(rest)
    if (this.#intake === 'ended') intake.end()
    else if (this.#intake === 'concluded') intake.conclude()
    this.more()
  }

  // ---- for the reader

  get connection(): object {
    return this.#user.connection
  }

  /** A socket reads each chunk into a buffer of its own; other duplexes may do as they like with theirs. */
  get givesChunks(): boolean {
    return '_handle' in this.#duplex
  }

  more(): void {
    if (this.#flow !== 'held') return
    this.#flow = 'flowing'
    this.#duplex.resume()
  }

  readerClosed(fault: Error | null): void {
    this.#user.readerClosed(fault)
  }

  listenerThrew(error: Error): void {
    this.#user.listenerThrew(error)
  }

  // ---- for the duplex

  arrived(chunk: Uint8Array): void {
    if (this.#intake !== 'open') {
      this.hasDropped = true
      if (!this.#conversation.intake.drains) return
    }
    if (!this.#conversation.intake.arrive(chunk)) {
      this.#flow = 'held'
      this.#duplex.pause()
    }
    this.#conversation.deadlines.heard()
  }

  peerEnded(): void {
    if (this.#intake === 'open' || this.#conversation.intake.drains) this.#conversation.intake.end()
    this.#intake = 'ended'
    this.#user.peerEnded()
  }

  duplexFailed(fault: Error): void {
    // What it holds still, paused by push-back, came before the fault.
    if (!this.isMoving && this.#intake === 'open') readRest(this.#duplex)
    this.#user.duplexFailed(fault)
    this.#duplex.destroy() // One with `autoDestroy: false` does not do so by itself.
  }

  allSent(): void {
    this.#outlet?.allSent()
    this.#user.allSent()
  }

  duplexClosed(): void {
    this.#user.duplexClosed()
  }

  drained(): void {
    this.#outlet?.drained()
  }

  // ---- handing the duplex on; see handover

  /** Nothing passes from now on: what was written is on its way, and what is written yet waits for `go`. */
  stop(): void {
    this.#flow = 'moving'
    stopData(this.#duplex)
    this.outlet.stop()
  }

  /** Lets the duplex go. @returns every byte after the last message handed out. */
  leave(): Uint8Array {
    leave(this.#duplex)
    return this.#conversation.intake.rest()
  }

  /** Goes on with another duplex: the one that was let go, with TLS on it. */
  go(duplex: Duplex): void {
    this.#duplex = duplex
    this.#outlet?.go(duplex)
    this.#flow = 'flowing'
    this.#connect()
  }
}

// All calls of one connection, of both sides, without a stream: parts come in, parts go out.
//
//     ┌── this side closes ──────────────▶ draining ──┐
//     │                                       ▲       │ the connection is gone
//   open ── the peer has ended ──▶ unanswered ┘       ▼
//     └───────────────────────────────────┴────────▶ over
//
//   open        Both sides may begin calls.
//   unanswered  The peer has ended its side: it hears the answers to its calls, and gives none.
//   draining    No more calls are begun; those under way go on.
//   over        Nothing is sent or taken.

import { QbpError } from '../base/errors.ts'
import { Malformed } from '../codec/wire.ts'
import { CALL_CODES, type CallCode, CallError, codeName } from './call-error.ts'
import type { CallFrame, Dialect } from './dialect.ts'
import { Expiry } from './expiry.ts'
import type { CalleeHost, IncomingCall } from './incoming-call.ts'
import { IncomingCalls } from './incoming-calls.ts'
import type { CallLimits } from './limits.ts'
import type { CallerHost, OutgoingCall } from './outgoing-call.ts'
import { OutgoingCalls } from './outgoing-calls.ts'
import { CANCEL, Part, ReceivedPart } from './part.ts'
import type { CallPort } from './port.ts'
import type { ServedMethod } from './served-method.ts'
import { CallCounts } from './stats.ts'

export class Calls implements CallerHost, CalleeHost {
  readonly limits: CallLimits
  readonly dialect: Dialect
  readonly counts: CallCounts = new CallCounts()
  readonly #port: CallPort
  readonly #outgoing: OutgoingCalls
  readonly #incoming: IncomingCalls
  readonly #part = new ReceivedPart()
  readonly #expiry: Expiry
  #phase: 'open' | 'unanswered' | 'draining' | 'over' = 'open'
  /** Inboxes that hold up the connection. */
  #full = 0
  /** To be called when no call is under way any more. */
  #drained: (() => void)[] = []

  constructor(port: CallPort, dialect: Dialect, limits: CallLimits) {
    this.#port = port
    this.dialect = dialect
    this.limits = limits
    this.#outgoing = new OutgoingCalls(dialect, limits.maxMetadataBytes)
    this.#incoming = new IncomingCalls(this, dialect)
    this.#expiry = new Expiry(port, (now) => Math.min(this.#outgoing.expire(now), this.#incoming.expire(now)))
  }

  /** Serves a method. @throws {QbpError} ERR_QBP_BAD_OPTION if it is served already, or this side serves none. */
  serve(method: ServedMethod): void {
    this.#incoming.serve(method)
  }

  /** Whether frames are to be held up: an inbox without credit is full. */
  get isHeld(): boolean {
    return this.#full > 0
  }

  /** Whether no call is under way, of either side. */
  get isIdle(): boolean {
    return this.#outgoing.size + this.#incoming.size === 0
  }

  get underWay(): { in: number; out: number } {
    return { in: this.#incoming.size, out: this.#outgoing.size }
  }

  // ---- what comes

  carries(type: number | string): boolean {
    return this.dialect.carries(type)
  }

  /** Takes the frame of a part. A peer that breaks the rules hears of it by the port's `broken`. */
  receive(frame: CallFrame): void {
    if (this.#phase === 'over') return
    const received = this.#part
    try {
      this.dialect.read(frame, received)
    } catch (fault) {
      if (!(fault instanceof Malformed)) throw fault
      this.#port.broken(new QbpError('ERR_QBP_INVALID_BODY', `A part of a call does not decode: ${fault.problem}.`))
      return
    }
    if (!received.isReply && received.method !== '') {
      this.#begin(received)
      return
    }
    const breach = (received.isReply ? this.#outgoing : this.#incoming).take(received)
    if (breach === undefined) this.counts.dropped++
    else if (breach !== null) this.#port.broken(new QbpError('ERR_QBP_BAD_CALL', breach))
  }

  #begin(received: ReceivedPart): void {
    const { id, method } = received
    if (this.#incoming.has(id)) {
      const breach = `A call of ${method} came with the id ${id} of one that is under way.`
      this.#port.broken(new QbpError('ERR_QBP_BAD_CALL', breach))
      return
    }
    const refusal =
      this.#phase === 'draining'
        ? new CallError('UNAVAILABLE', 'This connection closes, and takes no more calls')
        : this.#incoming.begin(received)
    if (refusal === null) return
    this.counts.refused++
    this.send(Part.failure(id, CALL_CODES[refusal.code], refusal.message))
  }

  // ---- what goes: for the calls

  get connection(): object {
    return this.#port.connection
  }
  get hasCredit(): boolean {
    return this.dialect.hasCredit
  }
  get written(): number {
    return this.#port.written
  }

  hasLeft(mark: number): boolean {
    return this.#port.left >= mark
  }

  send(part: Part): boolean {
    if (this.#phase === 'over') return true
    if (part.step === CANCEL && !this.dialect.hasCancel) return true
    return this.#port.send(part)
  }

  room(): Promise<void> {
    return this.#port.room()
  }

  report(error: unknown): void {
    this.#port.report(error)
  }

  held(isFull: boolean): void {
    this.#full += isFull ? 1 : -1
    if (this.#full === 0) this.#port.resume()
  }

  expireAt(due: number): void {
    this.#expiry.at(due)
  }

  get now(): number {
    return this.#port.now
  }

  get watchedNow(): number {
    return this.#port.isWatched ? this.#port.now : 0
  }

  begin(call: OutgoingCall): number {
    if (this.#phase !== 'open' || this.#port.isOver) {
      const why = this.#phase === 'draining' ? 'closes' : 'has ended'
      throw new CallError('UNAVAILABLE', `The connection ${why}: ${call.path} was not sent`, {
        sent: false,
        lost: true,
      })
    }
    const id = this.#outgoing.begin(call)
    this.counts.out++
    return id
  }

  waits(call: OutgoingCall): void {
    this.#outgoing.waits(call)
  }

  waitsNoMore(call: OutgoingCall): void {
    this.#outgoing.waitsNoMore(call)
  }

  ended(call: OutgoingCall, code: CallCode | 'OK'): void {
    this.#outgoing.ended(call)
    this.#count('out', call, code)
  }

  accepted(call: IncomingCall): void {
    this.counts.in++
    if (call.due !== Number.POSITIVE_INFINITY) this.#expiry.at(call.due)
  }

  answered(call: IncomingCall, code: number): void {
    this.#incoming.ended(call)
    this.#count('in', call, code === 0 ? 'OK' : codeName(code))
  }

  #count(way: 'in' | 'out', { side, path, began }: IncomingCall | OutgoingCall, code: CallCode | 'OK'): void {
    this.counts.ended(way, code)
    if (this.#port.isWatched) this.#port.callEnded({ side, path, code, ms: began === 0 ? 0 : this.now - began })
    if (this.#drained.length > 0 && this.isIdle) for (const drained of this.#drained.splice(0)) drained()
  }

  /** The port's alarm has rung. */
  rang(): void {
    this.#expiry.rang()
  }

  // ---- the end

  /** Takes no more calls, and resolves when those under way are done. Streams that this side asked for end: they may have no end. */
  drain(): Promise<void> {
    if (this.#phase !== 'over') this.#phase = 'draining'
    this.#outgoing.endStreams()
    if (this.isIdle) return Promise.resolve()
    return new Promise((resolve) => this.#drained.push(resolve))
  }

  /** The peer has ended: it may still hear answers, and gives none. */
  unanswered(cause: Error | null): void {
    if (this.#phase === 'open') this.#phase = 'unanswered'
    this.#outgoing.gone(cause)
    this.#incoming.cut()
  }

  /** Nothing comes and nothing can be sent any more. */
  gone(cause: Error | null): void {
    if (this.#phase === 'over') return
    this.#phase = 'over'
    this.#outgoing.gone(cause)
    this.#incoming.gone(cause)
  }
}

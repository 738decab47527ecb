// All calls of one connection, of both sides, without a stream: parts come in, parts go out.

import { QbpError } from '../base/errors.ts'
import { Malformed } from '../codec/wire.ts'
import { CALL_CODES, type CallCode, CallError, codeName } from './call-error.ts'
import type { CallFrame, Dialect } from './dialect.ts'
import { Expiry } from './expiry.ts'
import { IncomingCall, type ServedMethod } from './incoming-call.ts'
import type { CallLimits } from './limits.ts'
import { checkMetadata } from './metadata.ts'
import type { CallerHost, OutgoingCall } from './outgoing-call.ts'
import { CANCEL, CREDIT, LAST, MORE, type Part, part, ReceivedPart } from './part.ts'
import type { CallPort } from './port.ts'
import { CallCounts, type CallStats } from './stats.ts'

export class Calls implements CallerHost {
  readonly limits: CallLimits
  readonly dialect: Dialect
  readonly #port: CallPort
  readonly #counts = new CallCounts()
  readonly #served = new Map<string, ServedMethod>()
  readonly #outgoing = new Map<number, OutgoingCall>()
  readonly #incoming = new Map<number, IncomingCall>()
  readonly #part = new ReceivedPart()
  readonly #expiry: Expiry
  #nextId: number
  /** Inboxes that hold up the connection. */
  #full = 0
  /** 'open' takes calls; 'draining' lets those under way finish; 'over': the connection is gone. */
  #phase: 'open' | 'draining' | 'over' = 'open'
  /** The peer has ended: no answer comes any more. */
  #isUnanswered = false
  #drained: (() => void) | null = null

  constructor(port: CallPort, dialect: Dialect, limits: CallLimits) {
    this.#port = port
    this.dialect = dialect
    this.limits = limits
    this.#nextId = dialect.firstId
    this.#expiry = new Expiry(
      (ms) => port.alarm(ms),
      (now) => this.#expire(now),
    )
  }

  /** Serves a method. @throws {QbpError} ERR_QBP_BAD_OPTION if it is served already, or this side serves none. */
  serve(method: ServedMethod): void {
    const { path } = method.type
    if (!this.dialect.mayServe)
      throw new QbpError('ERR_QBP_BAD_OPTION', `This side only calls in this dialect: ${path} cannot be served.`)
    if (this.#served.has(path))
      throw new QbpError('ERR_QBP_BAD_OPTION', `${path} is served on this connection already.`)
    this.#served.set(path, method)
  }

  /** Whether frames are to be held up: an inbox without credit is full. */
  get isHeld(): boolean {
    return this.#full > 0
  }

  /** Whether calls are under way, of either side. */
  get isIdle(): boolean {
    return this.#outgoing.size + this.#incoming.size === 0
  }

  stats(): CallStats {
    return this.#counts.stats(this.#incoming.size, this.#outgoing.size)
  }

  get counts(): CallCounts {
    return this.#counts
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
    if (received.isReply) this.#reply(received)
    else if (received.method !== '') this.#begin(received)
    else this.#further(received)
  }

  #reply(received: ReceivedPart): void {
    const call = this.#outgoing.get(received.id)
    if (call === undefined) {
      this.#counts.dropped++ // Of a call that this side has given up, most often.
      return
    }
    if (received.step === LAST) call.last(received)
    else if (received.step === CREDIT) call.credit(received.credit)
    else if (received.step !== MORE) return
    else if (!call.more(received)) this.#overrun(call.path, 'an answer')
    else if (received.closes) call.finish()
  }

  #further(received: ReceivedPart): void {
    const call = this.#incoming.get(received.id)
    if (call === undefined) {
      this.#counts.dropped++ // Of a call that this side has answered, most often.
      return
    }
    if (received.step === LAST) call.last()
    else if (received.step === CREDIT) call.credit(received.credit)
    else if (received.step === CANCEL)
      call.stop(new CallError('CANCELLED', `The caller has given up ${call.path}`), false)
    else if (!call.more(received)) {
      call.stop(new CallError('RESOURCE_EXHAUSTED', 'A request came beyond the window'), true)
      this.#overrun(call.path, 'a request')
    } else if (received.closes) call.last()
  }

  #begin(received: ReceivedPart): void {
    const { id, method } = received
    if (this.#incoming.has(id)) {
      this.#port.broken(
        new QbpError('ERR_QBP_BAD_CALL', `A call of ${method} came with the id ${id} of one that is under way.`),
      )
      return
    }
    const served = this.#served.get(method)
    const refusal = this.#refusal(received, served)
    if (refusal !== null || served === undefined) {
      this.#refuse(id, refusal as CallError)
      return
    }
    const call = new IncomingCall(this, served, received, this.#answered)
    try {
      call.begin(received)
    } catch (fault) {
      if (!(fault instanceof QbpError)) throw fault
      this.#refuse(id, new CallError('INVALID_ARGUMENT', fault.message))
      return
    }
    this.#incoming.set(id, call)
    this.#counts.in++
    if (call.due !== Number.POSITIVE_INFINITY) this.#expiry.at(call.due)
    call.start()
  }

  /** Why a call is not even begun, or null. */
  #refusal({ method, metadataBytes }: ReceivedPart, served: ServedMethod | undefined): CallError | null {
    const { maxCalls, maxMetadataBytes } = this.limits
    if (this.#phase !== 'open') return new CallError('UNAVAILABLE', 'This connection closes, and takes no more calls')
    if (served === undefined) return new CallError('UNIMPLEMENTED', `${method.slice(0, 200)} is not served here`)
    if (this.#incoming.size >= maxCalls)
      return new CallError(
        'RESOURCE_EXHAUSTED',
        `${maxCalls} calls are under way on this connection, which is maxCalls`,
      )
    if (metadataBytes > maxMetadataBytes)
      return new CallError(
        'RESOURCE_EXHAUSTED',
        `The metadata takes ${metadataBytes} bytes; maxMetadataBytes allows ${maxMetadataBytes}`,
      )
    return null
  }

  #refuse(id: number, { code, message }: CallError): void {
    this.#counts.refused++
    this.send({ ...part(true, id, LAST), code: CALL_CODES[code], text: message })
  }

  #overrun(path: string, what: string): void {
    this.#port.broken(
      new QbpError('ERR_QBP_BAD_CALL', `${path}: ${what} came beyond the window that the peer was given.`),
    )
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

  /** @throws {CallError} UNAVAILABLE if none can be begun; of its metadata. */
  begin(call: OutgoingCall): number {
    if (!this.dialect.mayCall)
      throw new QbpError('ERR_QBP_BAD_OPTION', `This side only serves in this dialect: ${call.path} cannot be called.`)
    if (this.#phase !== 'open' || this.#isUnanswered || this.#port.isOver) {
      const why = this.#phase === 'draining' ? 'closes' : 'has ended'
      throw new CallError('UNAVAILABLE', `The connection ${why}: ${call.path} was not sent`, { sent: false })
    }
    checkMetadata(call.metadata, this.limits.maxMetadataBytes)
    let id = this.#nextId
    while (this.#outgoing.has(id)) id = this.#after(id)
    this.#nextId = this.#after(id)
    this.#outgoing.set(id, call)
    this.#counts.out++
    return id
  }

  #after(id: number): number {
    const next = id + this.dialect.idStep
    return next > MOST_ID ? this.dialect.firstId : next
  }

  ended(call: OutgoingCall, code: CallCode | 'OK'): void {
    this.#outgoing.delete(call.id)
    this.#counts.ended('out', code)
    if (this.#port.isWatched) this.#publish(call, code)
    this.#check()
  }

  readonly #answered = (call: IncomingCall, code: number): void => {
    this.#incoming.delete(call.id)
    this.#counts.ended('in', code)
    if (this.#port.isWatched) this.#publish(call, code === 0 ? 'OK' : codeName(code))
    this.#check()
  }

  get watchedNow(): number {
    return this.#port.isWatched ? performance.now() : 0
  }

  #publish({ side, path, began }: IncomingCall | OutgoingCall, code: CallCode | 'OK'): void {
    this.#port.callEnded({ side, path, code, ms: began === 0 ? 0 : performance.now() - began })
  }

  // ---- deadlines

  rang(): void {
    this.#expiry.rang()
  }

  #expire(now: number): number {
    let next = Number.POSITIVE_INFINITY
    for (const call of [...this.#outgoing.values()]) {
      if (call.due <= now) call.expire()
      else if (call.due < next) next = call.due
    }
    for (const call of [...this.#incoming.values()]) {
      if (call.due <= now)
        call.stop(new CallError('DEADLINE_EXCEEDED', `${call.path} took longer than the caller waits`), true)
      else if (call.due < next) next = call.due
    }
    return next
  }

  // ---- the end

  /** Takes no more calls, and resolves when those under way are done. Streams that this side asked for end: they may have no end. */
  drain(): Promise<void> {
    if (this.#phase === 'open') this.#phase = 'draining'
    for (const call of [...this.#outgoing.values()])
      if (call.responseStream)
        call.cancel(new CallError('CANCELLED', `The connection closes on this side: ${call.path} ends`))
    if (this.isIdle) return Promise.resolve()
    return new Promise((resolve) => {
      const before = this.#drained
      this.#drained = () => {
        before?.()
        resolve()
      }
    })
  }

  /** The peer has ended: it may still hear answers, and gives none. */
  unanswered(cause: Error | null): void {
    this.#isUnanswered = true
    for (const call of [...this.#outgoing.values()]) call.gone(cause)
  }

  /** Nothing comes and nothing can be sent any more. */
  gone(cause: Error | null): void {
    if (this.#phase === 'over') return
    this.#phase = 'over'
    for (const call of [...this.#outgoing.values()]) call.gone(cause)
    const reason = new CallError(
      'UNAVAILABLE',
      'The connection to the caller has ended',
      cause === null ? {} : { cause },
    )
    for (const call of [...this.#incoming.values()]) call.stop(reason, false)
    this.#check()
  }

  #check(): void {
    if (!this.isIdle || this.#drained === null) return
    const drained = this.#drained
    this.#drained = null
    drained()
  }
}

const MOST_ID = 2 ** 32 - 1

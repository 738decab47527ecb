import { QbpError } from '../base/errors.ts'
import { CallError } from './call-error.ts'
import { CallTable } from './call-table.ts'
import type { Dialect } from './dialect.ts'
import { endLate } from './expiry.ts'
import { type CalleeHost, IncomingCall } from './incoming-call.ts'
import { CANCEL, CREDIT, LAST, type ReceivedPart } from './part.ts'
import type { ServedMethod } from './served-method.ts'

/** What this side serves, and the calls of the peer that are under way, by their numbers. */
export class IncomingCalls {
  readonly #host: CalleeHost
  readonly #dialect: Dialect
  readonly #served = new Map<string, ServedMethod>()
  readonly #calls = new CallTable<IncomingCall>()

  constructor(host: CalleeHost, dialect: Dialect) {
    this.#host = host
    this.#dialect = dialect
  }

  get size(): number {
    return this.#calls.size
  }

  /** Serves a method. @throws {QbpError} ERR_QBP_BAD_OPTION if it is served already, or this side serves none. */
  serve(method: ServedMethod): void {
    const { path } = method.type
    if (!this.#dialect.mayServe)
      throw new QbpError('ERR_QBP_BAD_OPTION', `This side only calls in this dialect: ${path} cannot be served.`)
    if (this.#served.has(path))
      throw new QbpError('ERR_QBP_BAD_OPTION', `${path} is served on this connection already.`)
    this.#served.set(path, method)
  }

  has(id: number): boolean {
    return this.#calls.has(id)
  }

  /**
   * Begins a call: its handler may have answered when this returns.
   *
   * @returns null, or why it is not even begun.
   */
  begin(received: ReceivedPart): CallError | null {
    const served = this.#served.get(received.method)
    if (served === undefined)
      return new CallError('UNIMPLEMENTED', `${received.method.slice(0, 200)} is not served here`)
    const refusal = this.#refusal(received)
    if (refusal !== null) return refusal
    let call: IncomingCall
    try {
      call = new IncomingCall(this.#host, served, received)
    } catch (fault) {
      if (!(fault instanceof QbpError)) throw fault
      return new CallError('INVALID_ARGUMENT', fault.message)
    }
    this.#calls.add(call)
    this.#host.accepted(call)
    call.start()
    return null
  }

  #refusal({ metadataBytes }: ReceivedPart): CallError | null {
    const { maxCalls, maxMetadataBytes } = this.#host.limits
    if (this.#calls.size >= maxCalls)
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

  ended(call: IncomingCall): void {
    this.#calls.delete(call)
  }

  /**
   * Takes a further part of a call.
   *
   * @returns what the caller may not do, or null; undefined where there is no such call: one that this side has answered, most often.
   */
  take(received: ReceivedPart): string | null | undefined {
    const call = this.#calls.get(received.id)
    if (call === undefined) return undefined
    if (received.step === LAST) call.last()
    else if (received.step === CREDIT) call.credit(received.credit)
    else if (received.step === CANCEL)
      call.stop(new CallError('CANCELLED', `The caller has given up ${call.path}`), false)
    else if (!call.more(received)) {
      call.stop(new CallError('RESOURCE_EXHAUSTED', 'A request came beyond the window'), true)
      return `${call.path}: a request came beyond the window that the peer was given.`
    } else if (received.closes) call.last()
    return null
  }

  /** Ends those that are late. @returns when the next is. */
  expire(now: number): number {
    return endLate(this.#calls, now, (call) =>
      call.stop(new CallError('DEADLINE_EXCEEDED', `${call.path} took longer than the caller waits`), true),
    )
  }

  /** No requests come any more: those that wait for some end. The caller may still hear of it. */
  cut(): void {
    for (const call of [...this.#calls])
      if (call.phase === 'receiving')
        call.stop(new CallError('CANCELLED', `The caller ended its side before its last request of ${call.path}`), true)
  }

  /** Nobody is there to answer any more. */
  gone(cause: Error | null): void {
    const facts = cause === null ? {} : { cause }
    const reason = new CallError('UNAVAILABLE', 'The connection to the caller has ended', facts)
    for (const call of [...this.#calls]) call.stop(reason, false)
  }
}

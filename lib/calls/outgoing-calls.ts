import { QbpError } from '../base/errors.ts'
import { CallError } from './call-error.ts'
import { CallTable } from './call-table.ts'
import type { Dialect } from './dialect.ts'
import { endLate } from './expiry.ts'
import { checkMetadata } from './metadata.ts'
import type { OutgoingCall } from './outgoing-call.ts'
import { CREDIT, LAST, MORE, type ReceivedPart } from './part.ts'

/** The calls of this side that are under way, by their numbers. */
export class OutgoingCalls {
  readonly #dialect: Dialect
  readonly #maxMetadataBytes: number
  readonly #calls = new CallTable<OutgoingCall>()
  /** Those that their interceptors have not let go on yet. */
  readonly #waiting = new Set<OutgoingCall>()
  #nextId: number

  constructor(dialect: Dialect, maxMetadataBytes: number) {
    this.#dialect = dialect
    this.#maxMetadataBytes = maxMetadataBytes
    this.#nextId = dialect.firstId
  }

  get size(): number {
    return this.#calls.size
  }

  /** Numbers a call. @throws {QbpError} ERR_QBP_BAD_OPTION in a dialect in which this side serves only. @throws {CallError} of its metadata. */
  begin(call: OutgoingCall): number {
    if (!this.#dialect.mayCall)
      throw new QbpError('ERR_QBP_BAD_OPTION', `This side only serves in this dialect: ${call.path} cannot be called.`)
    checkMetadata(call.metadata, this.#maxMetadataBytes)
    let id = this.#nextId
    while (this.#calls.has(id)) id = this.#after(id)
    this.#nextId = this.#after(id)
    this.#calls.add(call, id)
    return id
  }

  #after(id: number): number {
    const next = id + this.#dialect.idStep
    return next > MOST_ID ? this.#dialect.firstId : next
  }

  waits(call: OutgoingCall): void {
    this.#waiting.add(call)
  }

  waitsNoMore(call: OutgoingCall): void {
    this.#waiting.delete(call)
  }

  ended(call: OutgoingCall): void {
    this.#calls.delete(call)
  }

  /**
   * Takes a part of an answer.
   *
   * @returns what the callee may not do, or null; undefined where there is no such call: one that this side has given up, most often.
   */
  take(received: ReceivedPart): string | null | undefined {
    const call = this.#calls.get(received.id)
    if (call === undefined) return undefined
    if (received.step === LAST) call.last(received)
    else if (received.step === CREDIT) call.credit(received.credit)
    else if (received.step !== MORE) return null
    else if (!call.more(received)) return `${call.path}: an answer came beyond the window that the peer was given.`
    else if (received.closes) call.finish()
    return null
  }

  /** Ends those that are late. @returns when the next is. */
  expire(now: number): number {
    const expire = (call: OutgoingCall) => call.expire()
    return Math.min(endLate(this.#calls, now, expire), endLate(this.#waiting, now, expire))
  }

  /** Ends those whose answers are a stream: they may have no end. */
  endStreams(): void {
    for (const call of [...this.#calls])
      if (call.responseStream)
        call.cancel(new CallError('CANCELLED', `The connection closes on this side: ${call.path} ends`))
  }

  /** No answer comes any more. */
  gone(cause: Error | null): void {
    for (const call of [...this.#calls, ...this.#waiting]) call.gone(cause)
  }
}

const MOST_ID = 2 ** 32 - 1

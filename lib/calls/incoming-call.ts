import { factOf } from '../base/shown.ts'
import { isA } from '../base/thrown.ts'
// A call of the peer's, and what a handler sees of it.
//
//   receiving ──its last request has come──▶ answering ──the answer is sent──▶ over
//        └──────────given up by the caller, late, refused, or the connection is gone──▶┘

import { Call } from './call.ts'
import { CALL_CODES, CallError, type Metadata } from './call-error.ts'
import type { CallHost } from './host.ts'
import { Inbox, type InboxOwner } from './inbox.ts'
import { within } from './interceptor.ts'
import { sentMetadata } from './metadata.ts'
import { type Items, Outbox } from './outbox.ts'
import { LAST, Part, type ReceivedPart } from './part.ts'
import type { CallContext, ServedMethod } from './served-method.ts'

/** What all calls of the peer's do for one. */
export interface CalleeHost extends CallHost {
  /** It is begun: its handler is called next. */
  accepted(call: IncomingCall): void
  /** It is over, with this code on the wire. */
  answered(call: IncomingCall, code: number): void
}

export class IncomingCall extends Call<CalleeHost> implements CallContext, InboxOwner {
  readonly side = 'callee'
  readonly id: number
  phase: 'receiving' | 'answering' | 'over' = 'receiving'
  /** The request, where it is one. */
  request: unknown = null
  readonly #method: ServedMethod
  #answerMetadata: Metadata | null = null
  readonly #inbox: Inbox | null
  readonly #outbox: Outbox | null

  /** The part that begins it: `start` follows. @throws {QbpError} ERR_QBP_INVALID_BODY */
  constructor(host: CalleeHost, method: ServedMethod, received: ReceivedPart) {
    const { type, service } = method
    const { id, timeoutMs, metadata, step, buffer, start, end } = received
    super(host, service, type, metadata ?? {}, timeoutMs === 0 ? Number.POSITIVE_INFINITY : timeoutMs)
    this.#method = method
    this.id = id
    const { windowBytes } = host.limits
    this.#inbox = type.requestStream ? new Inbox(type.request, this, windowBytes, host.hasCredit) : null
    this.#outbox = type.responseStream ? new Outbox(host, true, id, type.response) : null
    if (this.#inbox === null) this.request = type.request.read(buffer, start, end)
    if (step === LAST) this.last()
  }

  /** Made when somebody asks. */
  get answerMetadata(): Metadata {
    this.#answerMetadata ??= {}
    return this.#answerMetadata
  }

  // ---- what comes

  /** A further part of its requests. @returns false if the caller may not send it. */
  more({ buffer, start, end }: ReceivedPart): boolean {
    return this.phase !== 'receiving' || this.#inbox === null || this.#inbox.arrive(buffer, start, end)
  }

  last(): void {
    if (this.phase !== 'receiving') return
    this.phase = 'answering'
    this.#inbox?.close(null)
  }

  credit(bytes: number): void {
    this.#outbox?.credit(bytes)
  }

  /** It ends without an answer, or with this one: the caller has gone, is late, or must hear of it. */
  stop(reason: CallError, answers: boolean): void {
    if (this.phase === 'over') return
    this.fault = reason
    this.#inbox?.close(reason, true)
    if (answers) this.#answer(CALL_CODES[reason.code], reason)
    else this.#over(CALL_CODES[reason.code])
    this.abort(reason)
  }

  // ---- the handler

  /** Calls the handler, whose answer ends it. */
  start(): void {
    const { interceptors, type } = this.#method
    // No async function for one answer: this is the path of most calls, and each promise counts.
    let answer: unknown
    let promise: Promise<unknown> | null
    try {
      if (interceptors.length > 0) answer = this.#startWithin(interceptors)
      else answer = type.responseStream ? this.#stream() : this.#handle()
      promise = isPromise(answer) ? Promise.resolve(answer) : null // What is no promise of Node's may do anything in its `then`.
    } catch (error) {
      this.#threw(error)
      return
    }
    if (promise === null) this.#done(answer)
    else
      promise.then(
        (value) => this.#done(value),
        (error) => this.#threw(error),
      )
  }

  async #startWithin(interceptors: ServedMethod['interceptors']): Promise<unknown> {
    let answer: unknown
    const work = async () => {
      answer = await (this.#outbox === null ? this.#handle() : this.#stream())
    }
    const skipped = () => new Error(`An interceptor of ${this.path} returned without next()`)
    await within(interceptors, this, work, skipped)
    return answer
  }

  #handle(): unknown {
    const { handler } = this.#method
    return handler((this.#inbox ?? this.request) as never, this)
  }

  async #stream(): Promise<void> {
    await this.#outbox?.send(this.#handle() as Items)
  }

  #done(answer: unknown): void {
    if (this.phase === 'over') return
    const { type } = this.#method
    if (type.responseStream) {
      this.#answer(0, null)
      return
    }
    try {
      // No `??`: an answer of null is refused as one that is none.
      const message = answer === undefined ? {} : type.response.message(answer)
      const last = new Part(true, this.id, LAST, type.response.type, message)
      last.metadata = sentMetadata(this.#answerMetadata, this.host.limits.maxMetadataBytes)
      this.host.send(last)
      this.#over(0)
    } catch (refusal) {
      this.#unanswerable(refusal)
    }
  }

  /** A handler threw, or its answer cannot be sent. Only a CallError's text is for the caller. */
  #threw(error: unknown): void {
    const isOver = this.phase === 'over'
    if (isA(error, CallError)) {
      if (!isOver) this.#answer(CALL_CODES[error.code], error)
      return
    }
    if (!isOver) this.#answerInternal()
    if (!this.#isOwnAbort(error)) this.host.report(error)
  }

  /** Its answer cannot be sent, or what is to travel with it: that is this side's fault, whatever the refusal says of a caller's. */
  #unanswerable(refusal: unknown): void {
    this.#answerMetadata = null
    this.#answerInternal()
    this.host.report(refusal)
  }

  /** What went wrong here is not for the caller. */
  #answerInternal(): void {
    this.#answer(CALL_CODES.INTERNAL, new CallError('INTERNAL', `${this.path} failed`))
  }

  /** A handler that was given up most often throws its signal's reason, or what waited for the signal threw. */
  #isOwnAbort(error: unknown): boolean {
    return this.fault !== null && (error === this.fault || factOf(error, 'name') === 'AbortError')
  }

  /** Ends it without a message: well, or by this error. */
  #answer(code: number, error: CallError | null): void {
    const last = Part.failure(this.id, code, error?.message ?? '')
    try {
      last.metadata = sentMetadata(this.#answerMetadata, this.host.limits.maxMetadataBytes, error?.metadata)
      if (error !== null) last.details = error.details
      this.host.send(last)
    } catch (refusal) {
      this.host.report(refusal)
      if (code === 0) code = CALL_CODES.INTERNAL
      this.host.send(Part.failure(this.id, code, ''))
    }
    this.#over(code)
  }

  #over(code: number): void {
    this.phase = 'over'
    this.#inbox?.close(null, true)
    this.#outbox?.stop()
    this.host.answered(this, code)
  }

  // ---- for the inbox

  grant(credit: number): void {
    if (this.phase === 'receiving') this.host.send(Part.credit(true, this.id, credit))
  }

  held(isFull: boolean): void {
    this.host.held(isFull)
  }

  /** The handler takes no more requests; what still comes is dropped. A body that did not decode is the caller's fault. */
  left(fault: CallError | null): void {
    if (fault !== null) this.stop(new CallError('INVALID_ARGUMENT', fault.message, { cause: fault.cause }), true)
  }
}

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as PromiseLike<unknown>).then === 'function'

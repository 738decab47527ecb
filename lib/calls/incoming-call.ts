// A call of the peer's, and what a handler sees of it.
//
//   receiving ──its last request has come──▶ answering ──the answer is sent──▶ over
//        └──────────given up by the caller, late, refused, or the connection is gone──▶┘

import type { MethodType } from '../protocol/method.ts'
import { CALL_CODES, CallError, type Metadata } from './call-error.ts'
import type { CallHost } from './host.ts'
import { Inbox, type InboxOwner } from './inbox.ts'
import { type InterceptedCall, type Interceptor, within } from './interceptor.ts'
import { checkMetadata } from './metadata.ts'
import { type Items, Outbox } from './outbox.ts'
import { CREDIT, LAST, part, type ReceivedPart } from './part.ts'

/** What a handler gets beside the request. */
export interface CallContext {
  readonly path: string
  /** What came with the request. */
  readonly metadata: Metadata
  /** Aborted when the caller has given up (CANCELLED), it is late (DEADLINE_EXCEEDED), or the connection is gone (UNAVAILABLE). */
  readonly signal: AbortSignal
  /** Milliseconds until the caller's deadline; Infinity without one. */
  readonly timeLeftMs: number
  /** The connection that it came on. */
  readonly connection: object
  /** What travels with the end of the answer: a handler may add to it. */
  readonly answerMetadata: Metadata
}

/** A handler of any kind of method. */
export type AnyHandler = (request: never, context: CallContext) => unknown

/** A method as it is served. */
export interface ServedMethod {
  readonly type: MethodType
  readonly service: string
  readonly handler: AnyHandler
  readonly interceptors: readonly Interceptor[]
}

export class IncomingCall implements CallContext, InterceptedCall, InboxOwner {
  readonly side = 'callee'
  readonly id: number
  phase: 'receiving' | 'answering' | 'over' = 'receiving'
  /** When it is late, of `performance.now()`. */
  readonly due: number
  readonly began: number
  readonly metadata: Metadata
  readonly answerMetadata: Metadata = {}
  /** The request, where it is one. */
  request: object | null = null
  readonly #host: CallHost
  readonly #method: ServedMethod
  readonly #ended: (call: IncomingCall, code: number) => void
  readonly #inbox: Inbox | null
  readonly #outbox: Outbox | null
  #abort: AbortController | null = null
  /** Why it was given up. */
  #reason: CallError | null = null

  constructor(
    host: CallHost,
    method: ServedMethod,
    { id, timeoutMs, metadata }: ReceivedPart,
    ended: (call: IncomingCall, code: number) => void,
  ) {
    const { type } = method
    this.#host = host
    this.#method = method
    this.#ended = ended
    this.id = id
    this.began = host.watchedNow
    this.metadata = metadata ?? {}
    this.due = timeoutMs === 0 ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs
    this.#inbox = type.requestStream ? new Inbox(type.readRequest, this, host.limits.windowBytes, host.hasCredit) : null
    this.#outbox = type.responseStream ? new Outbox(host, true, id, type.response) : null
  }

  // ---- for the handler and the interceptors

  get path(): string {
    return this.#method.type.path
  }
  get method(): string {
    return this.#method.type.name
  }
  get service(): string {
    return this.#method.service
  }
  get requestStream(): boolean {
    return this.#method.type.requestStream
  }
  get responseStream(): boolean {
    return this.#method.type.responseStream
  }
  get connection(): object {
    return this.#host.connection
  }
  get timeLeftMs(): number {
    return Math.max(0, this.due - performance.now())
  }

  /** Made when somebody asks: most handlers are done before anybody could give up. */
  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController()
      if (this.#reason !== null) this.#abort.abort(this.#reason)
    }
    return this.#abort.signal
  }

  // ---- what comes

  /** The part that begins it: `start` follows. @throws {QbpError} ERR_QBP_INVALID_BODY */
  begin({ step, buffer, start, end }: ReceivedPart): void {
    if (this.#inbox === null) this.request = this.#method.type.readRequest(buffer, start, end)
    if (step === LAST) this.#lastHasCome()
  }

  /** A further part of its requests. @returns false if the caller may not send it. */
  more({ buffer, start, end }: ReceivedPart): boolean {
    return this.phase !== 'receiving' || this.#inbox === null || this.#inbox.arrive(buffer, start, end)
  }

  last(): void {
    if (this.phase === 'receiving') this.#lastHasCome()
  }

  credit(bytes: number): void {
    this.#outbox?.credit(bytes)
  }

  #lastHasCome(): void {
    this.phase = 'answering'
    this.#inbox?.close(null)
  }

  /** It ends without an answer, or with this one: the caller has gone, is late, or must hear of it. */
  stop(reason: CallError, answers: boolean): void {
    if (this.phase === 'over') return
    this.#reason = reason
    this.#inbox?.close(reason, true)
    if (answers) this.#answer(CALL_CODES[reason.code], reason)
    else this.#over(CALL_CODES[reason.code])
    this.#abort?.abort(reason)
  }

  // ---- the handler

  start(): void {
    const { interceptors, type } = this.#method
    if (interceptors.length > 0) void this.#startWithin(interceptors)
    else if (type.responseStream)
      void this.#stream().then(
        () => this.#done(null),
        (error) => this.#threw(error),
      )
    else {
      // No async function: this is the path of most calls, and each promise counts.
      try {
        const answer = this.#handle()
        if (isPromise(answer))
          answer.then(
            (value) => this.#done(value),
            (error) => this.#threw(error),
          )
        else this.#done(answer)
      } catch (error) {
        this.#threw(error)
      }
    }
  }

  async #startWithin(interceptors: readonly Interceptor[]): Promise<void> {
    let answer: unknown
    let isDone = false
    try {
      await within(interceptors, this, async () => {
        if (this.#outbox !== null) await this.#stream()
        else answer = await this.#handle()
        isDone = true
      })
      if (!isDone) throw new Error(`An interceptor of ${this.path} returned without next() and threw no CallError.`)
      this.#done(answer)
    } catch (error) {
      this.#threw(error)
    }
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
      checkMetadata(this.answerMetadata, this.#host.limits.maxMetadataBytes)
      // No `??`: an answer of null is refused as one that is none.
      this.#host.send({
        ...part(true, this.id, LAST, type.response, answer === undefined ? {} : (answer as object)),
        metadata: this.#sentMetadata(),
      })
      this.#over(0)
    } catch (error) {
      this.#threw(error)
    }
  }

  /** A handler threw, or its answer cannot be sent. Only a CallError's text is for the caller. */
  #threw(error: unknown): void {
    const isOver = this.phase === 'over'
    if (error instanceof CallError) {
      if (!isOver) this.#answer(CALL_CODES[error.code], error)
    } else {
      if (!isOver) this.#answer(CALL_CODES.INTERNAL, new CallError('INTERNAL', `${this.path} failed`))
      if (!this.#isOwnAbort(error)) this.#host.report(error)
    }
  }

  /** A handler that was given up most often throws its signal's reason, or what waited for the signal threw. */
  #isOwnAbort(error: unknown): boolean {
    return (
      this.#reason !== null && (error === this.#reason || (error as { name?: unknown } | null)?.name === 'AbortError')
    )
  }

  #sentMetadata(): Metadata | null {
    for (const _ in this.answerMetadata) return this.answerMetadata
    return null
  }

  #answer(code: number, error: CallError | null): void {
    let metadata = this.#sentMetadata()
    for (const [key, value] of Object.entries(error?.metadata ?? {})) metadata = { ...metadata, [key]: value }
    try {
      if (metadata !== null) checkMetadata(metadata, this.#host.limits.maxMetadataBytes)
      this.#host.send({
        ...part(true, this.id, LAST),
        code,
        metadata,
        text: error?.message ?? '',
        details: error?.details ?? [],
      })
    } catch (refusal) {
      this.#host.report(refusal)
      this.#host.send({ ...part(true, this.id, LAST), code: code === 0 ? CALL_CODES.INTERNAL : code })
    }
    this.#over(code)
  }

  #over(code: number): void {
    this.phase = 'over'
    this.#inbox?.close(null, true)
    this.#outbox?.stop()
    this.#ended(this, code)
  }

  // ---- for the inbox

  grant(credit: number): void {
    if (this.phase === 'receiving') this.#host.send({ ...part(true, this.id, CREDIT), credit })
  }

  held(isFull: boolean): void {
    this.#host.held(isFull)
  }

  /** The handler takes no more requests; what still comes is dropped. A body that did not decode is the caller's fault. */
  left(fault: CallError | null): void {
    if (fault !== null) this.stop(new CallError('INVALID_ARGUMENT', fault.message, { cause: fault.cause }), true)
  }
}

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as PromiseLike<unknown>).then === 'function'

// A call of this side's.
//
//   unsent ──its first part is written──▶ asking ──its last request is written──▶ waiting ──the end has come──▶ over
//      └────────────────given up, late, refused, or the connection is gone───────────────────────────────────────▶┘

import type { MethodType } from '../protocol/method.ts'
import { type CallCode, CallError, codeName, type Metadata } from './call-error.ts'
import type { CallHost } from './host.ts'
import { Inbox, type InboxOwner, undecodable } from './inbox.ts'
import type { InterceptedCall } from './interceptor.ts'
import { type Items, Outbox } from './outbox.ts'
import { CANCEL, CREDIT, LAST, MORE, type Part, part, type ReceivedPart } from './part.ts'

/** For one call. */
export interface CallSettings {
  /** How long to wait for its end, in milliseconds. Default: `callTimeoutMs` for one request and one answer, else for ever. */
  timeoutMs?: number
  /** Gives it up: it fails with CANCELLED, and the callee's signal aborts. */
  signal?: AbortSignal
  /** Travels with the request, for the callee's `context.metadata`. */
  metadata?: Metadata
  /** Called with what came with the end of the answer, before the answer is there. */
  onMetadata?: (metadata: Metadata) => void
}

/** What all calls of the connection do for one. */
export interface CallerHost extends CallHost {
  /** Numbers a call, and has what comes of it given to it. */
  begin(call: OutgoingCall): number
  /** It is over. */
  ended(call: OutgoingCall, code: CallCode | 'OK'): void
  /** How many bytes the connection has written so far; whether the first so many have left this process, or may have. */
  readonly written: number
  hasLeft(mark: number): boolean
}

export class OutgoingCall implements InterceptedCall, InboxOwner {
  readonly side = 'caller'
  readonly type: MethodType
  readonly service: string
  readonly metadata: Metadata
  /** The request, where it is one. */
  readonly request: object | null
  /** What comes of its answers, where they are a stream. */
  readonly inbox: Inbox | null
  phase: 'unsent' | 'asking' | 'waiting' | 'over' = 'unsent'
  id = 0
  due = Number.POSITIVE_INFINITY
  readonly began: number
  readonly #host: CallerHost
  readonly #settings: CallSettings
  readonly #requests: Items | null
  #timeoutMs: number
  #outbox: Outbox | null = null
  /** Where its first part ends among the bytes of the connection. */
  #mark = 0
  #resolve: ((answer: object | undefined) => void) | null = null
  #reject: ((error: CallError) => void) | null = null
  #abort: AbortController | null = null
  #fault: CallError | null = null
  #onAbort: (() => void) | null = null

  constructor(host: CallerHost, service: string, type: MethodType, request: object, settings: CallSettings) {
    this.#host = host
    this.#settings = settings
    this.began = host.watchedNow
    this.service = service
    this.type = type
    this.metadata = settings.metadata === undefined ? {} : { ...settings.metadata }
    this.request = type.requestStream ? null : request
    this.#requests = type.requestStream ? (request as Items) : null
    const isPlain = !type.requestStream && !type.responseStream
    this.#timeoutMs = settings.timeoutMs ?? (isPlain ? host.limits.timeoutMs : Number.POSITIVE_INFINITY)
    if (this.#timeoutMs < Number.POSITIVE_INFINITY) this.due = performance.now() + this.#timeoutMs
    this.inbox = type.responseStream
      ? new Inbox(type.readResponse, this, host.limits.windowBytes, host.hasCredit)
      : null
  }

  // ---- for interceptors

  get path(): string {
    return this.type.path
  }
  get method(): string {
    return this.type.name
  }
  get requestStream(): boolean {
    return this.type.requestStream
  }
  get responseStream(): boolean {
    return this.type.responseStream
  }
  get connection(): object {
    return this.#host.connection
  }
  get timeLeftMs(): number {
    return Math.max(0, this.due - performance.now())
  }
  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController()
      if (this.#fault !== null) this.#abort.abort(this.#fault)
    }
    return this.#abort.signal
  }

  // ---- the way out

  /** Sends what begins it, and resolves with its one answer, or when its stream of them has ended. @throws {CallError} */
  start(): Promise<object | undefined> {
    const ended = new Promise<object | undefined>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    if (this.#fault !== null) this.#conclude(this.#fault)
    else this.#begin()
    return ended
  }

  #begin(): void {
    const { signal } = this.#settings
    if (signal?.aborted) {
      this.fail(this.#givenUp(signal))
      return
    }
    const { type, metadata } = this
    const timeoutMs = this.due === Number.POSITIVE_INFINITY ? 0 : Math.ceil(this.due - performance.now())
    if (this.due !== Number.POSITIVE_INFINITY && timeoutMs <= 0) {
      this.expire()
      return
    }
    let isEmpty = true
    for (const _ in metadata) isEmpty = false
    try {
      this.id = this.#host.begin(this)
      this.#host.send({
        ...part(
          false,
          this.id,
          type.requestStream ? MORE : LAST,
          type.requestStream ? null : type.request,
          this.request,
        ),
        method: type.path,
        isAnsweredByStream: type.responseStream,
        timeoutMs: Math.min(timeoutMs, MOST_TIMEOUT),
        metadata: isEmpty ? null : metadata,
      })
    } catch (refusal) {
      this.fail(refused(refusal))
      return
    }
    this.#mark = this.#host.written
    this.phase = type.requestStream ? 'asking' : 'waiting'
    if (this.due !== Number.POSITIVE_INFINITY) this.#host.expireAt(this.due)
    if (signal !== undefined) {
      this.#onAbort = () => this.cancel(this.#givenUp(signal))
      signal.addEventListener('abort', this.#onAbort, { once: true })
    }
    if (this.#requests !== null) this.#ask(this.#requests)
  }

  /** Sends its requests. An iterable that throws ends the call: nobody can answer half of them. */
  #ask(requests: Items): void {
    const outbox = new Outbox(this.#host, false, this.id, this.type.request)
    this.#outbox = outbox
    outbox.send(requests).then(
      () => {
        if (this.phase !== 'asking') return
        this.phase = 'waiting'
        this.#host.send(part(false, this.id, LAST))
      },
      (error) => {
        if (this.phase === 'asking') this.cancel(refused(error, true))
        else this.#host.report(error)
      },
    )
  }

  /** It has taken too long. */
  expire(): void {
    const text = `${this.path} did not end within ${this.#timeoutMs} ms, its timeoutMs`
    this.cancel(new CallError('DEADLINE_EXCEEDED', text, { sent: this.#wasSent }))
  }

  /** This side gives it up, and says so. */
  cancel(fault: CallError): void {
    if (this.phase === 'over') return
    if (this.phase !== 'unsent') this.#host.send(part(false, this.id, CANCEL))
    this.fail(fault)
  }

  // ---- what comes

  /** An answer of its stream. @returns false if the callee may not send it. */
  more({ buffer, start, end }: ReceivedPart): boolean {
    if (this.inbox !== null) return this.inbox.arrive(buffer, start, end)
    this.cancel(new CallError('INTERNAL', `${this.path} was answered with a stream: both sides need the same .proto`))
    return true
  }

  credit(bytes: number): void {
    this.#outbox?.credit(bytes)
  }

  /** The end, with its one answer, or how it failed. */
  last({ code, text, details, metadata, buffer, start, end }: ReceivedPart): void {
    if (metadata !== null) this.#settings.onMetadata?.(metadata)
    if (code !== 0) {
      const facts = { details: details ?? [], metadata: metadata ?? {} }
      this.#over(new CallError(codeName(code), text, facts), undefined, false)
      return
    }
    if (this.inbox !== null) {
      this.finish()
      return
    }
    let answer: object
    try {
      answer = this.type.readResponse(buffer, start, end)
    } catch (cause) {
      this.fail(undecodable(cause))
      return
    }
    this.#over(null, answer, false)
  }

  /** The good end of its stream of answers. */
  finish(): void {
    this.#over(null, undefined, false)
  }

  /** The connection has ended. */
  gone(cause: Error | null): void {
    const sent = this.#wasSent
    const text = sent
      ? `The connection ended before ${this.path} was answered: it may have been carried out`
      : `The connection ended before ${this.path} was sent`
    this.fail(new CallError(sent ? 'UNKNOWN' : 'UNAVAILABLE', text, { sent, ...(cause === null ? {} : { cause }) }))
  }

  get #wasSent(): boolean {
    return this.phase !== 'unsent' && this.#host.hasLeft(this.#mark)
  }

  #givenUp(signal: AbortSignal): CallError {
    const isLate = (signal.reason as { name?: unknown } | null)?.name === 'TimeoutError'
    return new CallError(isLate ? 'DEADLINE_EXCEEDED' : 'CANCELLED', `${this.path} was given up by its signal`, {
      cause: signal.reason,
      sent: this.#wasSent,
    })
  }

  // ---- the end

  /** It has failed on this side: what waits unread is given up. */
  fail(fault: CallError): void {
    this.#over(fault, undefined, true)
  }

  #over(fault: CallError | null, answer: object | undefined, atOnce: boolean): void {
    if (this.phase === 'over') return
    const wasBegun = this.id !== 0
    this.phase = 'over'
    this.#fault = fault
    if (this.#onAbort !== null) this.#settings.signal?.removeEventListener('abort', this.#onAbort)
    if (wasBegun) this.#host.ended(this, fault === null ? 'OK' : fault.code)
    this.inbox?.close(fault, atOnce)
    this.#outbox?.stop()
    if (fault !== null) this.#abort?.abort(fault)
    this.#conclude(fault, answer)
  }

  #conclude(fault: CallError | null, answer?: object): void {
    if (fault === null) this.#resolve?.(answer)
    else this.#reject?.(fault)
    this.#resolve = this.#reject = null
  }

  // ---- for the inbox

  grant(credit: number): void {
    if (this.phase !== 'over') this.#host.send({ ...part(false, this.id, CREDIT), credit } satisfies Part)
  }

  held(isFull: boolean): void {
    this.#host.held(isFull)
  }

  /** The loop over its answers was left, or one did not decode. */
  left(fault: CallError | null): void {
    this.cancel(fault ?? new CallError('CANCELLED', `The loop over the answers of ${this.path} was left`))
  }
}

/** What a uint32 holds: 49 days. */
const MOST_TIMEOUT = 2 ** 32 - 1

/** Why a request could not be sent, as a call fails. */
function refused(cause: unknown, sent = false): CallError {
  if (cause instanceof CallError) return cause
  const { message, code } = cause as Error & { code?: unknown }
  const isFull = code === 'ERR_QBP_QUEUE_FULL' || code === 'ERR_QBP_TOO_LONG'
  return new CallError(isFull ? 'RESOURCE_EXHAUSTED' : 'INVALID_ARGUMENT', message, { cause, sent })
}

// A call of this side's.
//
//   unsent ──its first part is written──▶ asking ──its last request is written──▶ waiting ──the end has come──▶ over
//      └────────────────given up, late, refused, or the connection is gone───────────────────────────────────────▶┘
//
// One request is written whole in the first part: 'asking' is skipped then.

import { onAbort } from '../base/on-abort.ts'
import { factOf } from '../base/shown.ts'
import type { MethodType } from '../protocol/method.ts'
import { Call } from './call.ts'
import { type CallCode, CallError, codeName, type Metadata, requestError } from './call-error.ts'
import { type CallSettings, timeoutOf } from './call-settings.ts'
import type { CallHost } from './host.ts'
import { Inbox, type InboxOwner, undecodable } from './inbox.ts'
import { type Items, Outbox } from './outbox.ts'
import { CANCEL, LAST, MORE, Part, type ReceivedPart } from './part.ts'

/** What all calls of this side do for one. */
export interface CallerHost extends CallHost {
  /** Numbers a call, and has what comes of it given to it. @throws {CallError} UNAVAILABLE if none can be begun; of its metadata. */
  begin(call: OutgoingCall): number
  /** It is over. */
  ended(call: OutgoingCall, code: CallCode | 'OK'): void
  /** It is not begun yet, and may be late, or lose its connection, all the same; and it is not to be begun any more. */
  waits(call: OutgoingCall): void
  waitsNoMore(call: OutgoingCall): void
}

export class OutgoingCall extends Call<CallerHost> implements InboxOwner {
  readonly side = 'caller'
  /** The request, where it is one. */
  readonly request: unknown
  /** What comes of its answers, where they are a stream. */
  readonly inbox: Inbox | null
  phase: 'unsent' | 'asking' | 'waiting' | 'over' = 'unsent'
  /** 0 until it is begun. */
  id = 0
  readonly #settings: CallSettings
  readonly #requests: Items | null
  #outbox: Outbox | null = null
  /** Where its first part ends among the bytes of the connection. */
  #mark = 0
  #resolve: ((answer: unknown) => void) | null = null
  #reject: ((error: CallError) => void) | null = null
  #unwatch: (() => void) | null = null

  constructor(host: CallerHost, service: string, type: MethodType, request: unknown, settings: CallSettings) {
    const { metadata } = settings
    super(host, service, type, metadata === undefined ? {} : { ...metadata }, timeoutOf(settings, type, host.limits))
    this.#settings = settings
    this.request = type.requestStream ? null : request
    this.#requests = type.requestStream ? (request as Items) : null
    const { windowBytes } = host.limits
    this.inbox = type.responseStream ? new Inbox(type.response, this, windowBytes, host.hasCredit) : null
  }

  // ---- the way out

  /** Sends what begins it, and resolves with its one answer, or when its stream of them has ended. @throws {CallError} */
  start(): Promise<unknown> {
    const ended = this.#ended()
    this.begin()
    return ended
  }

  /** The same, with `begin()` to come: until then it may fail already. */
  wait(): Promise<unknown> {
    const ended = this.#ended()
    this.host.waits(this)
    this.#watch()
    return ended
  }

  #ended(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  begin(): void {
    if (this.phase !== 'unsent') return
    this.host.waitsNoMore(this)
    const { signal } = this.#settings
    const leftMs = this.due === Number.POSITIVE_INFINITY ? 0 : this.due - this.host.now
    if (signal?.aborted) this.fail(this.#givenUp(signal))
    else if (leftMs < 0) this.expire()
    else if (this.#sendFirst(leftMs)) this.#follow()
  }

  /** @param leftMs until its deadline; 0 for none. */
  #sendFirst(leftMs: number): boolean {
    try {
      this.id = this.host.begin(this)
      this.host.send(this.#firstPart(leftMs))
      return true
    } catch (refusal) {
      this.fail(requestError(refusal, false))
      return false
    }
  }

  /** The first part is written. */
  #follow(): void {
    this.#mark = this.host.written
    this.phase = this.type.requestStream ? 'asking' : 'waiting'
    this.#watch()
    if (this.phase === 'asking') this.#ask(this.#requests as Items)
  }

  /** Its deadline and its signal. */
  #watch(): void {
    const { signal } = this.#settings
    if (this.due !== Number.POSITIVE_INFINITY) this.host.expireAt(this.due)
    if (signal === undefined || this.#unwatch !== null) return
    this.#unwatch = onAbort(signal, () => this.cancel(this.#givenUp(signal)))
  }

  #firstPart(leftMs: number): Part {
    const { type, request } = this
    const first = type.requestStream
      ? new Part(false, this.id, MORE)
      : new Part(false, this.id, LAST, type.request.type, type.request.message(request))
    first.method = type.path
    first.isAnsweredByStream = type.responseStream
    first.timeoutMs = Math.min(Math.ceil(leftMs), MOST_TIMEOUT)
    for (const _ in this.metadata) first.metadata = this.metadata
    return first
  }

  /** Sends its requests. An iterable that throws ends the call: nobody can answer half of them. */
  #ask(requests: Items): void {
    const outbox = new Outbox(this.host, false, this.id, this.type.request)
    this.#outbox = outbox
    outbox.send(requests).then(
      () => {
        if (this.phase !== 'asking') return
        this.phase = 'waiting'
        this.host.send(new Part(false, this.id, LAST))
      },
      (error) => {
        if (this.phase === 'asking') this.cancel(requestError(error, true))
        else this.host.report(error)
      },
    )
  }

  /** It has taken too long. */
  expire(): void {
    const text = `${this.path} did not end within ${timeoutOf(this.#settings, this.type, this.host.limits)} ms, its timeoutMs`
    this.cancel(new CallError('DEADLINE_EXCEEDED', text, { sent: this.#wasSent }))
  }

  /** This side gives it up, and says so. */
  cancel(fault: CallError): void {
    if (this.phase === 'over') return
    if (this.phase !== 'unsent') this.host.send(new Part(false, this.id, CANCEL))
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
    if (metadata !== null) this.#show(metadata)
    if (code !== 0) {
      const facts = { details: details ?? [], metadata: metadata ?? {} }
      this.#over(new CallError(codeName(code), text, facts), undefined, false)
      return
    }
    if (this.inbox !== null) {
      this.finish()
      return
    }
    let answer: unknown
    try {
      answer = this.type.response.read(buffer, start, end)
    } catch (cause) {
      this.fail(undecodable(cause))
      return
    }
    this.#over(null, answer, false)
  }

  /** What the user's function throws is its author's: the call goes on. */
  #show(metadata: Metadata): void {
    try {
      this.#settings.onMetadata?.(metadata)
    } catch (error) {
      this.host.report(error)
    }
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
    const facts = { sent, lost: true, ...(cause === null ? {} : { cause }) }
    this.fail(new CallError(sent ? 'UNKNOWN' : 'UNAVAILABLE', text, facts))
  }

  get #wasSent(): boolean {
    return this.phase !== 'unsent' && this.host.hasLeft(this.#mark)
  }

  #givenUp(signal: AbortSignal): CallError {
    const isLate = factOf(signal.reason, 'name') === 'TimeoutError'
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

  #over(fault: CallError | null, answer: unknown, atOnce: boolean): void {
    if (this.phase === 'over') return
    this.phase = 'over'
    this.fault = fault
    this.#unwatch?.()
    if (this.id !== 0) this.host.ended(this, fault === null ? 'OK' : fault.code)
    else this.host.waitsNoMore(this)
    this.inbox?.close(fault, atOnce)
    this.#outbox?.stop()
    if (fault !== null) this.abort(fault)
    this.#conclude(fault, answer)
  }

  #conclude(fault: CallError | null, answer?: unknown): void {
    if (fault === null) this.#resolve?.(answer)
    else this.#reject?.(fault)
    this.#resolve = this.#reject = null
  }

  // ---- for the inbox

  grant(credit: number): void {
    if (this.phase !== 'over') this.host.send(Part.credit(false, this.id, credit))
  }

  held(isFull: boolean): void {
    this.host.held(isFull)
  }

  /** The loop over its answers was left, or one did not decode. */
  left(fault: CallError | null): void {
    this.cancel(fault ?? new CallError('CANCELLED', `The loop over the answers of ${this.path} was left`))
  }
}

/** What a uint32 holds: 49 days. */
const MOST_TIMEOUT = 2 ** 32 - 1

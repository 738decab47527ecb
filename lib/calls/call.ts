import type { MethodType } from '../protocol/method.ts'
import type { CallError, Metadata } from './call-error.ts'
import type { CallHost } from './host.ts'
import type { InterceptedCall } from './interceptor.ts'

/** What a call is on either end: its method, its deadline and its signal. */
export abstract class Call<H extends CallHost = CallHost> implements InterceptedCall {
  abstract readonly side: 'caller' | 'callee'
  abstract readonly request: unknown
  readonly type: MethodType
  readonly service: string
  readonly metadata: Metadata
  /** When it is late, by the host's clock. */
  readonly due: number
  /** When it began, if somebody looks on; else 0. */
  readonly began: number
  protected readonly host: H
  /** Why it failed, or was given up. */
  protected fault: CallError | null = null
  #abort: AbortController | null = null

  /** @param timeoutMs Infinity for a call that may take for ever. */
  constructor(host: H, service: string, type: MethodType, metadata: Metadata, timeoutMs: number) {
    this.host = host
    this.service = service
    this.type = type
    this.metadata = metadata
    this.due = timeoutMs === Number.POSITIVE_INFINITY ? timeoutMs : host.now + timeoutMs
    this.began = host.watchedNow
  }

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
    return this.host.connection
  }
  get timeLeftMs(): number {
    return Math.max(0, this.due - this.host.now)
  }

  /** Made when somebody asks: most calls are done before anybody could give them up. */
  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController()
      if (this.fault !== null) this.#abort.abort(this.fault)
    }
    return this.#abort.signal
  }

  /** Aborts the signal of those who have asked for it. */
  protected abort(fault: CallError): void {
    this.#abort?.abort(fault)
  }
}

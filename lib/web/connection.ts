import { knownOptions, milliseconds } from '../base/options.ts'
import type { Role } from '../base/role.ts'
import type { ClientOptions } from '../calls/client.ts'
import type { ServeOptions } from '../calls/serve.ts'
import type { AnyClient, AnyHandlers, Client, Handlers } from '../calls/typed.ts'
import type { SchemaProtocol } from '../protocol/schema-protocol.ts'
import type { Service } from '../protocol/service.ts'
import type { ConnectionStats } from '../stats/counts.ts'
import type { Carrier } from './carrier.ts'
import type { ConnectionCalls, OpenCalls } from './connection-calls.ts'
import { ConnectionCore } from './connection-core.ts'
import { missing } from './imported.ts'
import type { ConnectionSettings } from './options.ts'
import { WebReader } from './reader.ts'
import { WebWriter } from './writer.ts'

/** For a close. */
export interface CloseOptions {
  /** How long all of it may take, in milliseconds. Default: 10 s. */
  graceMs?: number
}

/** A reader and a writer on a WebSocket or a pair of web streams, and the rules by which they end: those of the main entry's QbpConnection. */
export class WebConnection<P extends SchemaProtocol = SchemaProtocol, R extends Role = Role> {
  readonly reader: WebReader<P, R>
  readonly writer: WebWriter<P, R>
  /** Resolves when nothing passes any more: with null after a clean end, else with the fault. Never rejects. */
  readonly closed: Promise<Error | null>
  /** Resolves when the peer sends nothing more. Never rejects. */
  readonly ended: Promise<void>
  readonly #core: ConnectionCore

  /** @internal */
  constructor(carrier: Carrier, settings: ConnectionSettings, openCalls: OpenCalls | null) {
    this.#core = new ConnectionCore(this, carrier, settings, openCalls)
    this.reader = new WebReader(this.#core.inbox)
    this.writer = new WebWriter(this.#core.outbox)
    this.closed = this.#core.closed
    this.ended = this.#core.peerEnded
    this.#core.start()
  }

  /** Whether `close`, `destroy` or the peer has put an end to it. */
  get closing(): boolean {
    return this.#core.phase !== 'open'
  }

  /**
   * Calls a service of the peer, from either end: an object with a function for each method. The protocol carries calls by `calls()`.
   *
   * @param service what `qbp generate` has made of it.
   * @throws {QbpError} ERR_QBP_BAD_OPTION, also for a protocol without calls; ERR_QBP_BAD_SCHEMA for a service that is none.
   */
  client<S extends Service>(service: S, options?: ClientOptions): Client<S>
  client(service: string, options?: ClientOptions): AnyClient
  client(service: string | Service, options?: ClientOptions): AnyClient {
    return this.#calls.client(service, options)
  }

  /**
   * Serves a service to the peer, on either end. Its methods may be called at once; one without a handler is UNIMPLEMENTED.
   *
   * @param service what `qbp generate` has made of it.
   * @returns `ended`.
   * @throws {QbpError} ERR_QBP_BAD_OPTION for handlers of no method, a service that is served already, or a protocol without calls;
   * ERR_QBP_BAD_SCHEMA for a service that is none.
   */
  serve<S extends Service>(service: S, handlers: Handlers<S>, options?: ServeOptions): Promise<void>
  serve(service: string, handlers: AnyHandlers, options?: ServeOptions): Promise<void>
  serve(service: string | Service, handlers: object, options?: ServeOptions): Promise<void> {
    this.#calls.serve(service, handlers, options)
    return this.ended
  }

  get #calls(): ConnectionCalls {
    if (this.#core.calls !== null) return this.#core.calls
    throw missing('calls')
  }

  /**
   * Sends what was written, ends this side, and resolves as `closed` does. The reader ends at once; what still comes is dropped. Calls under
   * way are let finish first, and no others are taken.
   *
   * @throws {QbpError} ERR_QBP_BAD_OPTION
   */
  close(options: CloseOptions = {}): Promise<Error | null> {
    knownOptions('close()', options, { graceMs: true })
    this.#core.close(milliseconds('graceMs', options.graceMs, 10_000))
    return this.closed
  }

  /**
   * Aborts at once: what was not sent is lost, and what has come is not handed out any more.
   *
   * @param error what reading calls reject with and `closed` resolves with; without one that is ERR_QBP_CLOSED and null.
   */
  destroy(error?: Error): void {
    this.#core.destroy(error)
  }

  /**
   * What went over it so far; also once it is closed. It counts where it was connected with `{ stats: stats() }`.
   *
   * @throws {QbpError} ERR_QBP_BAD_OPTION where it does not.
   */
  stats(): ConnectionStats {
    const { counting } = this.#core.settings
    if (counting === null) throw missing('stats', 'connect')
    return counting.stats(this.#core)
  }

  /** As `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

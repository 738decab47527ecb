import type { QbpError } from '../base/errors.ts'
import { Calls } from '../calls/calls.ts'
import { type ClientOptions, makeClient } from '../calls/client.ts'
import type { Dialect } from '../calls/dialect.ts'
import type { CallLimits } from '../calls/limits.ts'
import type { Part } from '../calls/part.ts'
import type { CallPort } from '../calls/port.ts'
import { type ServeOptions, serve } from '../calls/serve.ts'
import type { AnyClient } from '../calls/typed.ts'
import type { Output } from '../codec/type.ts'
import type { SchemaProtocol } from '../protocol/schema-protocol.ts'
import type { Service } from '../protocol/service.ts'
import { findService } from '../protocol/services.ts'
import { CallSorter } from './call-sorter.ts'
import { support } from './codec-support.ts'
import type { Inbox } from './inbox.ts'
import type { ConnectionSettings } from './options.ts'
import type { Outbox } from './outbox.ts'
import { timer } from './timer.ts'

/** What the calls of a connection are made of. */
export interface CallParts {
  readonly connection: object
  readonly inbox: Inbox
  readonly outbox: Outbox
  readonly settings: ConnectionSettings
  /** What came is no frame, or breaks the rules of calls. */
  failed(fault: Error): void
}

/** Begins the calls of one connection. */
export type OpenCalls = (parts: CallParts) => ConnectionCalls

/** The calls of a connection: what goes out beside its writer, and what comes in before its reader. */
export class ConnectionCalls implements CallPort {
  /** In front of the inbox. */
  readonly sorter: CallSorter
  readonly connection: object
  readonly isWatched = false
  readonly calls: Calls
  readonly #protocol: SchemaProtocol
  readonly #outbox: Outbox
  #alarm: ReturnType<typeof setTimeout> | undefined

  constructor(parts: CallParts, protocol: SchemaProtocol, dialect: Dialect, limits: CallLimits) {
    this.connection = parts.connection
    this.#protocol = protocol
    this.#outbox = parts.outbox
    this.calls = new Calls(this, dialect, limits)
    this.sorter = new CallSorter(this.calls, parts)
  }

  /** @throws {QbpError} ERR_QBP_BAD_OPTION or ERR_QBP_BAD_SCHEMA */
  client(service: string | Service, options: ClientOptions | undefined): AnyClient {
    return makeClient(this.calls, findService(this.#protocol.types, service, support), options)
  }

  /** @throws {QbpError} ERR_QBP_BAD_OPTION or ERR_QBP_BAD_SCHEMA */
  serve(service: string | Service, handlers: object, options: ServeOptions | undefined): void {
    serve(this.calls, findService(this.#protocol.types, service, support), handlers, options)
  }

  get isIdle(): boolean {
    return this.calls.isIdle
  }

  /** Lets calls under way finish, and takes no others. */
  drain(done: () => void): void {
    void this.calls.drain().then(done)
  }

  /** Nothing passes any more. */
  gone(cause: Error | null): void {
    clearTimeout(this.#alarm)
    this.calls.gone(cause)
  }

  // ---- for the calls

  send(part: Part): boolean {
    const { dialect } = this.calls
    const body = (output: Output, pos: number): number => dialect.write(part, output, pos)
    this.#outbox.write((framer, output) =>
      framer.compose(dialect.entryOf(part), dialect.fieldsOf(part), body, output, 0),
    )
    return this.#outbox.isOver || !this.#outbox.isFull
  }

  room(): Promise<void> {
    return this.#outbox.room().catch(() => {}) // Gone: the calls hear of it.
  }

  get written(): number {
    return this.#outbox.written
  }
  get left(): number {
    return this.#outbox.left
  }
  get isOver(): boolean {
    return this.#outbox.isOver
  }

  get now(): number {
    return performance.now()
  }

  alarm(ms: number): void {
    clearTimeout(this.#alarm)
    // An answer that waits for this page to have time has come in time.
    this.#alarm = timer(ms, () => setTimeout(() => this.calls.rang()))
  }

  /** Each call has a window: none holds up the others. */
  resume(): void {}

  broken(fault: QbpError): void {
    this.sorter.breakOff(fault)
  }

  callEnded(): void {}

  /** The peer hears nothing of what a handler threw, and the connection goes on: this is where its author looks. */
  report(error: unknown): void {
    console.error('A handler of calls threw:', error)
  }
}

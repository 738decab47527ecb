import { QbpError } from '../base/errors.ts'
import { knownOptions, milliseconds } from '../base/options.ts'
import type { Role } from '../base/role.ts'
import type { ClientOptions } from '../calls/client.ts'
import type { ServeOptions } from '../calls/serve.ts'
import type { AnyClient, AnyHandlers, Client, Handlers } from '../calls/typed.ts'
import type { SchemaProtocol } from '../protocol/schema-protocol.ts'
import type { Service } from '../protocol/service.ts'
import type { Carrier, CarrierUser } from './carrier.ts'
import type { ConnectionCalls, OpenCalls } from './connection-calls.ts'
import { Deadlines, type Watched } from './deadlines.ts'
import { Inbox, type InboxUser, type Intake } from './inbox.ts'
import { noCalls } from './no-calls.ts'
import type { ConnectionSettings } from './options.ts'
import { Outbox, type OutboxUser } from './outbox.ts'
import { WebReader } from './reader.ts'
import { timer } from './timer.ts'
import { WebWriter } from './writer.ts'

/** For a close. */
export interface CloseOptions {
  /** How long all of it may take, in milliseconds. Default: 10 s. */
  graceMs?: number
}

/** Up to so many unread bytes a carrier that can be held is read. */
const READ_AHEAD_BYTES = 65_536
/** How long a peer that does not end is waited for, once all was sent; and a fault of the reader may be answered. */
const LINGER_MS = 2_000

/**
 * A reader and a writer on a WebSocket or a pair of web streams, and the rules by which they end: those of the main entry's QbpConnection.
 *
 *   open ── close(), the peer's end and ours, destroy() ──► closing ── the carrier has closed ──► closed
 */
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
    throw noCalls()
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

  /** As `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

/** The inside of a connection: what its carrier, its inbox, its outbox and its deadlines report comes together here. */
class ConnectionCore implements CarrierUser, InboxUser, OutboxUser, Watched {
  readonly inbox: Inbox
  readonly outbox: Outbox
  readonly closed: Promise<Error | null>
  readonly peerEnded: Promise<void>
  readonly calls: ConnectionCalls | null
  phase: 'open' | 'closing' | 'closed' = 'open'
  /** What bytes come to: the inbox, or what takes calls out in front of it. */
  readonly #intake: Intake
  readonly #carrier: Carrier
  readonly #settings: ConnectionSettings
  readonly #deadlines: Deadlines
  /** Undefined until something has decided it. */
  #outcome: Error | null | undefined
  #settle!: (outcome: Error | null) => void
  #hearEnd!: () => void
  readonly #timers: ReturnType<typeof timer>[] = []

  constructor(connection: object, carrier: Carrier, settings: ConnectionSettings, openCalls: OpenCalls | null) {
    this.#carrier = carrier
    this.#settings = settings
    const { reading } = settings
    const inbox = new Inbox(reading, this)
    const outbox = new Outbox(settings, carrier, this)
    this.inbox = inbox
    this.outbox = outbox
    this.calls = openCalls?.({ connection, inbox, outbox, reading, failed: (fault) => this.failed(fault) }) ?? null
    this.#intake = this.calls?.sorter ?? inbox
    this.#deadlines = new Deadlines(this, settings)
    this.closed = new Promise((resolve) => {
      this.#settle = resolve
    })
    this.peerEnded = new Promise((resolve) => {
      this.#hearEnd = resolve
    })
  }

  start(): void {
    this.#deadlines.start()
    this.#carrier.start(this)
  }

  close(graceMs: number): void {
    if (this.phase === 'closed') return
    this.inbox.discard()
    this.#carrier.resume()
    if (this.phase === 'open') {
      this.phase = 'closing'
      if (this.calls === null) this.outbox.end()
      else this.calls.drain(() => this.outbox.end())
    }
    this.#later(graceMs, () => {
      const { queued } = this.outbox
      const isCalling = this.calls?.isIdle === false
      if (queued === 0 && !isCalling) return this.destroy()
      const what = isCalling ? 'Calls under way were not done' : `${queued} bytes were not sent`
      const text = `${what} within ${graceMs} ms, which is graceMs.`
      this.destroy(new QbpError('ERR_QBP_CLOSED', text, { limit: graceMs }))
    })
  }

  destroy(error?: Error): void {
    if (this.phase === 'closed') return
    this.#decide(error ?? null)
    const fault = error ?? new QbpError('ERR_QBP_CLOSED', 'The connection was destroyed on this side.')
    this.calls?.gone(fault)
    this.inbox.discard(fault)
    this.outbox.fail(fault)
    this.#carrier.abort(fault)
    this.shut(null)
  }

  /** The first thing that decides the outcome explains those that follow. */
  #decide(outcome: Error | null): void {
    if (this.#outcome === undefined) this.#outcome = outcome
  }

  #later(ms: number, act: () => void): void {
    this.#timers.push(timer(ms, act))
  }

  // ---- for the carrier

  chunk(bytes: Uint8Array): boolean {
    this.#deadlines.heard()
    this.#intake.arrive(bytes)
    const { unread } = this.inbox
    const { maxUnreadBytes } = this.#settings
    if (unread > maxUnreadBytes) {
      const text = `${unread} bytes wait for a reader; maxUnreadBytes allows ${maxUnreadBytes}.`
      this.destroy(new QbpError('ERR_QBP_QUEUE_FULL', text, { size: unread, limit: maxUnreadBytes }))
    }
    return unread <= READ_AHEAD_BYTES
  }

  ended(): void {
    this.#deadlines.stop()
    this.#intake.end()
    this.#hearEnd()
  }

  drained(): void {
    this.outbox.drained()
  }

  shut(fault: Error | null): void {
    if (this.phase === 'closed') return
    this.phase = 'closed'
    this.#deadlines.stop()
    for (const timer of this.#timers) clearTimeout(timer)
    const cut = fault ?? this.#intake.truncation()
    const lost = cut === null && this.outbox.queued > 0 ? this.#lost() : cut
    this.#decide(lost)
    const reason = fault ?? new QbpError('ERR_QBP_CLOSED', 'The connection is closed.')
    if (fault === null) this.#intake.end()
    else this.#intake.fail(fault)
    this.calls?.gone(fault)
    this.outbox.fail(reason)
    this.#hearEnd()
    this.#settle(this.#outcome ?? null)
  }

  #lost(): QbpError {
    return new QbpError('ERR_QBP_CLOSED', `The connection closed before ${this.outbox.queued} bytes were sent.`)
  }

  // ---- for inbox and outbox

  taken(): void {
    if (this.inbox.unread <= READ_AHEAD_BYTES) this.#carrier.resume()
  }

  /** This side may still say what was wrong. */
  failed(fault: Error): void {
    this.#decide(fault)
    this.#deadlines.stop()
    this.#later(LINGER_MS, () => this.destroy(fault))
  }

  tooSlow(fault: QbpError): void {
    this.destroy(fault)
  }

  done(): void {
    this.#carrier.end()
    if (this.phase === 'closing') this.#later(LINGER_MS, () => this.outbox.queued === 0 && this.destroy())
  }

  // ---- for the deadlines

  get waiting(): boolean {
    return this.#intake.waiting
  }
  get frames(): { readonly index: number; readonly pending: number } {
    return this.#intake.frames
  }
  beat(frame: Uint8Array): void {
    this.outbox.add(frame)
  }
  missed(fault: QbpError): void {
    this.destroy(fault)
  }
}

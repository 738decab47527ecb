import type { Duplex } from 'node:stream'
import type { PeerCertificate, TLSSocket } from 'node:tls'
import { knownOptions } from '../base/options.ts'
import type { Role } from '../base/role.ts'
import { type ClientOptions, makeClient } from '../calls/client.ts'
import { type ServeOptions, serve } from '../calls/serve.ts'
import type { AnyClient, AnyHandlers, Client, Handlers } from '../calls/typed.ts'
import { givenProtocol } from '../protocol/given-protocol.ts'
import type { Protocol } from '../protocol/protocol.ts'
import type { Service } from '../protocol/service.ts'
import { addCounts, type ConnectionStats, Counts } from '../stats/counts.ts'
import { readerPort } from '../streams/ports.ts'
import { QbpReadable } from '../streams/readable.ts'
import { QbpWritable } from '../streams/writable.ts'
import { ConnectionCore, type ConnectionShell } from './connection-core.ts'
import { givenDuplex } from './given-duplex.ts'
import { secure } from './handover.ts'
import { LazyEmitter } from './lazy-emitter.ts'
import {
  type CloseOptions,
  CONNECTION_OPTIONS,
  type ConnectionOptions,
  ConnectionSettings,
  GO_ON_OPTIONS,
  type GoOnOptions,
  graceOf,
} from './settings.ts'
import { certificateOf, type TlsOptions } from './tls.ts'

/** What a connection emits. */
export interface ConnectionEvents {
  /** As `ended` resolves. */
  ended: []
}

let lastId = 0

/**
 * A reader and a writer on one duplex, and the rules by which they end.
 *
 * End, truncation and abort are three outcomes: a clean end is null for the reader and in `closed`; a cut inside a frame
 * is ERR_QBP_TRUNCATED; an abort is the socket's own error, such as ECONNRESET.
 */
export class QbpConnection<P extends Protocol = Protocol, R extends Role = Role, D = unknown, S extends Duplex = Duplex>
  extends LazyEmitter<ConnectionEvents>
  implements AsyncDisposable
{
  /** A number that no other connection of this process has. */
  readonly id: number = ++lastId
  #reader: QbpReadable<P, R>
  #writer: QbpWritable<P, R>
  #settings: ConnectionSettings
  readonly #core: ConnectionCore
  /** What `data` is, once somebody has asked for it. */
  #data: { readonly value: D } | null = null
  /** `ended`, once somebody has asked for it. */
  #ended: Promise<void> | null = null

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor(protocol: P, duplex: S, options?: ConnectionOptions<R, P, D>)
  /** @internal */
  constructor(protocol: P, duplex: S, options?: ConnectionOptions<R, P, D> | ConnectionSettings)
  constructor(protocol: P, duplex: S, options: ConnectionOptions<R, P, D> | ConnectionSettings = {}) {
    super()
    const isChecked = options instanceof ConnectionSettings
    if (!isChecked) {
      givenProtocol(protocol, 'new QbpConnection(protocol, duplex, options?)')
      givenDuplex(duplex, 'new QbpConnection(protocol, duplex, options?)')
      knownOptions('QbpConnection', options as ConnectionOptions, CONNECTION_OPTIONS)
    }
    const settings = isChecked ? options : new ConnectionSettings(protocol, options as ConnectionOptions)
    this.#settings = settings
    this.#reader = new QbpReadable(protocol, settings.reader)
    this.#writer = new QbpWritable(protocol, settings.writer)
    const ports = { reader: this.#reader[readerPort], writer: this.#writer }
    this.#core = new ConnectionCore(this as unknown as ConnectionShell, duplex, ports, settings)
    this.#core.open()
  }

  /** The messages of the peer; another one after `goOn`. */
  get reader(): QbpReadable<P, R> {
    return this.#reader
  }

  /** What this side sends; another one after `goOn`. */
  get writer(): QbpWritable<P, R> {
    return this.#writer
  }

  /** A state of one's own, which the option `data` has made; it stays over `goOn`. */
  get data(): D {
    this.#data ??= { value: this.#settings.data?.() as D }
    return this.#data.value
  }

  /** Resolves when the duplex has closed: with null after a clean end, else with the fault. Never rejects. */
  get closed(): Promise<Error | null> {
    return this.#core.life.closed
  }

  /**
   * Resolves when the peer sends nothing more: it has ended its side, or the connection has closed. Never rejects.
   *
   * It is so heard by a side that only writes, which reads no end. Messages that came before may be unread still; as long as
   * they are more than this side takes unread, the end that follows them is not seen.
   */
  get ended(): Promise<void> {
    this.#ended ??= this.#core.isPeerEnded
      ? Promise.resolve()
      : new Promise((resolve) => {
          this.once('ended', resolve)
        })
    return this.#ended
  }

  /** The duplex beneath; after `startTls` the TLSSocket. */
  get socket(): S {
    return this.#core.plumbing.duplex as S
  }

  /** The certificate that the peer has shown, where the connection speaks TLS and it has shown one. */
  get peerCertificate(): PeerCertificate | null {
    return certificateOf(this.socket)
  }

  /** Whether `close`, `destroy` or the peer has put an end to it. */
  get closing(): boolean {
    return this.#core.isClosing
  }

  /**
   * Sends what was written, ends this side, and resolves as `closed` does. The reader ends at once: what has come and was not
   * read yet is dropped, as is what still comes.
   *
   * Calls under way are let finish first, and no others are taken; streams of answers that this side has asked for end.
   *
   * All of it takes no longer than `graceMs`, and the wait for the peer's end no longer than `lingerMs`. A peer that has not
   * taken what was written by then is aborted: `closed` is then ERR_QBP_CLOSED.
   */
  close(options: CloseOptions = {}): Promise<Error | null> {
    this.#core.close(graceOf(options))
    return this.closed
  }

  /**
   * Serves a service to the peer, on either end. Its methods may be called at once; one without a handler is UNIMPLEMENTED.
   *
   * @param service what `qbp generate` has made of it; or its name, where the schema was read at run time.
   * @returns `ended`: a server's handler that does nothing else awaits it, as its return closes the connection.
   * @throws {QbpError} ERR_QBP_BAD_OPTION for handlers of no method, a service that is served already, or a protocol
   * without calls; ERR_QBP_BAD_SCHEMA for a service that is none.
   */
  serve<S extends Service>(service: S, handlers: Handlers<S>, options?: ServeOptions): Promise<void>
  serve(service: string, handlers: AnyHandlers, options?: ServeOptions): Promise<void>
  serve(service: string | Service, handlers: object, options?: ServeOptions): Promise<void> {
    const { calls, protocol } = this.#core.conversation.carried()
    serve(calls, protocol.service(service), handlers, options)
    return this.ended
  }

  /**
   * Calls a service of the peer, from either end: an object with a function for each method.
   *
   * @param service what `qbp generate` has made of it; or its name, where the schema was read at run time.
   * @throws {QbpError} ERR_QBP_BAD_OPTION, also for a protocol without calls; ERR_QBP_BAD_SCHEMA for a service that is none.
   */
  client<S extends Service>(service: S, options?: ClientOptions): Client<S>
  client(service: string, options?: ClientOptions): AnyClient
  client(service: string | Service, options?: ClientOptions): AnyClient {
    const { calls, protocol } = this.#core.conversation.carried()
    return makeClient(calls, protocol.service(service), options)
  }

  /**
   * Aborts at once: what was not sent is lost, and what has come is not handed out any more. Over TCP the peer sees a reset;
   * over TLS and others it may see an end.
   *
   * @param error what reading calls reject with and `closed` resolves with; without one that is ERR_QBP_CLOSED and null.
   */
  destroy(error?: Error): void {
    this.#core.destroy(error)
  }

  /**
   * Goes on in TLS: first sends what was written, then gives every byte after the last message handed out to TLS. The
   * reader and the writer stay the same objects; `socket` becomes the TLSSocket.
   *
   * @returns this connection, over its TLSSocket.
   * @throws {QbpError} ERR_QBP_BUSY while somebody reads; ERR_QBP_TLS with Node's own error as its cause;
   * ERR_QBP_HANDSHAKE_TIMEOUT; ERR_QBP_CLOSED. But for the first the connection is destroyed then.
   */
  async startTls(options: TlsOptions = {}): Promise<QbpConnection<P, R, D, TLSSocket>> {
    await secure(this.#core, options)
    return this as unknown as QbpConnection<P, R, D, TLSSocket>
  }

  /**
   * Goes on in another protocol, at once: what was written is sent first, and every byte after the last message handed out is read
   * in the new one. The connection stays the same in all else: its duplex, its place in the server, its limits, its data, its
   * `stats()`, which sum up, and how it ends. `reader` and `writer` are others from now on; the former ones are over, groups
   * that the writer was in have to be joined anew, and services served anew.
   *
   * @returns this connection, in that protocol.
   * @throws {QbpError} ERR_QBP_BUSY while somebody reads, or calls are under way; ERR_QBP_BAD_OPTION for options that do not fit the
   * protocol; ERR_QBP_CLOSED. Nothing has changed then.
   */
  async goOn<Q extends Protocol>(protocol: Q, options: GoOnOptions<Q, R> = {}): Promise<QbpConnection<Q, R, D, S>> {
    givenProtocol(protocol, 'goOn(protocol, options?)')
    knownOptions('goOn()', options as GoOnOptions, GO_ON_OPTIONS)
    const settings = this.#settings.for(protocol, options as GoOnOptions)
    const reader = new QbpReadable<P, R>(protocol as unknown as P, settings.reader)
    const writer = new QbpWritable<P, R>(protocol as unknown as P, settings.writer)
    this.#core.change({ reader: reader[readerPort], writer }, settings, () => {
      this.#reader = reader
      this.#writer = writer
      this.#settings = settings
    })
    return this as unknown as QbpConnection<Q, R, D, S>
  }

  /**
   * Gives the duplex back, for another protocol to go on with: paused, every byte after the last message handed out in
   * front again, all that was written sent. The connection is over then, and `closed` null.
   *
   * @throws {QbpError} ERR_QBP_BUSY while somebody reads; ERR_QBP_CLOSED, or its fault, if the connection is over.
   */
  async detach(): Promise<Duplex> {
    const duplex = await this.#core.release(Number.POSITIVE_INFINITY)
    this.#core.leave()
    return duplex
  }

  /** What went over it so far; also once it is closed. */
  stats(): ConnectionStats {
    const counts = new Counts()
    this[addCounts](counts)
    return counts.stats()
  }

  /**
   * Adds what it has counted to a sum: that of its server, all of whose connections have one table.
   *
   * @internal
   */
  [addCounts](sum: Counts): void {
    this.#core.addTo(sum)
  }

  /** As `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** The reader ends after what has come whole. A server that closes calls this; its handler then finishes. */
  conclude(): void {
    this.#core.conclude()
  }
}

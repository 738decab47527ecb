import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { QbpError } from '../base/errors.ts'
import { errorOf } from '../base/thrown.ts'
import type { Protocol } from '../protocol/protocol.ts'
import type { QbpReadable } from '../streams/readable.ts'
import type { QbpWritable } from '../streams/writable.ts'
import { type CallerMark, callerMark } from './callers.ts'
import type { QbpConnection } from './connection.ts'
import { warnOf } from './diagnostics.ts'

/** A connection as a server's handler gets it: over a socket, unless it was attached. */
export type ServerConnection<P extends Protocol = Protocol, D = unknown> = QbpConnection<
  P,
  'server',
  D,
  Socket & TLSSocket
>

/**
 * Serves one connection. Its closure is the connection's state.
 *
 * When it returns, what was written is sent and the connection ended; when it throws, the connection is aborted and the
 * server emits `clientError`. Where nobody listens to that, what is no fault of the peer's is a warning of the process.
 */
export type Handler<P extends Protocol = Protocol, D = unknown> = (
  reader: QbpReadable<P, 'server'>,
  writer: QbpWritable<P, 'server'>,
  connection: ServerConnection<P, D>,
) => unknown

/** Checks that a handler was given. @throws {QbpError} ERR_QBP_BAD_OPTION */
export function givenHandler(handler: unknown): void {
  if (typeof handler !== 'function')
    throw new QbpError(
      'ERR_QBP_BAD_OPTION',
      'A server needs a handler: createServer(protocol, options?, (reader, writer, connection) => …).',
    )
}

/** What the handlers of a server report to: the server. */
export interface HandlersUser<P extends Protocol, D> {
  /** Before the handler runs. */
  began(connection: ServerConnection<P, D>): void
  /** One has returned or thrown. */
  left(): void
  /** @returns whether anybody has heard of it. */
  threw(error: Error, connection: ServerConnection<P, D>): boolean
}

/** Runs a server's handler on each of its connections. */
export class Handlers<P extends Protocol, D> {
  readonly #user: HandlersUser<P, D>
  /** Of the handler's calls. */
  readonly #mark: CallerMark<ServerConnection<P, D>>
  #running = 0

  constructor(handler: Handler<P, D>, user: HandlersUser<P, D>) {
    this.#user = user
    this.#mark = callerMark(
      (connection) => {
        user.began(connection)
        return handler(connection.reader, connection.writer, connection)
      },
      (connection, failure) => {
        this.#running--
        if (failure === null) this.#returned(connection)
        else this.#threw(connection, failure.thrown)
      },
    )
  }

  /** How many have not returned. */
  get running(): number {
    return this.#running
  }

  /** Whether one of them leads to the caller. */
  get isCaller(): boolean {
    return this.#mark.isCaller
  }

  run(connection: ServerConnection<P, D>): void {
    this.#running++
    this.#mark.run(connection)
  }

  #returned(connection: ServerConnection<P, D>): void {
    if (!connection.closing) void connection.close() // Of one that the peer has ended, what came may still be read.
    this.#user.left()
  }

  #threw(connection: ServerConnection<P, D>, thrown: unknown): void {
    const error = errorOf(thrown, 'The handler')
    const isOfPeer = isFaultOf(connection, error)
    connection.destroy(error)
    this.#user.left()
    if (!this.#user.threw(error, connection) && !isOfPeer)
      warnOf(error, 'A handler threw, and its server has no listener for clientError')
  }
}

/** Whether an error is what a connection's reading and writing calls reject with because of its peer: no bug of a handler. */
function isFaultOf({ reader, writer }: QbpConnection<never, 'server'>, error: Error & { code?: unknown }): boolean {
  const { code } = error
  return (
    error === reader.errored || error === writer.errored || code === 'ERR_QBP_CLOSED' || code === 'ERR_QBP_QUEUE_FULL'
  )
}

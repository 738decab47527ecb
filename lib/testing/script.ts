import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import type { Duplex } from 'node:stream'
import { inspect, isDeepStrictEqual } from 'node:util'
import { QbpError } from '../base/errors.ts'
import { LONGEST_TIMER_MS } from '../base/longest-timer.ts'
import { knownOptions, milliseconds, type OptionNames } from '../base/options.ts'
import type { Role } from '../base/role.ts'
import { QbpConnection } from '../net/connection.ts'
import { type AnyProtocol, CONNECTION_OPTIONS, type ConnectionOptions, type GoOnOptions } from '../net/settings.ts'
import type { Incoming, Outgoing } from '../protocol/message-types.ts'
import type { Protocol } from '../protocol/protocol.ts'
import { comparable, type Expected, type Met } from './expected.ts'
import { duplexPair, PAIR_OPTIONS, type PairOptions, split } from './pair.ts'
import type { Wire } from './wire.ts'

type ConnectedOptions<R extends Role = Role, P extends Protocol = AnyProtocol, D = unknown> = PairOptions &
  Omit<ConnectionOptions<R, P, D>, 'role'>
const { role: _, ...ROLELESS_OPTIONS } = CONNECTION_OPTIONS
const CONNECTED_OPTIONS: OptionNames<ConnectedOptions> = { ...PAIR_OPTIONS, ...ROLELESS_OPTIONS }

/** A client and a server that talk in memory. */
export interface ConnectionPair<P extends Protocol> {
  readonly client: QbpConnection<P, 'client'>
  readonly server: QbpConnection<P, 'server'>
  /** What lies between them; `there` is from the client to the server. */
  readonly wire: Wire
}

/** Two connections over an in-memory pair, for specs of what stands on a connection. */
export function connectionPair<P extends Protocol>(
  protocol: P,
  options: PairOptions & Omit<ConnectionOptions, 'role'> = {},
): ConnectionPair<P> {
  knownOptions('connectionPair()', options, CONNECTED_OPTIONS)
  const [ofPair, rest] = split(options)
  const [left, right, wire] = duplexPair(ofPair)
  return {
    wire,
    client: new QbpConnection(protocol, left, { ...rest, role: 'client' as const }),
    server: new QbpConnection(protocol, right, { ...rest, role: 'server' as const }),
  }
}

/** How a script waits. */
export interface ScriptOptions {
  /** How long a message may take to come, in milliseconds, before the script fails and says what it waited for. Default: 2 s. */
  timeoutMs?: number | undefined
  /** The duplex that the peer speaks over, a socket, say. Default: an end of an in-memory pair, whose other is `duplex`. */
  over?: Duplex | undefined
}

/** Where a scripted client connects to, and how it waits. */
export interface ScriptedClientOptions
  extends Omit<ScriptOptions, 'over'>,
    Omit<ConnectionOptions<'client'>, 'role' | 'highWaterMarkBytes'> {
  port?: number | undefined
  /** Default: 127.0.0.1. */
  host?: string | undefined
  /** A Unix socket's path, instead of a port. */
  path?: string | undefined
}

/**
 * A peer that follows a script, for specs of a server's or a client's own logic:
 *
 *   const peer = new ScriptedPeer(protocol, 'client')
 *   server.attach(peer.duplex)
 *   await peer.send({ $name: 'Join', room: 'hall', name: 'ann' })
 *   await peer.expect({ $name: 'Welcome', members: ['ann'] })
 *   await peer.end()
 */
export class ScriptedPeer<P extends Protocol, R extends Role> {
  /** The other end: for `server.attach` or `new QbpConnection`. Of a peer over a duplex of one's own it is that. */
  readonly duplex: Duplex
  readonly connection: QbpConnection<P, R>
  /** What lies between the peer and the other end; null over a duplex of one's own. */
  readonly wire: Wire | null
  readonly #timeoutMs: number

  constructor(
    protocol: P,
    role: R,
    { timeoutMs, over, ...options }: ScriptOptions & PairOptions & Omit<ConnectionOptions<R>, 'role'> = {},
  ) {
    knownOptions('ScriptedPeer', options, CONNECTED_OPTIONS)
    this.#timeoutMs = milliseconds('timeoutMs', timeoutMs, 2_000)
    const [ofPair, rest] = split(options)
    const [own, other, wire] = over === undefined ? duplexPair(ofPair) : [over, over, null]
    this.duplex = other
    this.wire = wire
    this.connection = new QbpConnection(protocol, own, { ...rest, role })
  }

  /** A client that follows a script over a socket: to a port, or the path of a Unix socket. @throws the socket's error. */
  static async connect<P extends Protocol>(
    protocol: P,
    { port, host = '127.0.0.1', path, ...options }: ScriptedClientOptions,
  ): Promise<ScriptedPeer<P, 'client'>> {
    const to = path === undefined ? { port: port as number, host } : { path }
    const socket = net.connect({ ...to, allowHalfOpen: true, noDelay: true })
    await once(socket, 'connect')
    return new ScriptedPeer(protocol, 'client', { ...options, over: socket })
  }

  /** Goes on in another protocol, as `goOn` of a connection. @returns this peer, in that protocol. */
  async goOn<Q extends Protocol>(protocol: Q, options: GoOnOptions<Q, R> = {}): Promise<ScriptedPeer<Q, R>> {
    await this.connection.goOn(protocol, options)
    return this as unknown as ScriptedPeer<Q, R>
  }

  /** Says these messages, in order. */
  async send(...messages: Outgoing<P, R>[]): Promise<void> {
    for (const message of messages) await this.connection.writer.writeMessage(message)
  }

  /** Says bytes that need be no frames: hexadecimal digits, with or without spaces, or the bytes themselves. @throws {QbpError} ERR_QBP_BAD_OPTION */
  sendBytes(bytes: string | Uint8Array): void {
    this.connection.socket.write(typeof bytes === 'string' ? fromHex(bytes) : bytes)
  }

  /** Waits for the next message and returns it. @throws {AssertionError} at a clean end, or too late; the fault of the connection. */
  receive(): Promise<Incoming<P, R>> {
    return this.#message('a message')
  }

  /**
   * Waits for the next message, which must have the fields given here, at every depth. Others may have any value.
   *
   * @returns it, with the type that its name says.
   */
  async expect<E extends Expected<Incoming<P, R>>>(expected: E): Promise<Met<Incoming<P, R>, E>> {
    const message = await this.#message(shown(expected))
    const both = comparable(message, expected)
    assert.deepEqual(both.found, both.expected)
    return message as Met<Incoming<P, R>, E>
  }

  /** Waits for a message that has the fields given here, and passes over others before it. */
  async until<E extends Expected<Incoming<P, R>>>(expected: E): Promise<Met<Incoming<P, R>, E>> {
    for (;;) {
      const message = await this.#message(shown(expected))
      const both = comparable(message, expected)
      if (isDeepStrictEqual(both.found, both.expected)) return message as Met<Incoming<P, R>, E>
    }
  }

  /** Waits for the clean end of the other side. @throws {AssertionError} if a message comes instead, or nothing. */
  async expectEnd(): Promise<void> {
    const message = await this.#next('the end')
    if (message !== null) assert.fail(`a ${nameOf(message)} came where the end was expected`)
  }

  /** Waits for so long, in which no message may come and no end. */
  async expectNothing(forMs: number): Promise<void> {
    const message = await this.#read(milliseconds('forMs', forMs, forMs))
    if (message === TOO_LATE) return
    assert.fail(`${message === null ? 'the end' : `a ${nameOf(message)}`} came where nothing was expected`)
  }

  /** Ends this side, reads what still comes, and resolves as `connection.closed` does. */
  end(): Promise<Error | null> {
    return this.connection.close()
  }

  /** Is gone at once: the other side sees a reset. */
  reset(): void {
    this.connection.destroy()
  }

  async #message(awaited: string): Promise<Incoming<P, R>> {
    const message = await this.#next(awaited)
    if (message === null) assert.fail(`the connection ended where ${awaited} was expected`)
    return message
  }

  async #next(awaited: string): Promise<Incoming<P, R> | null> {
    const message = await this.#read(this.#timeoutMs)
    if (message === TOO_LATE) assert.fail(`nothing came within ${this.#timeoutMs} ms where ${awaited} was expected`)
    return message
  }

  async #read(timeoutMs: number): Promise<Incoming<P, R> | null | typeof TOO_LATE> {
    const late = new AbortController()
    // Nothing else may keep the process alive, as there is no socket.
    const timer = timeoutMs <= LONGEST_TIMER_MS ? setTimeout(() => late.abort(TOO_LATE), timeoutMs) : undefined
    try {
      return await this.connection.reader.readMessage({ signal: late.signal })
    } catch (fault) {
      if (fault === TOO_LATE) return TOO_LATE
      throw fault
    } finally {
      clearTimeout(timer)
    }
  }
}

const TOO_LATE = Symbol('qbp.tooLate')

function nameOf(message: object): string {
  return (message as { $name: string }).$name
}

/** Node's would end at the first character that is no digit, in silence. */
function fromHex(text: string): Buffer {
  const digits = text.replace(/\s+/g, '')
  if (/^([0-9a-f]{2})*$/i.test(digits)) return Buffer.from(digits, 'hex')
  throw new QbpError(
    'ERR_QBP_BAD_OPTION',
    `sendBytes was given ${inspect(text)}: allowed are pairs of hexadecimal digits.`,
  )
}

/** In one line. */
function shown(expected: object): string {
  return inspect(expected, { breakLength: Number.POSITIVE_INFINITY, depth: 4 })
}

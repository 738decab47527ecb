import assert from 'node:assert/strict'
import type { Duplex } from 'node:stream'
import type { Role } from '../base/role.ts'
import { QbpConnection } from '../net/connection.ts'
import type { ConnectionOptions } from '../net/settings.ts'
import type { Incoming, Outgoing } from '../protocol/message-types.ts'
import type { Protocol } from '../protocol/protocol.ts'
import { duplexPair, type PairOptions } from './pair.ts'

/** A client and a server that talk in memory. */
export interface ConnectionPair<P extends Protocol> {
  readonly client: QbpConnection<P, 'client'>
  readonly server: QbpConnection<P, 'server'>
}

/** Two connections over an in-memory pair, for specs of what stands on a connection. */
export function connectionPair<P extends Protocol>(
  protocol: P,
  options: PairOptions & Omit<ConnectionOptions, 'role'> = {},
): ConnectionPair<P> {
  const [left, right] = duplexPair(options)
  return {
    client: new QbpConnection(protocol, left, { ...options, role: 'client' as const }),
    server: new QbpConnection(protocol, right, { ...options, role: 'server' as const }),
  }
}

/** A message as a script says it: what it names must be there and equal; what it leaves out may be anything. */
export type Expected<T> = T extends { readonly $name: infer N } ? { readonly $name: N } & Partial<T> : never

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
  /** The other end: for `server.attach` or `new QbpConnection`. */
  readonly duplex: Duplex
  readonly connection: QbpConnection<P, R>
  readonly #own: Duplex

  constructor(protocol: P, role: R, options: PairOptions & Omit<ConnectionOptions<R>, 'role'> = {}) {
    const [own, other] = duplexPair(options)
    this.#own = own
    this.duplex = other
    this.connection = new QbpConnection(protocol, own, { ...options, role })
  }

  /** Says these messages, in order. */
  async send(...messages: Outgoing<P, R>[]): Promise<void> {
    for (const message of messages) await this.connection.writer.writeMessage(message)
  }

  /** Says bytes that need be no frames: hexadecimal digits, with or without spaces, or the bytes themselves. */
  sendBytes(bytes: string | Uint8Array): void {
    this.#own.write(typeof bytes === 'string' ? Buffer.from(bytes.replaceAll(' ', ''), 'hex') : bytes)
  }

  /** Waits for the next message and returns it. @throws {AssertionError} at a clean end; the fault of the connection. */
  async receive(): Promise<Incoming<P, R>> {
    const message = await this.connection.reader.readMessage()
    if (message === null) assert.fail('the connection ended where a message was expected')
    return message
  }

  /** Waits for the next message, which must have the fields given here. Others may have any value. */
  async expect(expected: Expected<Incoming<P, R>>): Promise<Incoming<P, R>> {
    const message = await this.receive()
    const found = Object.fromEntries(
      Object.keys(expected).map((key) => [key, plain((message as Record<string, unknown>)[key])]),
    )
    assert.deepEqual(found, expected)
    return message
  }

  /** Waits for the clean end of the other side. @throws {AssertionError} if a message comes instead. */
  async expectEnd(): Promise<void> {
    const message = await this.connection.reader.readMessage()
    if (message !== null) assert.fail(`a ${(message as { $name: string }).$name} came where the end was expected`)
  }

  /** Ends this side, reads what still comes, and resolves as `connection.closed` does. */
  end(): Promise<Error | null> {
    return this.connection.close()
  }

  /** Is gone at once: the other side sees a reset. */
  reset(): void {
    this.connection.destroy()
  }
}

/** Without the prototypes of messages and Buffers, as a script writes them. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
}

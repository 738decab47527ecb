import type { Protocol } from '../protocol/protocol.ts'
import { addCounts, Counts } from '../stats/counts.ts'
import type { ServerConnection } from './handlers.ts'
import { Names } from './names.ts'
import type { ServerStats } from './server-options.ts'

/** The connections of a server: those that are open, their names, and what the others have counted. */
export class ServerConnections<P extends Protocol, D> {
  readonly open: Set<ServerConnection<P, D>> = new Set()
  /** Of those that are open. */
  readonly #names = new Names<object>()
  /** Of the connections that have closed, and the faults of those that never were. */
  readonly #past = new Counts()
  #accepted = 0

  /** One is served. */
  accepted(): void {
    this.#accepted++
  }

  /** One never was. */
  refused(fault: Error): void {
    this.#past.faults.count(fault)
  }

  /** One has closed. */
  left(connection: ServerConnection<P, D>): void {
    this.open.delete(connection)
    this.#names.drop(connection)
    connection[addCounts](this.#past)
    this.#past.callsUnderWay = { in: 0, out: 0 }
    this.#past.queuedBytes = 0 // Nothing waits for a peer that has gone.
  }

  /** Names one, if it is open. @returns the other that had the name until now. */
  name(connection: ServerConnection<P, D>, name: unknown): ServerConnection<P, D> | undefined {
    if (!this.open.has(connection)) return this.named(name)
    return this.#names.take(name, connection) as ServerConnection<P, D> | undefined
  }

  named(name: unknown): ServerConnection<P, D> | undefined {
    return this.#names.get(name) as ServerConnection<P, D> | undefined
  }

  stats(): ServerStats {
    const sum = new Counts()
    sum.add(this.#past)
    for (const connection of this.open) connection[addCounts](sum)
    return { ...sum.stats(), connections: this.open.size, accepted: this.#accepted }
  }
}

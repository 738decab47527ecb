import { QbpError } from '../base/errors.ts'
import type { Role } from '../base/role.ts'
import type { Table } from '../framing/table.ts'
import type { Outgoing } from '../protocol/message-types.ts'
import type { Protocol } from '../protocol/protocol.ts'
import { type WriterPort, writerPort } from '../streams/ports.ts'
import type { QbpWritable } from '../streams/writable.ts'
import type { QbpConnection } from './connection.ts'
import { forgetGroup, leaveAtClose } from './memberships.ts'

/** The options of a group. */
export interface GroupOptions {
  /**
   * What becomes of a member that takes its bytes too slowly. `destroy`: once a message would pass `maxQueuedBytes` of its
   * writer, that is destroyed with ERR_QBP_QUEUE_FULL, and so its connection. `skip`: the message is left out for it, already
   * once half of maxQueuedBytes is used, so that there is room for what is written to it alone; its stats() count that as
   * skipped.slow. Default: 'destroy'.
   */
  slow?: 'destroy' | 'skip'
}

/** For one broadcast. */
export interface BroadcastOptions<P extends Protocol = Protocol, R extends Role = Role> {
  /** A member that does not get the message: its sender, as a rule. */
  except?: Member<P, R> | null
}

/** Who can be in a group: a writer, or a connection, which stands for its writer. */
export type Member<P extends Protocol = Protocol, R extends Role = Role> = QbpWritable<P, R> | QbpConnection<P, R>

/**
 * A set of writers to which a message goes at once: a room, a topic, an audience.
 *
 * A message is checked and encoded once for each Protocol among its members, and the same bytes go to each. Nobody waits for
 * anybody: a member that takes its bytes slowly has them queued, up to the `maxQueuedBytes` of its writer. A member whose
 * writer ends or closes leaves by itself.
 */
export class Group<P extends Protocol = Protocol, R extends Role = Role> implements Iterable<QbpWritable<P, R>> {
  readonly #members = new Map<QbpWritable<P, R>, WriterPort>()
  readonly #slow: 'destroy' | 'skip'

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor({ slow = 'destroy' }: GroupOptions = {}) {
    if (slow !== 'destroy' && slow !== 'skip')
      throw new QbpError('ERR_QBP_BAD_OPTION', `slow is '${String(slow)}'; it may be 'destroy' or 'skip'.`)
    this.#slow = slow
  }

  /** How many members there are. */
  get size(): number {
    return this.#members.size
  }

  /** Takes a member in, unless it is one or can be written to no more. */
  join(member: Member<P, R>): this {
    const writer = writerOf(member)
    const port = writer[writerPort]
    if (this.#members.has(writer) || port.isOver) return this
    this.#members.set(writer, port)
    leaveAtClose(writer, this)
    return this
  }

  /** Lets a member go. @returns whether it was one. */
  leave(member: Member<P, R>): boolean {
    const writer = writerOf(member)
    forgetGroup(writer, this)
    return this.#members.delete(writer)
  }

  /** Whether it is a member. */
  has(member: Member<P, R>): boolean {
    return this.#members.has(writerOf(member))
  }

  /** The members' writers, in the order in which they joined. */
  [Symbol.iterator](): Iterator<QbpWritable<P, R>> {
    return this.#members.keys()
  }

  /**
   * Writes a message to every member.
   *
   * @returns how many took it.
   * @throws {QbpError} what `write` throws for a message that cannot be sent; nobody gets anything of it then.
   */
  broadcast(message: Outgoing<P, R>, { except = null }: BroadcastOptions<P, R> = {}): number {
    const excepted = except === null ? null : writerOf(except)
    const frames = this.#encode(message, excepted)
    let taken = 0
    for (const [writer, port] of this.#members) {
      if (writer === excepted) continue
      const { table } = port.framer
      const frame = frames.get(table) as Uint8Array
      if (this.#slow === 'skip' && !port.hasRoom(frame.length)) {
        port.skip()
        continue
      }
      try {
        port.frame(frame, table.entryOf(message), message)
        taken++
      } catch (full) {
        writer.destroy(full as Error)
      }
    }
    return taken
  }

  /** A frame for each table there is, all of them before the first byte is written. Members that are over leave. */
  #encode(message: object, excepted: QbpWritable<P, R> | null): Map<Table, Uint8Array> {
    const frames = new Map<Table, Uint8Array>()
    for (const [writer, port] of this.#members) {
      if (port.isOver) this.leave(writer)
      else if (writer !== excepted && !frames.has(port.framer.table))
        frames.set(port.framer.table, port.framer.frame(message))
    }
    return frames
  }
}

/** The writer that a member stands for. */
export function writerOf<P extends Protocol, R extends Role>(member: Member<P, R>): QbpWritable<P, R> {
  return 'writer' in member ? member.writer : member
}

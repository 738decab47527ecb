import { knownOptions, type OptionNames, oneOf } from '../base/options.ts'
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
export interface BroadcastOptions<P extends Protocol = Protocol, R extends Role = Role, D = unknown> {
  /** A member that does not get the message: its sender, as a rule. */
  except?: Member<P, R> | null
  /**
   * Which members get it, by what they joined with. All are asked before anything is written; the message is encoded once all
   * the same.
   */
  to?: (data: D, member: Member<P, R>) => boolean
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
export class Group<P extends Protocol = Protocol, R extends Role = Role, D = undefined>
  implements Iterable<QbpWritable<P, R>>
{
  readonly #members = new Map<QbpWritable<P, R>, Joined<P, R, D>>()
  readonly #slow: 'destroy' | 'skip'

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor(options: GroupOptions = {}) {
    knownOptions('A Group', options, { slow: true })
    this.#slow = oneOf('slow', options.slow, 'destroy', ['destroy', 'skip'])
  }

  /** How many members there are. */
  get size(): number {
    return this.#members.size
  }

  /**
   * Takes a member in, unless it can be written to no more.
   *
   * @param data what the group knows of it, for `entries()` and `to` of a broadcast; a member that joins again brings new.
   */
  join(member: Member<P, R>, ...[data]: undefined extends D ? [data?: D] : [data: D]): this {
    const writer = writerOf(member)
    const port = writer[writerPort]
    if (port.isOver) return this
    this.#members.set(writer, { member, port, data: data as D })
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

  /** The members, as they joined and with what they joined with, in the order in which they did. */
  *entries(): IterableIterator<[member: Member<P, R>, data: D]> {
    for (const { member, data } of this.#members.values()) yield [member, data]
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
  broadcast(message: Outgoing<P, R>, options: BroadcastOptions<P, R, D> = NOBODY): number {
    if (options !== NOBODY) knownOptions('broadcast()', options, BROADCAST_OPTIONS)
    const receivers = this.#receivers(options)
    const frames = framesFor(receivers, message)
    let taken = 0
    for (const { member, port } of receivers) {
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
        writerOf(member).destroy(full as Error)
      }
    }
    return taken
  }

  /** Those who are to get a message. Members that are over leave. */
  #receivers({ except = null, to }: BroadcastOptions<P, R, D>): Joined<P, R, D>[] {
    const excepted = except === null ? null : writerOf(except)
    const receivers: Joined<P, R, D>[] = []
    for (const [writer, joined] of this.#members) {
      if (joined.port.isOver) this.leave(writer)
      else if (writer !== excepted && (to === undefined || to(joined.data, joined.member))) receivers.push(joined)
    }
    return receivers
  }
}

const NOBODY = {}
const BROADCAST_OPTIONS: OptionNames<BroadcastOptions> = { except: true, to: true }

/** A member, its port, and what it joined with. */
interface Joined<P extends Protocol, R extends Role, D> {
  readonly member: Member<P, R>
  readonly port: WriterPort
  readonly data: D
}

/** A frame for each table there is, all of them before the first byte is written. */
function framesFor(receivers: readonly { readonly port: WriterPort }[], message: object): Map<Table, Uint8Array> {
  const frames = new Map<Table, Uint8Array>()
  for (const { port } of receivers)
    if (!frames.has(port.framer.table)) frames.set(port.framer.table, port.framer.frame(message))
  return frames
}

/** The writer that a member stands for. */
export function writerOf<P extends Protocol, R extends Role>(member: Member<P, R>): QbpWritable<P, R> {
  return 'writer' in member ? member.writer : member
}

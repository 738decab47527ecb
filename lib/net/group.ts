import { callEach } from '../base/call-each.ts'
import { byteLimit, knownOptions, type OptionNames, oneOf } from '../base/options.ts'
import type { Role } from '../base/role.ts'
import { Frame } from '../framing/frame.ts'
import type { Outgoing } from '../protocol/message-types.ts'
import type { Protocol } from '../protocol/protocol.ts'
import type { QbpWritable, Writable } from '../streams/writable.ts'
import { BroadcastFrames } from './broadcast-frames.ts'
import type { QbpConnection } from './connection.ts'
import { forgetGroup, Joined, leaveAtClose, type Member, type Slow, writerOf } from './group-member.ts'

/** The options of a group. */
export interface GroupOptions<P extends Protocol = Protocol, R extends Role = Role, D = unknown> {
  /**
   * What becomes of a message for a member that takes its bytes too slowly.
   *
   * - `destroy`: once the message would pass `maxQueuedBytes` of its writer, that is destroyed with ERR_QBP_QUEUE_FULL, and so
   *   its connection.
   * - `skip`: the message is left out for it; its stats() count that as skipped.slow.
   * - `latest`: the message waits in place of the one of the same key that waited, which is left out; it is written as soon as there
   *   is room. So much as maxQueuedBytes may wait so once more, beyond which it is as with `destroy`.
   *
   * Default: 'destroy'.
   */
  slow?: Slow | undefined
  /**
   * How many bytes may wait for a member before it counts as slow, for `skip` and `latest`. What is written to it alone goes on up to
   * its maxQueuedBytes. Default: half of its maxQueuedBytes; with `latest` no more than its highWaterMarkBytes, as what waits there is
   * not replaced.
   */
  slowAboveBytes?: number | undefined
  /** For `latest`: which messages replace one another: those with equal keys, compared as by a Map. Default: their `$name`. */
  key?: ((message: Outgoing<P, R>) => unknown) | undefined
  /**
   * Is called for each message that a member does not get because it is slow, once all others have it. What it throws, `broadcast`
   * throws.
   */
  onSkip?: ((message: Outgoing<P, R>, member: Member<P, R>, data: D) => void) | undefined
}

/** For one broadcast. */
export interface BroadcastOptions<P extends Protocol = Protocol, R extends Role = Role, D = unknown> {
  /** A member that does not get the message: its sender, as a rule. */
  except?: Member<P, R> | null | undefined
  /**
   * Which members get it, by what they joined with. All are asked before anything is written; the message is encoded once all
   * the same.
   */
  to?: ((data: D, member: Member<P, R>) => boolean) | undefined
  /** As of the group, for this message. Default: the group's. */
  slow?: Slow | undefined
  /** For `latest`: the message's key. Default: what the group's `key` says. */
  key?: unknown
}

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
  readonly #slow: Slow
  readonly #slowAboveBytes: number | undefined
  readonly #key: (message: Outgoing<P, R>) => unknown
  readonly #onSkip: GroupOptions<P, R, D>['onSkip']

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor(options: GroupOptions<P, R, D> = {}) {
    knownOptions('A Group', options, GROUP_OPTIONS as OptionNames<GroupOptions<P, R, D>>)
    const { slow, slowAboveBytes, key = nameOf, onSkip } = options
    this.#slow = oneOf('slow', slow, 'destroy', SLOW)
    this.#slowAboveBytes = slowAboveBytes === undefined ? undefined : byteLimit('slowAboveBytes', slowAboveBytes, 1)
    this.#key = key
    this.#onSkip = onSkip
  }

  /** How many members there are. */
  get size(): number {
    return this.#members.size
  }

  /**
   * Takes a member in, unless it can be written to no more.
   *
   * @param data what the group knows of it, for `entries()` and `to` of a broadcast; a member that joins again brings new. Default:
   * the `data` of a connection.
   */
  join(member: Member<P, R>, ...[data]: undefined extends D ? [data?: D] : [data: D]): this
  join(member: QbpConnection<P, R, D>): this
  join(member: Member<P, R>, ...given: [data?: D]): this {
    const writer = writerOf(member)
    const data = (given.length > 0 || !('data' in member) ? given[0] : member.data) as D
    const joined = new Joined(member, data, this.#members.get(writer))
    if (joined.port.isOver) return this
    this.#members.set(writer, joined)
    leaveAtClose(writer, this)
    return this
  }

  /** Lets a member go. @returns whether it was one. */
  leave(member: Member<P, R>): boolean {
    const writer = writerOf(member)
    forgetGroup(writer, this)
    this.#members.get(writer)?.leave()
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

  /** What the members joined with, in the order in which they did. */
  *values(): IterableIterator<D> {
    for (const { data } of this.#members.values()) yield data
  }

  /** The members' writers, in the order in which they joined. */
  [Symbol.iterator](): Iterator<QbpWritable<P, R>> {
    return this.#members.keys()
  }

  /**
   * Writes a message to every member, or its frame: that of `protocol.frame`, whose table all of them must have.
   *
   * @returns to how many it was written.
   * @throws {QbpError} what `write` throws for a message that cannot be sent; nobody gets anything of it then.
   */
  broadcast(message: Writable<P, R>, options: BroadcastOptions<P, R, D> = NOBODY): number {
    if (options !== NOBODY) knownOptions('broadcast()', options, BROADCAST_OPTIONS as OptionNames<typeof options>)
    const frames = new BroadcastFrames(message)
    const receivers = this.#receivers(options, frames)
    const slow = oneOf('slow', options.slow, this.#slow, SLOW)
    const plain = (message instanceof Frame ? message.message : message) as Outgoing<P, R>
    const key = slow !== 'latest' ? undefined : options.key === undefined ? this.#key(plain) : options.key
    const way = { slow, key, mostBytes: this.#slowAboveBytes }
    const skipped: Skipped<P, R, D>[] = []
    let written = 0
    for (const joined of receivers) {
      const given = joined.give(frames.of(joined.port.framer), way)
      if (given === true) written++
      else if (given !== null) skipped.push({ message: given as Outgoing<P, R>, joined })
    }
    this.#reportSkipped(skipped)
    return written
  }

  /** Each is reported; then what a report threw is thrown. */
  #reportSkipped(skipped: readonly Skipped<P, R, D>[]): void {
    const onSkip = this.#onSkip
    if (onSkip === undefined) return
    const errors: unknown[] = []
    const reports = skipped.map(
      ({ message, joined }) =>
        () =>
          onSkip(message, joined.member, joined.data),
    )
    callEach(reports, (error) => errors.push(error))
    if (errors.length > 1) throw new AggregateError(errors, `onSkip threw for ${errors.length} members.`)
    if (errors.length === 1) throw errors[0]
  }

  /** The members that are to get a message, their frames made before the first byte is written. Members that are over leave. */
  #receivers({ except = null, to }: BroadcastOptions<P, R, D>, frames: BroadcastFrames): Joined<P, R, D>[] {
    const excepted = except === null ? null : writerOf(except)
    const receivers: Joined<P, R, D>[] = []
    for (const [writer, joined] of this.#members) {
      if (joined.port.isOver) this.leave(writer)
      else if (writer !== excepted && (to === undefined || to(joined.data, joined.member))) {
        frames.of(joined.port.framer)
        receivers.push(joined)
      }
    }
    return receivers
  }
}

/** What a member did not get. */
interface Skipped<P extends Protocol, R extends Role, D> {
  readonly message: Outgoing<P, R>
  readonly joined: Joined<P, R, D>
}

const SLOW: readonly Slow[] = ['destroy', 'skip', 'latest']
const GROUP_OPTIONS: OptionNames<GroupOptions> = { slow: true, slowAboveBytes: true, key: true, onSkip: true }
const NOBODY = {}
const BROADCAST_OPTIONS: OptionNames<BroadcastOptions> = { except: true, to: true, slow: true, key: true }

function nameOf(message: { readonly $name?: unknown }): unknown {
  return message.$name
}

import { randomUUID } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { QbpError } from '../base/errors.ts'
import { given } from '../base/given.ts'
import { knownOptions } from '../base/options.ts'
import type { Role } from '../base/role.ts'
import type { Bus, Position } from '../bus/contract.ts'
import { encodeName } from '../bus/name.ts'
import { inRootContext } from '../event-loop/root-context.ts'
import type { MessageWriter } from '../framing/message-writer.ts'
import type { BroadcastOptions } from '../net/group.ts'
import { type Member, writerOf } from '../net/group-member.ts'
import { givenProtocol } from '../protocol/given-protocol.ts'
import type { Outgoing } from '../protocol/message-types.ts'
import type { Protocol } from '../protocol/protocol.ts'
import { WriterSettings } from '../streams/settings.ts'
import type { QbpWritable } from '../streams/writable.ts'
import { Attendance } from './attendance.ts'
import {
  type BusGroupEvents,
  type BusGroupOptions,
  bad,
  checkJoin,
  groupSettings,
  JOIN_OPTIONS,
  type JoinOptions,
} from './bus-group-options.ts'
import { attachWith, type Delivery } from './delivery.ts'
import { LiveDelivery } from './live-delivery.ts'
import { LogDelivery, type Stamp } from './log-delivery.ts'
import { Membership } from './membership.ts'
import { type Presence, Roster } from './roster.ts'
import { asIs, LONGEST_POSITION, stamping } from './stamping.ts'

/**
 * A Group that spans all nodes of a bus: those that joined the same channel, on whichever node, get the same messages. A message is encoded
 * once, and crosses the bus once per node, however many its members are; no member waits for another.
 *
 *   const room = new Group()                                             // in this process
 *   const room = new BusGroup(protocol, bus, 'lobby')                    // on all nodes
 *   const room = new BusGroup(protocol, bus, 'lobby', { durable: true }) // and a client that comes back has missed nothing
 *
 * A node has one for each channel, or two, one of them durable; one that is not needed any more is closed.
 */
export class BusGroup<P extends Protocol = Protocol, R extends Role = 'server'>
  extends EventEmitter<BusGroupEvents>
  implements Iterable<QbpWritable<P, R>>, AsyncDisposable
{
  readonly channel: string
  readonly #members = new Map<QbpWritable<P, R>, Membership>()
  readonly #frames: MessageWriter
  readonly #delivery: Delivery
  readonly #roster: Roster | undefined
  readonly #isDurable: boolean
  readonly #stamp: Stamp | undefined
  readonly #skips: boolean
  #isClosed = false

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor(protocol: P, bus: Bus, channel: string, options: BusGroupOptions<P, R> = {}) {
    givenProtocol(protocol, 'new BusGroup(protocol, bus, channel, options?)')
    given(typeof bus?.store === 'object', bus, 'a bus', 'new BusGroup(protocol, bus, channel, options?)')
    const settings = groupSettings(bus, options)
    const { durable, logKind, stamp, presence, presenceTtlMs, role } = settings
    super()
    this.setMaxListeners(0)
    this.channel = channel
    this.#isDurable = durable
    this.#skips = settings.skips
    this.#frames = new WriterSettings(protocol, settings.writing).framer
    const members = { [Symbol.iterator]: () => this.#members.values() }
    this.#stamp = stamp === undefined ? undefined : stamping(protocol, role, stamp, this.#frames)
    this.#delivery = durable
      ? new LogDelivery(bus, channel, logKind, members, this.#stamp ?? asIs)
      : new LiveDelivery(bus, channel, members)
    if (presence) {
      const attendance = Attendance.of(bus)
      const id = Attendance.idOf([channel, durable ? 'log' : 'live', ...(logKind === undefined ? [] : [logKind])])
      this.#roster = new Roster(
        attendance,
        id,
        () => this.#names(),
        (what, who) => inRootContext(() => process.nextTick(() => this.emit(what, who))), // in no joiner's context
        (name, frame) => this.#act(name, frame),
      )
      attendance.enter(this.#roster, presenceTtlMs)
      const events: EventEmitter = this as unknown as EventEmitter
      events.on('newListener', (event) => {
        if (event === 'join' || event === 'leave') this.#roster?.watch().catch(() => {}) // `members()` says why.
      })
    }
  }

  /** How many members there are on this node. */
  get size(): number {
    return this.#members.size
  }

  /**
   * Lets a member in. Resolves once it hears all that is broadcast from then on, and, with `since`, has been given what it has
   * missed; in a durable group to the place where it stands.
   *
   * @throws {QbpError} ERR_QBP_GAP if what was missed is not there any more and there is no `snapshot`, ERR_QBP_CLOSED if the writer or the group is closed, or is by
   * then; ERR_QBP_BAD_OPTION for one that is in already; what `subscribe` of the bus throws. It is no member then.
   */
  async join(member: Member<P, R>, options: JoinOptions = {}): Promise<Position | undefined> {
    knownOptions('join()', options, JOIN_OPTIONS)
    const { name = randomUUID(), since, snapshot } = options
    const writer = writerOf(member)
    checkJoin(options, this.#isDurable)
    encodeName(name)
    if (this.#members.has(writer)) {
      throw bad(
        'member',
        `This connection is a member of ${JSON.stringify(this.channel)} already: join it once, or leave() first`,
      )
    }
    const membership = new Membership(this.channel, writer as unknown as QbpWritable, name, this.#skips, () =>
      this.leave(writer),
    )
    if (this.#isClosed || membership.isClosed) throw closed()
    this.#members.set(writer, membership)
    membership.enter()
    try {
      const position = await attachWith(this.#delivery, membership, since, snapshot)
      if (membership.hasLeft || membership.isClosed) throw writer.errored ?? closed()
      membership.isAnnounced = true
      this.#roster?.join(name)
      return position
    } catch (error) {
      if (this.#members.get(writer) === membership) this.leave(writer)
      throw error
    }
  }

  /** Lets a member go. It stays open. @returns whether it was one. */
  leave(member: Member<P, R>): boolean {
    const writer = writerOf(member)
    const membership = this.#members.get(writer)
    if (membership === undefined) return false
    this.#members.delete(writer)
    membership.exit()
    if (this.#members.size === 0) this.#delivery.rest()
    if (membership.isAnnounced) this.#roster?.leave(membership.name)
    return true
  }

  /** Whether it is a member on this node. */
  has(member: Member<P, R>): boolean {
    return this.#members.has(writerOf(member))
  }

  /** The writers of this node's members, in the order in which they joined. */
  [Symbol.iterator](): Iterator<QbpWritable<P, R>> {
    return this.#members.keys()
  }

  /**
   * Writes a message to all members, on all nodes. Resolves when it is on its way to the other nodes; in a durable group when it is
   * stored, to its place.
   *
   * @throws {QbpError} as a rejection: what `write` throws for a message that cannot be sent; what `publish` of the bus throws, such as
   * ERR_QBP_BUS_DOWN. Live, nobody gets the message then.
   */
  broadcast(
    message: Outgoing<P, R>,
    options: Pick<BroadcastOptions<P, R>, 'except'> = {},
  ): Promise<Position | undefined> {
    try {
      knownOptions('broadcast()', options, { except: true })
      const { except = null } = options
      if (this.#isClosed) throw closed()
      const membership = except === null ? undefined : this.#members.get(writerOf(except))
      const frame = this.#frames.frame(message)
      // A fault in `stamp` is the caller's to see: once the message is stored, it would cut every member off, at each return.
      this.#stamp?.(frame, LONGEST_POSITION)
      return this.#delivery.publish(frame, membership)
    } catch (refusal) {
      return Promise.reject(refusal)
    }
  }

  /**
   * The members on all nodes, this one's first. Those of a node that died are listed for `presenceTtlMs` more; what changes on
   * another node is listed a moment later.
   *
   * @throws {QbpError} with the first call, what `subscribe` of the bus throws; ERR_QBP_BAD_OPTION of a group without `presence`.
   */
  async members(): Promise<Presence[]> {
    if (this.#roster === undefined) throw bad('presence', 'the presence of this group is off')
    return this.#roster.members()
  }

  /**
   * Writes a message to the members of a name, on whichever node they are, at most once and beside the log. @returns how many there are.
   *
   * @throws {QbpError} as a rejection: what `write` throws for a message that cannot be sent; what `members()` throws; ERR_QBP_NO_NODE where
   * a node has just gone.
   */
  async send(name: string, message: Outgoing<P, R>): Promise<number> {
    return this.#reach(name, this.#frames.frame(message))
  }

  /**
   * Cuts off the connections of a name, on whichever node they are: their faults have the code ERR_QBP_CLOSED. @returns how many there are.
   *
   * @throws {QbpError} as a rejection: what `members()` throws; ERR_QBP_NO_NODE where a node has just gone.
   */
  async disconnect(name: string): Promise<number> {
    return this.#reach(name, null)
  }

  /** Lets all members of this node go; they stay open. Always resolves; may be repeated. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const writer of this.#members.keys()) this.leave(writer)
    await this.#roster?.close()
  }

  /** As `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #reach(name: string, frame: Uint8Array | null): Promise<number> {
    encodeName(name)
    if (this.#roster === undefined) throw bad('presence', 'the presence of this group is off')
    return this.#roster.reach(name, frame)
  }

  #act(name: string, frame: Uint8Array | null): void {
    for (const membership of [...this.#members.values()]) {
      if (membership.name !== name || !membership.isAnnounced) continue
      if (frame !== null) membership.write(frame)
      else membership.drop(new QbpError('ERR_QBP_CLOSED', `The group ${JSON.stringify(this.channel)} has cut it off.`))
    }
  }

  #names(): string[] {
    return [...this.#members.values()].filter(({ isAnnounced }) => isAnnounced).map(({ name }) => name)
  }
}

function closed(): QbpError {
  return new QbpError('ERR_QBP_CLOSED', 'The writer or the group is closed.')
}

import { QbpError } from '../base/errors.ts'
import { knownOptions, type OptionNames } from '../base/options.ts'
import type { Role } from '../base/role.ts'
import { shown } from '../base/shown.ts'
import type { Bus, Position } from '../bus/contract.ts'
import { checkSince } from '../bus/position.ts'
import type { Incoming, Outgoing } from '../protocol/message-types.ts'
import type { Protocol } from '../protocol/protocol.ts'
import type { Presence } from './roster.ts'
import type { Other } from './stamping.ts'

/** Options of a group on a bus. */
export interface BusGroupOptions<P extends Protocol = Protocol, R extends Role = Role> {
  /**
   * What becomes of a member that takes its bytes too slowly. `destroy`: once a message would pass `maxQueuedBytes` of its writer, that
   * is destroyed with ERR_QBP_QUEUE_FULL, and so its connection. `skip`: the message is left out for it, already once half of
   * maxQueuedBytes is used; its stats() count that as skipped.slow. Default: 'destroy'.
   */
  slow?: 'destroy' | 'skip' | undefined
  /**
   * Broadcast into the channel's log: all members get the same messages in the same order, and a member that comes back gets what it
   * has missed. No member is skipped then. Default: false, at most once.
   */
  durable?: boolean | undefined
  /** For a durable group: the kind of log, which says how much of the past is kept. See `logKinds` of the bus. Default: the kind without a name. */
  logKind?: string | undefined
  /**
   * For a durable group: says in a message where it stands, so that the client can come back with that. Called once per node
   * and message. Without it a client can come back to where `join` said alone: positions have holes, and cannot be counted.
   */
  stamp?: ((message: Incoming<P, Other<R>>, position: Position) => Outgoing<P, R>) | undefined
  /** Which role the members' writers have. Default: 'server'. */
  role?: R | undefined
  /** The longest body that is broadcast, in bytes. Default: 1 MiB. */
  maxBodyBytes?: number | undefined
  /** How soon `members()` forgets a node that died, in milliseconds. The least of a bus's groups holds for all of them. Default: 10 s. */
  presenceTtlMs?: number | undefined
  /** Whether the other nodes may know of this node's members, and `members()` of theirs. Default: true. */
  presence?: boolean | undefined
}

/** Events of a group on a bus, on whichever node it happens. Of the other nodes' members they are emitted once there is a listener. */
export interface BusGroupEvents {
  join: [presence: Presence]
  leave: [presence: Presence]
}

/** How a member joins. */
export interface JoinOptions {
  /** Its name in `members()`, by which `except` knows it when it comes back on another node. Default: a random one. */
  name?: string | undefined
  /** For a durable group: the place after which it goes on; for a newcomer, all that is kept or the last n. Default: what comes from now on. */
  since?: Position | 'first' | { readonly last: number } | undefined
  /**
   * For a durable group: shows the member what stands, and gives the place of which that is, after which it goes on. It is called where
   * `since` is left out, and where the log does not go back to it any more. Undefined: from now on.
   */
  snapshot?: (() => Position | undefined | Promise<Position | undefined>) | undefined
}

export const GROUP_OPTIONS: OptionNames<BusGroupOptions> = {
  durable: true,
  logKind: true,
  maxBodyBytes: true,
  presence: true,
  presenceTtlMs: true,
  role: true,
  slow: true,
  stamp: true,
}
export const JOIN_OPTIONS: OptionNames<JoinOptions> = { name: true, since: true, snapshot: true }

/** The options of a group, with their defaults. @throws {QbpError} ERR_QBP_BAD_OPTION */
export function groupSettings<P extends Protocol, R extends Role>(bus: Bus, options: BusGroupOptions<P, R>) {
  knownOptions('BusGroup', options, GROUP_OPTIONS as OptionNames<BusGroupOptions<P, R>>)
  const { durable = false, logKind, stamp, slow = 'destroy', presence = true, role = 'server' as R } = options
  const { presenceTtlMs = Math.min(10_000, bus.store.maxTtlMs), maxBodyBytes } = options
  if (slow !== 'destroy' && slow !== 'skip')
    throw bad('slow', `slow is '${String(slow)}'; it may be 'destroy' or 'skip'`)
  if (slow === 'skip' && durable) throw bad('slow', 'a durable group leaves no message out')
  if (stamp !== undefined && !durable) throw bad('stamp', 'only messages of a durable group have a place')
  if (logKind !== undefined && !durable) throw bad('logKind', 'only a durable group has a log')
  if (!Number.isInteger(presenceTtlMs) || presenceTtlMs < 10 || presenceTtlMs > bus.store.maxTtlMs) {
    const allowed = `integers from 10 to the bus's maxTtlMs, ${bus.store.maxTtlMs}`
    throw bad('presenceTtlMs', `presenceTtlMs is ${presenceTtlMs}; allowed are ${allowed}`)
  }
  const writing = { role, ...(maxBodyBytes === undefined ? {} : { maxBodyBytes }) }
  return { durable, logKind, stamp, skips: slow === 'skip', presence, presenceTtlMs, role, writing }
}

/** @throws {QbpError} ERR_QBP_BAD_OPTION */
export function checkJoin({ since, snapshot }: JoinOptions, isDurable: boolean): void {
  if (since !== undefined && !isDurable) throw bad('since', 'only a durable group has a past')
  if (since !== undefined && since !== 'first') checkSince(since)
  if (snapshot === undefined) return
  if (!isDurable) throw bad('snapshot', 'only a durable group has places')
  if (typeof snapshot !== 'function') throw bad('snapshot', `it is ${shown(snapshot)}, not a function`)
}

export function bad(option: string, found: string): QbpError {
  return new QbpError('ERR_QBP_BAD_OPTION', `${found}.`, { option })
}

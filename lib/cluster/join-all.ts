import { QbpError } from '../base/errors.ts'
import type { Role } from '../base/role.ts'
import type { Position } from '../bus/contract.ts'
import type { Member } from '../net/group-member.ts'
import type { Protocol } from '../protocol/protocol.ts'
import type { BusGroup } from './bus-group.ts'
import type { JoinOptions } from './bus-group-options.ts'

/** A group to join, and from where. */
export interface Joining<P extends Protocol, R extends Role> extends JoinOptions {
  readonly group: BusGroup<P, R>
}

/** What became of it. */
export interface Joined<P extends Protocol, R extends Role> {
  readonly group: BusGroup<P, R>
  /** Where the member stands, in a durable group. */
  readonly position: Position | undefined
  /** Why it had to begin anew: what it has missed is not there any more. Show the client all anew. */
  readonly gap: QbpError | undefined
}

/**
 * Joins several groups at once, as a client that comes back does. In a group whose log does not reach back to `since` the member begins with what
 * comes from now on, and `gap` says so.
 *
 * @throws {QbpError} as a rejection: what `join` throws but for ERR_QBP_GAP. The member is in none of them then.
 */
export async function joinAll<P extends Protocol, R extends Role>(
  member: Member<P, R>,
  joins: readonly Joining<P, R>[],
): Promise<Joined<P, R>[]> {
  const outcomes = await Promise.allSettled(joins.map((each) => joinOne(member, each)))
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed === undefined)
    return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  for (const { group } of joins) group.leave(member)
  throw failed.reason
}

async function joinOne<P extends Protocol, R extends Role>(
  member: Member<P, R>,
  { group, ...options }: Joining<P, R>,
): Promise<Joined<P, R>> {
  try {
    return { group, position: await group.join(member, options), gap: undefined }
  } catch (error) {
    if (!(error instanceof QbpError) || error.code !== 'ERR_QBP_GAP') throw error
    const { since: _, ...anew } = options
    return { group, position: await group.join(member, anew), gap: error }
  }
}

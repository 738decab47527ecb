import type { QbpError } from '../base/errors.ts'
import type { Position, Since } from '../bus/contract.ts'
import { checkSince } from '../bus/position.ts'
import type { Membership } from './membership.ts'

/** Where a member begins: what it has missed, or how much of the past a newcomer gets. */
export type JoinSince = Exclude<Since, 'now'>

/** How a group's frames get to its members over the bus: {@link LiveDelivery} or {@link LogDelivery}. */
export interface Delivery {
  /** Lets a member hear what comes; with `since`, what it has missed first. Resolves to its place once it has that. */
  attach(member: Membership, since: JoinSince | undefined): Promise<Position | undefined>
  /** To all members but one. Resolves to the frame's place, where it has one. */
  publish(frame: Uint8Array, except: Membership | undefined): Promise<Position | undefined>
  /** Unsubscribes: this node has no member any more. */
  rest(): void
}

/** Attaches a member to its place in the log; to that of a snapshot where it has none, or it is gone. */
export async function attachWith(
  delivery: Delivery,
  member: Membership,
  since: JoinSince | undefined,
  snapshot: (() => Position | undefined | Promise<Position | undefined>) | undefined,
): Promise<Position | undefined> {
  if (snapshot === undefined) return delivery.attach(member, since)
  if (since !== undefined) {
    try {
      return await delivery.attach(member, since)
    } catch (error) {
      if ((error as QbpError).code !== 'ERR_QBP_GAP') throw error
    }
  }
  const place = await snapshot()
  if (place !== undefined) checkSince(place)
  return delivery.attach(member, place)
}

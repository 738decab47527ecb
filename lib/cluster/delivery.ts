import type { Position, Since } from '../bus/contract.ts'
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

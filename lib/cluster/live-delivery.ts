import type { Bus } from '../bus/contract.ts'
import type { Delivery } from './delivery.ts'
import type { Membership } from './membership.ts'
import { SharedSubscription } from './shared-subscription.ts'

/** To the members on all nodes, at most once. There is one subscription, while there are members. */
export class LiveDelivery implements Delivery {
  readonly channel: string
  readonly #bus: Bus
  readonly #members: Iterable<Membership>
  readonly #subscription: SharedSubscription

  constructor(bus: Bus, channel: string, members: Iterable<Membership>) {
    this.channel = channel
    this.#bus = bus
    this.#members = members
    this.#subscription = new SharedSubscription((isOpen) =>
      bus.subscribe(channel, (frame) => isOpen() && this.#give(frame), {
        onEnd: (cause) => isOpen() && this.#lose(cause),
      }),
    )
  }

  async attach(member: Membership): Promise<undefined> {
    await this.#subscription.open()
    member.goLive()
  }

  async publish(frame: Uint8Array, except: Membership | undefined): Promise<undefined> {
    await this.#bus.publish(this.channel, frame) // What the bus refuses nobody gets.
    this.#give(frame, except)
  }

  rest(): void {
    this.#subscription.close()
  }

  /** The engine refuses what it had granted: none may be left who hears nothing. */
  #lose(cause: unknown): void {
    this.#subscription.close()
    for (const member of this.#members) if (member.isLive) member.drop(cause as Error)
  }

  #give(frame: Uint8Array, except?: Membership): void {
    for (const member of this.#members) if (member.isLive && member !== except) member.give(frame)
  }
}

import { QbpError } from '../base/errors.ts'
import type { Bus, Gap, Position, Subscription } from '../bus/contract.ts'
import { formatPosition } from '../bus/position.ts'
import type { Delivery, JoinSince } from './delivery.ts'
import { decodeLogged, encodeLogged } from './logged-frame.ts'
import type { Membership } from './membership.ts'
import { SharedSubscription } from './shared-subscription.ts'

/** What the members are given of a logged frame. */
interface Given {
  readonly frame: Uint8Array
  readonly except: string | undefined
  readonly fault?: Error
}

/** Says a frame's place to clients: makes the frame that has it, or leaves the frame as it is. */
export type Stamp = (frame: Uint8Array, position: Position) => Uint8Array

/**
 * To the members on all nodes, out of the channel's log: everybody sees one order, whoever published. One subscription follows
 * the log's end; a member that has missed something reads it by a subscription of its own, until it has caught up with that one.
 */
export class LogDelivery implements Delivery {
  readonly channel: string
  readonly #bus: Bus
  readonly #kind: { readonly logKind?: string }
  readonly #members: Iterable<Membership>
  readonly #stamp: Stamp
  readonly #tail: SharedSubscription

  constructor(bus: Bus, channel: string, logKind: string | undefined, members: Iterable<Membership>, stamp: Stamp) {
    this.channel = channel
    this.#bus = bus
    this.#kind = logKind === undefined ? {} : { logKind }
    this.#members = members
    this.#stamp = stamp
    this.#tail = new SharedSubscription((isOpen) =>
      bus.subscribe(channel, (logged: Uint8Array, position: Position) => isOpen() && this.#give(logged, position), {
        ...this.#kind,
        since: 'now',
        echo: true,
        onGap: (gap) => isOpen() && this.#lose(gone(gap)),
        onEnd: (cause) => {
          if (!isOpen()) return
          this.#tail.close()
          this.#lose(cause as Error)
        },
      }),
    )
  }

  async attach(member: Membership, since: JoinSince | undefined): Promise<Position | undefined> {
    const tail = await this.#tail.open()
    if (since === undefined) {
      member.position = tail.position
      member.goLive()
      return member.position
    }
    if (typeof since === 'object' && 'epoch' in since) member.position = since
    while (!member.isLive && !member.hasLeft && !member.isClosed) {
      await this.#replay(member, member.position ?? since)
      await member.room()
    }
    return member.position
  }

  publish(frame: Uint8Array, except: Membership | undefined): Promise<Position> {
    return this.#bus.publish(this.channel, encodeLogged({ frame, except: except?.id }), {
      ...this.#kind,
      durable: true,
    })
  }

  rest(): void {
    this.#tail.close()
  }

  #give(logged: Uint8Array, position: Position): void {
    let given: Given | undefined
    for (const member of this.#members) {
      if (!member.isLive || isAt(member, position)) continue
      given ??= this.#read(logged, position)
      if (given.fault !== undefined) member.drop(given.fault)
      else if (member.id === given.except) member.position = position
      else member.give(given.frame, position)
    }
  }

  /** What members are given. What cannot be read ends them: none may go on as if nothing had stood there. */
  #read(logged: Uint8Array, position: Position): Given {
    try {
      const { frame, except } = decodeLogged(logged)
      return { frame: this.#stamp(frame, position), except }
    } catch (error) {
      return { frame: logged, except: undefined, fault: error as Error }
    }
  }

  /** Gives a member what it has missed, until it has caught up with the tail, or has enough for now. */
  async #replay(member: Membership, since: JoinSince): Promise<void> {
    let subscription: Subscription | undefined
    let isDone = false
    let fault: Error | undefined
    let resolve = () => {}
    const end = new Promise<void>((done) => {
      resolve = done
    })
    const stop = () => {
      isDone = true
      subscription?.close()
      resolve()
    }
    const look = () => {
      if (isDone) return
      if (member.isLive || member.hasLeft || member.isClosed || member.isFull) stop()
    }
    subscription = await this.#bus.subscribe(
      this.channel,
      (logged: Uint8Array, position: Position) => {
        if (isDone) return
        const given = this.#read(logged, position)
        if (given.fault !== undefined) {
          fault = given.fault
          stop()
          return
        }
        if (member.id === given.except) member.position = position
        else member.replay(given.frame, position)
        look()
      },
      {
        ...this.#kind,
        since,
        echo: true,
        onCaughtUp: (position) => {
          if (isDone) return
          // It is at the log's end, and the tail there or before it: what that gives a second time passes the member by.
          member.position = position
          member.goLive()
          stop()
        },
        onGap: (gap) => {
          if (isDone) return
          fault = gone(gap)
          stop()
        },
        onEnd: (cause) => {
          fault ??= cause as Error
          stop()
        },
      },
    )
    if (isDone) subscription.close()
    member.writer.once('close', stop)
    look()
    await end
    member.writer.off('close', stop)
    if (fault !== undefined) throw fault
  }

  /** What the members have is no beginning of the log any more: none may go on as if nothing had happened. */
  #lose(cause: Error): void {
    for (const member of this.#members) if (member.isLive) member.drop(cause)
  }
}

/** Whether a member has what stands at a position: it has read so far, or further. */
function isAt({ position: own }: Membership, position: Position | undefined): boolean {
  return own !== undefined && position !== undefined && own.epoch === position.epoch && own.offset >= position.offset
}

function gone({ channel, reason, after, resumed }: Gap): QbpError {
  const why = reason === 'trimmed' ? 'its front has been cut since' : 'the log was lost, or that place was never in it'
  return new QbpError(
    'ERR_QBP_GAP',
    `The log of ${JSON.stringify(channel)} does not go on after ${formatPosition(after)}: ${why}. What there is begins after ${formatPosition(resumed)}. Join without "since", and show the client all anew.`,
    { reason, channel, position: formatPosition(after) },
  )
}

import { QbpError } from '../base/errors.ts'
import type { Bus, Gap, Position, Subscription } from '../bus/bus.ts'
import type { Seat } from './membership.ts'

/** How a group's frames get to its members over the bus. */
export interface Lane {
  /** Lets a member hear what comes; with `since`, what it has missed first. Resolves to its place once it has that. */
  attach(seat: Seat, since: Position | undefined): Promise<Position | undefined>
  /** To all members but one. Resolves to the frame's place, where it has one. */
  publish(frame: Uint8Array, except: Seat | undefined): Promise<Position | undefined>
  /** Nobody listens any more. */
  rest(): void
}

/** To the members on all nodes, at most once. There is one subscription, while there are members. */
export class LiveLane implements Lane {
  readonly channel: string
  readonly #bus: Bus
  readonly #seats: Iterable<Seat>
  readonly #line: Line

  constructor(bus: Bus, channel: string, seats: Iterable<Seat>) {
    this.channel = channel
    this.#bus = bus
    this.#seats = seats
    this.#line = new Line((isOpen) => bus.subscribe(channel, (frame) => isOpen() && this.#give(frame)))
  }

  async attach(seat: Seat): Promise<undefined> {
    await this.#line.open()
    seat.isLive = true
  }

  async publish(frame: Uint8Array, except: Seat | undefined): Promise<undefined> {
    await this.#bus.publish(this.channel, frame) // What the bus refuses nobody gets.
    this.#give(frame, except)
  }

  rest(): void {
    this.#line.close()
  }

  #give(frame: Uint8Array, except?: Seat): void {
    for (const seat of this.#seats) if (seat.isLive && seat !== except) seat.give(frame)
  }
}

interface Told {
  readonly frame: Uint8Array
  readonly except: string | undefined
  readonly fault?: Error
}

/** What is told to clients of a frame's place: the frame with it, or the frame as it is. */
export type Stamp = (frame: Uint8Array, position: Position) => Uint8Array

/**
 * To the members on all nodes, out of the channel's log: everybody sees one order, whoever published. One subscription follows
 * the log's end; who has missed something reads it by a subscription of its own, until it has caught up with that one.
 */
export class LogLane implements Lane {
  readonly channel: string
  readonly #bus: Bus
  readonly #seats: Iterable<Seat>
  readonly #stamp: Stamp
  readonly #line: Line

  constructor(bus: Bus, channel: string, seats: Iterable<Seat>, stamp: Stamp) {
    this.channel = channel
    this.#bus = bus
    this.#seats = seats
    this.#stamp = stamp
    this.#line = new Line((isOpen) =>
      bus.subscribe(channel, (logged, position) => isOpen() && this.#give(logged, position), {
        since: 'now',
        echo: true,
        onGap: (gap) => isOpen() && this.#lose(gap),
      }),
    )
  }

  async attach(seat: Seat, since: Position | undefined): Promise<Position | undefined> {
    const tail = await this.#line.open()
    if (since === undefined) {
      seat.position = tail.position
      seat.isLive = true
      return seat.position
    }
    seat.position = since
    while (!seat.isLive && !seat.hasLeft && !seat.isClosed) {
      await this.#replay(seat, tail)
      await seat.room()
    }
    return seat.position
  }

  publish(frame: Uint8Array, except: Seat | undefined): Promise<Position> {
    return this.#bus.publish(this.channel, wrap(frame, except?.name), { durable: true })
  }

  rest(): void {
    this.#line.close()
  }

  #give(logged: Uint8Array, position: Position): void {
    let told: Told | undefined
    for (const seat of this.#seats) {
      if (!seat.isLive || isAt(seat, position)) continue
      told ??= this.#read(logged, position)
      if (told.fault !== undefined) seat.drop(told.fault)
      else if (seat.name === told.except) seat.position = position
      else seat.give(told.frame, position)
    }
  }

  /** What members are given. What cannot be read ends them: none may go on as if nothing had stood there. */
  #read(logged: Uint8Array, position: Position): Told {
    try {
      const { frame, except } = unwrap(logged)
      return { frame: this.#stamp(frame, position), except }
    } catch (error) {
      return { frame: logged, except: undefined, fault: error as Error }
    }
  }

  /** Gives a member what it has missed, until it has caught up with the tail, or has enough for now. */
  async #replay(seat: Seat, tail: Subscription): Promise<void> {
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
      // Both run in this thread: what the tail has given is known, and what it will give comes behind it.
      if (isAt(seat, tail.position)) seat.isLive = true
      if (seat.isLive || seat.hasLeft || seat.isClosed || seat.isFull) stop()
    }
    const since = seat.position as Position
    subscription = await this.#bus.subscribe(
      this.channel,
      (logged, position) => {
        if (isDone) return
        const told = this.#read(logged, position)
        if (told.fault !== undefined) {
          fault = told.fault
          stop()
          return
        }
        if (seat.name === told.except) seat.position = position
        else seat.replay(told.frame, position)
        look()
      },
      {
        since,
        echo: true,
        onGap: (gap) => {
          if (isDone) return
          fault = gone(gap)
          stop()
        },
      },
    )
    if (isDone) subscription.close()
    seat.writer.once('close', stop)
    look()
    await end
    seat.writer.off('close', stop)
    if (fault !== undefined) throw fault
  }

  /** What the members have is no beginning of the log any more: none may go on as if nothing had happened. */
  #lose(gap: Gap): void {
    for (const seat of this.#seats) if (seat.isLive) seat.drop(gone(gap))
  }
}

/** One subscription that is there while somebody wants it. */
class Line {
  readonly #subscribe: (isOpen: () => boolean) => Promise<Subscription>
  #open: Promise<Subscription> | undefined

  constructor(subscribe: (isOpen: () => boolean) => Promise<Subscription>) {
    this.#subscribe = subscribe
  }

  open(): Promise<Subscription> {
    if (this.#open !== undefined) return this.#open
    const open = this.#subscribe(() => this.#open === open)
    this.#open = open
    open.catch(() => {
      if (this.#open === open) this.#open = undefined
    })
    return open
  }

  close(): void {
    const open = this.#open
    this.#open = undefined
    open?.then(
      (subscription) => subscription.close(),
      () => {},
    )
  }
}

/** Whether a member has what stands at a position: it has read so far, or further. */
function isAt({ position: own }: Seat, position: Position | undefined): boolean {
  return own !== undefined && position !== undefined && own.epoch === position.epoch && own.offset >= position.offset
}

function gone({ channel, reason, after, resumed }: Gap): QbpError {
  const why = reason === 'trimmed' ? 'its front has been cut since' : 'the log was lost, or that place was never in it'
  return new QbpError(
    'ERR_QBP_GAP',
    `The log of ${JSON.stringify(channel)} does not go on behind ${after.epoch}.${after.offset}: ${why}. What there is begins behind ${resumed.epoch}.${resumed.offset}. Join without "since", and show the client all anew.`,
    { reason },
  )
}

// In a log a frame stands behind what the members must know of it:
//
//   00 frame                   for all
//   01 length:u16 name frame   for all but the member of that name

function wrap(frame: Uint8Array, except: string | undefined): Uint8Array {
  if (except === undefined) {
    const logged = Buffer.allocUnsafe(1 + frame.length)
    logged[0] = 0
    logged.set(frame, 1)
    return logged
  }
  const name = Buffer.from(except)
  const logged = Buffer.allocUnsafe(3 + name.length + frame.length)
  logged[0] = 1
  logged.writeUInt16BE(name.length, 1)
  logged.set(name, 3)
  logged.set(frame, 3 + name.length)
  return logged
}

function unwrap(logged: Uint8Array): { frame: Uint8Array; except: string | undefined } {
  if (logged[0] === 0) return { frame: logged.subarray(1), except: undefined }
  const view = Buffer.from(logged.buffer, logged.byteOffset, logged.length)
  const end = view.length < 3 ? Number.POSITIVE_INFINITY : 3 + view.readUInt16BE(1)
  if (logged[0] !== 1 || end > view.length) {
    throw new QbpError('ERR_QBP_INVALID_BODY', 'What stands in the log was not written by a group.')
  }
  return { frame: logged.subarray(end), except: view.toString('utf8', 3, end) }
}

import type { QbpConnection } from '../index.ts'
import type { language, Said } from './language.ts'
import { Event, Side } from './messages.ts'
import type { ObservedEvent, Sums } from './observed.ts'
import type { Ring } from './ring.ts'

/** Bytes that may be on their way to a page that has not said that it took them. */
const MAX_AHEAD_BYTES = 4 * 2 ** 20
/** Events leave in batches: a page draws no faster than this. */
const BATCH_MS = 20
/** Sums are sent at most so often. */
const SUMS_MS = 200

const kinds = {
  frame: Event.Kind.FRAME,
  open: Event.Kind.OPEN,
  fault: Event.Kind.FAULT,
  close: Event.Kind.CLOSE,
} as const
const sides = { client: Side.CLIENT, server: Side.SERVER } as const

/** What a page needs to read the frames that follow. */
export type Introduction = Said & { readonly $name: 'Hello' }

/** Brings one page the events of the ring, no faster than it takes them in, and the sums. */
export class Feed {
  readonly #ring: Ring<ObservedEvent>
  readonly #sums: Sums
  readonly #connection: QbpConnection<typeof language, 'server'>
  /** Number of the event to be sent next. */
  #next = 0
  #taken = 0
  #sumsVersion = 0
  #sumsSentAt = Number.NEGATIVE_INFINITY
  #stopped = false
  #timer: NodeJS.Timeout | undefined
  #proceed: (() => void) | undefined
  /** Before the next event. */
  #introduction: Introduction | undefined

  constructor(
    ring: Ring<ObservedEvent>,
    sums: Sums,
    connection: QbpConnection<typeof language, 'server'>,
    introduction: Introduction,
  ) {
    this.#introduction = introduction
    this.#ring = ring
    this.#sums = sums
    this.#connection = connection
  }

  /** There is something new. Returns at once, whatever the page's pace. */
  wake(): void {
    if (this.#proceed === undefined || this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#proceed?.()
    }, BATCH_MS)
  }

  /** The frames that follow are of another protocol than those before. */
  introduce(introduction: Introduction): void {
    this.#introduction = introduction
    this.wake()
  }

  /** The page has taken in so many bytes, in all. */
  took(bytes: number): void {
    this.#taken = bytes
    this.wake()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#proceed?.()
  }

  /** Resolves once it has been stopped. @throws if the page goes away. */
  async run(): Promise<void> {
    const { writer } = this.#connection
    while (!this.#stopped) {
      for (const message of this.#due()) await writer.writeMessage(message)
      if (this.#stopped) return
      const sumsIn = this.#sumsSentAt + SUMS_MS - performance.now()
      const sumsTimer = this.#sums.version > this.#sumsVersion ? setTimeout(() => this.#proceed?.(), sumsIn) : undefined
      await new Promise<void>((resolve) => {
        this.#proceed = resolve
        if (this.#ring.end > this.#next && !this.#full) this.wake()
      })
      clearTimeout(sumsTimer)
      this.#proceed = undefined
    }
  }

  get #full(): boolean {
    return this.#connection.stats().bytesOut - this.#taken >= MAX_AHEAD_BYTES
  }

  /** What can be sent now. The ring may move on between two messages. */
  *#due(): Generator<Said> {
    yield* this.#introduced()
    while (this.#next < this.#ring.end && !this.#full && !this.#stopped) {
      yield* this.#introduced()
      const missed = this.#ring.first - this.#next
      if (missed > 0) {
        this.#next = this.#ring.first
        yield { $name: 'Dropped', events: missed }
        continue
      }
      const { direction, kind, ...event } = this.#ring.get(this.#next) as ObservedEvent
      const { at, connection, bytes, offset, error, peer, sentHere } = event
      const index = this.#next++
      yield {
        $name: 'Event',
        index,
        at,
        connection,
        from: sides[direction],
        kind: kinds[kind],
        bytes,
        offset,
        error,
        peer,
        sentHere,
      }
    }
    const now = performance.now()
    if (now - this.#sumsSentAt < SUMS_MS) return
    const { version } = this.#sums
    for (const sums of this.#sums.since(this.#sumsVersion)) {
      this.#sumsSentAt = now
      yield { $name: 'Totals', ...sums }
    }
    this.#sumsVersion = version
  }

  *#introduced(): Generator<Said> {
    const introduction = this.#introduction
    this.#introduction = undefined
    if (introduction !== undefined) yield introduction
  }
}

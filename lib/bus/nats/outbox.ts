import { headers } from '@nats-io/transport-node'
import type { Position } from '../contract.ts'
import { MAX_BATCH, SIZES_HEADER } from './stored.ts'

/** How much one stored message holds, in bytes, where it has more than one frame. */
const BATCH_BYTES = 131_072

/** A frame on its way into a log. */
export interface Outgoing {
  readonly frame: Uint8Array
  /** By the clock. */
  readonly deadline: number
  readonly resolve: (position: Position) => void
  readonly reject: (error: unknown) => void
  isSettled: boolean
}

/** Frames that travel as one message. */
export interface Batch {
  readonly id: string
  readonly data: Uint8Array
  readonly sizes: string | undefined
  readonly items: readonly Outgoing[]
  /** The last one's among them. */
  readonly deadline: number
}

/**
 * The frames of one channel that wait to be published. One message is on its way at a time, since repeated ones would overtake each
 * other; what comes meanwhile leaves as the next one, together: so order and once-ness cost no throughput.
 */
export class Outbox {
  readonly #send: (batch: Batch) => Promise<(index: number) => Position>
  readonly #nextId: () => string
  /** How many frames one message may have: fewer where a log is short, since its length is counted in messages. */
  readonly #most: number
  readonly #onIdle: () => void
  #queue: Outgoing[] = []
  #isSending = false

  constructor(
    most: number,
    nextId: () => string,
    send: (batch: Batch) => Promise<(index: number) => Position>,
    onIdle: () => void,
  ) {
    this.#most = Math.min(most, MAX_BATCH)
    this.#nextId = nextId
    this.#send = send
    this.#onIdle = onIdle
  }

  add(item: Outgoing): void {
    this.#queue.push(item)
    if (!this.#isSending) void this.#run()
  }

  async #run(): Promise<void> {
    this.#isSending = true
    for (;;) {
      // By the end of the tick, what is published in it has come, and what all channels send leaves in one write to the socket.
      await new Promise<void>((resolve) => process.nextTick(resolve))
      const batch = this.#take()
      if (batch === null) break
      try {
        const positionAt = await this.#send(batch)
        for (const [index, item] of batch.items.entries()) item.resolve(positionAt(index))
      } catch (error) {
        for (const item of batch.items) item.reject(error)
      }
    }
    this.#isSending = false
    this.#onIdle()
  }

  #take(): Batch | null {
    const items: Outgoing[] = []
    let bytes = 0
    let taken = 0
    for (const item of this.#queue) {
      if (items.length > 0 && (items.length === this.#most || bytes + item.frame.length > BATCH_BYTES)) break
      taken++
      if (item.isSettled) continue // given up, or its time is over
      items.push(item)
      bytes += item.frame.length
    }
    this.#queue.splice(0, taken)
    const [first] = items
    if (first === undefined) return null
    const single = items.length === 1
    return {
      id: this.#nextId(),
      data: single ? first.frame : Buffer.concat(items.map(({ frame }) => frame)),
      sizes: single ? undefined : items.map(({ frame }) => frame.length).join(','),
      items,
      deadline: Math.max(...items.map(({ deadline }) => deadline)),
    }
  }
}

/** The headers of a batch. */
export function headersOf({ sizes }: Batch) {
  if (sizes === undefined) return undefined
  const header = headers()
  header.set(SIZES_HEADER, sizes)
  return header
}

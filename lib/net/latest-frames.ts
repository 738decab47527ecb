import { QbpError } from '../base/errors.ts'
import type { Entry } from '../framing/table.ts'
import type { WriterPort } from '../streams/ports.ts'

/** A frame for all members of one table, and what it is the frame of. */
export interface GroupFrame {
  readonly bytes: Uint8Array
  readonly entry: Entry | undefined
  readonly message: object
}

/**
 * What waits for one slow member: of each key the latest frame. It takes the place of the one before, so that a key that changes
 * often holds up no other. They are written as soon as the member has room again.
 */
export class LatestFrames {
  readonly #port: WriterPort
  readonly #frames = new Map<unknown, GroupFrame>()
  #bytes = 0
  /** How many bytes may wait in the writer. */
  #most = 0
  #isAwaited = false

  constructor(port: WriterPort) {
    this.#port = port
  }

  get isEmpty(): boolean {
    return this.#frames.size === 0
  }

  /**
   * Keeps a frame until there is room.
   *
   * @returns that of the same key that will not be written now, if there was one.
   * @throws {QbpError} ERR_QBP_QUEUE_FULL if more than maxQueuedBytes would wait here then.
   */
  put(key: unknown, frame: GroupFrame, most: number): GroupFrame | undefined {
    const before = this.#frames.get(key)
    const bytes = this.#bytes + frame.bytes.length - (before?.bytes.length ?? 0)
    const { maxQueuedBytes } = this.#port
    if (bytes > maxQueuedBytes && bytes > this.#bytes)
      throw full(this.#frames.size + (before === undefined ? 1 : 0), bytes, maxQueuedBytes)
    this.#frames.set(key, frame)
    this.#bytes = bytes
    this.#most = most
    this.#await()
    return before
  }

  /** Writes what there is room for. */
  flush(): void {
    for (const [key, { bytes, entry, message }] of this.#frames) {
      if (this.#port.isOver) return
      if (!this.#port.hasRoom(bytes.length, this.#most)) {
        this.#await()
        return
      }
      this.#frames.delete(key)
      this.#bytes -= bytes.length
      this.#port.frame(bytes, entry, message)
    }
  }

  #await(): void {
    if (this.#isAwaited) return
    this.#isAwaited = true
    this.#port.onceBelow(this.#most / 2, () => {
      this.#isAwaited = false
      this.flush()
    })
  }

  clear(): void {
    this.#frames.clear()
    this.#bytes = 0
  }
}

function full(keys: number, size: number, limit: number): QbpError {
  return new QbpError(
    'ERR_QBP_QUEUE_FULL',
    `The latest messages of ${keys} keys would wait for a slow peer, ${size} bytes: more than maxQueuedBytes, ${limit}.`,
    { size, limit },
  )
}

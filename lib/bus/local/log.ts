import { randomUUID } from 'node:crypto'
import type { Position } from '../contract.ts'

interface Logged {
  readonly frame: Uint8Array
  /** Who published it: a bus object. */
  readonly by: object
  /** In ms of `performance.now()`. */
  readonly at: number
}

/** How many frames a log drops at its front before it moves the rest: dropping costs a constant each, in the long run. */
const COMPACT = 1024

/** A channel's log in memory. */
export class LocalLog {
  readonly epoch = randomUUID()
  readonly #maxAgeMs: number
  readonly #maxFrames: number
  /** `#frames[i]` has the offset `#base + i`; those before `#head` are trimmed. */
  #frames: Logged[] = []
  #base = 1n
  #head = 0

  constructor(maxAgeMs: number, maxFrames: number) {
    this.#maxAgeMs = maxAgeMs
    this.#maxFrames = maxFrames
  }

  /** The place before the first frame kept. */
  get start(): Position {
    this.#trim()
    return { epoch: this.epoch, offset: this.#base + BigInt(this.#head) - 1n }
  }

  /** The place of the last frame. */
  get end(): Position {
    return { epoch: this.epoch, offset: this.#base + BigInt(this.#frames.length) - 1n }
  }

  append(frame: Uint8Array, by: object): Position {
    this.#frames.push({ frame, by, at: performance.now() })
    this.#trim()
    return this.end
  }

  /** The frame at an offset between `start` (exclusive) and `end`. */
  at(offset: bigint): Logged | undefined {
    return this.#frames[Number(offset - this.#base)]
  }

  #trim(): void {
    const oldest = performance.now() - this.#maxAgeMs
    let head = Math.max(this.#head, this.#frames.length - this.#maxFrames)
    while (head < this.#frames.length && (this.#frames[head] as Logged).at < oldest) head++
    this.#head = head
    if (head < COMPACT || head * 2 < this.#frames.length) return
    this.#frames = this.#frames.slice(head)
    this.#base += BigInt(head)
    this.#head = 0
  }
}

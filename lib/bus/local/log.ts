import { randomBytes, randomUUID } from 'node:crypto'
import { now } from '../../event-loop/clock.ts'
import type { AllLimits } from '../bus-options.ts'
import type { Gap, Position } from '../contract.ts'
import { ANY_EPOCH, isMarked } from '../position.ts'

export interface Logged {
  readonly frame: Uint8Array
  /** Who published it: a bus object. undefined where that was another process. */
  readonly by: object | undefined
  /** By the clock. */
  readonly at: number
  isTrimmed: boolean
}

/** From an offset on, the mark of what was written. A log that was loaded from a file goes on with another one. */
export interface Life {
  readonly from: bigint
  readonly mark: string
}

/** A log as it stands in a file. */
export interface SavedLog {
  readonly epoch: string
  readonly lives: readonly Life[]
  /** The offset of the first of the frames. */
  readonly base: bigint
  readonly frames: readonly Logged[]
}

/** A place of an older life is not known again: its reader begins anew. */
const MOST_LIVES = 100
/** How many frames a log drops at its front before it moves the rest: dropping costs a constant each, in the long run. */
const COMPACT = 1024

function newMark(): string {
  return randomBytes(6).toString('base64url').replace(/^-/, '_') // '-' begins marks that are times
}

/** A channel's log in memory. */
export class LocalLog {
  readonly epoch: string
  readonly lives: readonly Life[]
  readonly #limits: AllLimits
  readonly #onDrop: (logged: Logged) => void
  /** `#frames[i]` has the offset `#base + i`; those before `#head` are trimmed. */
  #frames: (Logged | undefined)[]
  #base: bigint
  #head = 0

  /** @param onDrop is called with each frame that is trimmed. @param saved what a file had of it. */
  constructor(limits: AllLimits, onDrop: (logged: Logged) => void, saved?: SavedLog) {
    const { epoch = randomUUID(), lives = [], base = 1n, frames = [] } = saved ?? {}
    this.#limits = limits
    this.#onDrop = onDrop
    this.epoch = epoch
    this.#base = base
    this.#frames = [...frames]
    const from = saved === undefined ? 0n : base + BigInt(frames.length)
    this.lives = [...lives, { from, mark: newMark() }].slice(-MOST_LIVES)
  }

  /** The place before the first frame kept. */
  get start(): Position {
    this.#trim()
    return this.position(this.#base + BigInt(this.#head) - 1n)
  }

  /** The place of the last frame. */
  get end(): Position {
    return this.position(this.#base + BigInt(this.#frames.length) - 1n)
  }

  append(frame: Uint8Array, by: object): Position {
    this.#frames.push({ frame, by, at: now(), isTrimmed: false })
    this.#trim()
    return this.end
  }

  position(offset: bigint): Position {
    return { epoch: this.epoch, offset, mark: this.#lifeAt(offset).mark }
  }

  /** The frame at an offset between `start` (exclusive) and `end`. */
  at(offset: bigint): Logged | undefined {
    return this.#frames[Number(offset - this.#base)]
  }

  /** All that is kept. */
  get saved(): SavedLog {
    const { start, epoch, lives } = this
    return { epoch, lives, base: start.offset + 1n, frames: this.#frames.slice(this.#head) as Logged[] }
  }

  /** Drops the oldest frame. */
  shift(): void {
    this.#cut(this.#head + 1)
  }

  /** Where a reader goes on after a place, and why something before that is lost to it. */
  resume(after: Position): { position: Position; reason?: Gap['reason'] } {
    const { start, end } = this
    if (after.epoch !== this.epoch && after.epoch !== ANY_EPOCH) return { position: start, reason: 'lost' }
    if (after.offset <= end.offset) {
      const position = this.position(after.offset)
      const isRight =
        after.mark === undefined ? after.epoch === this.epoch : isMarked(after, this.epoch, position.mark ?? '')
      if (isRight) return after.offset < start.offset ? { position: start, reason: 'trimmed' } : { position }
    } else if (after.mark === undefined) return { position: end, reason: 'lost' }
    // An older copy of the log, or the place is forged. What was written after the copy is new to the reader.
    const life = this.lives.findIndex(({ mark }) => isMarked(after, this.epoch, mark))
    const next = this.lives[life + 1]
    if (life === -1) return { position: start, reason: 'lost' }
    const fork = next === undefined ? end : this.position(next.from - 1n)
    return { position: fork.offset < start.offset ? start : fork, reason: 'lost' }
  }

  #lifeAt(offset: bigint): Life {
    const { lives } = this
    let at = lives.length - 1
    while (at > 0 && (lives[at] as Life).from > offset) at--
    return lives[at] as Life
  }

  #trim(): void {
    const { logMaxAgeMs, logMaxFrames } = this.#limits
    const oldest = now() - logMaxAgeMs
    let head = Math.max(this.#head, this.#frames.length - logMaxFrames)
    while (head < this.#frames.length && (this.#frames[head] as Logged).at < oldest) head++
    this.#cut(head)
  }

  #cut(head: number): void {
    for (let at = this.#head; at < head; at++) {
      const logged = this.#frames[at] as Logged
      logged.isTrimmed = true
      this.#onDrop(logged)
      this.#frames[at] = undefined // Its bytes are free at once.
    }
    this.#head = head
    if (head < COMPACT || head * 2 < this.#frames.length) return
    this.#frames = this.#frames.slice(head)
    this.#base += BigInt(head)
    this.#head = 0
  }
}

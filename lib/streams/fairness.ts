// Fairness between connections. A socket's chunk may hold ten thousand messages, and libuv may bring 32 chunks of one socket
// before it looks at another. So what readers do in one turn of the event loop is measured, all of them together; once it is
// over the slice, each lets the loop go round before it hands out more.

import { AsyncResource } from 'node:async_hooks'
import { immediate } from '../event-loop/timers.ts'

/**
 * How long readers may keep the event loop, together, in milliseconds. What a handler does between two looks comes on top.
 * A turn of the loop costs some 10 us, a twenty-fifth of this; with twice as much the others would wait a fifth longer.
 */
const SLICE_MS = 0.25
/** So many of those that wait are let on in a turn at most: one turn for each would cost more than a few messages of theirs. */
const AT_ONCE = 16

/** When the first reader of this turn looked at the clock; 0: none did. */
let began = 0
const queue: (() => void)[] = []
let scheduled = false
/** Says how long the loop has waited for input, ever; a runtime that is no Node may not know. */
const timing = (performance as { nodeTiming?: { readonly idleTime: number } }).nodeTiming
let idle = -1

/** A reader looks at the clock every few messages: that takes as long as a small one. */
export interface Looker {
  /** When it last did. */
  lookedAt: number
  /** After how many messages it does again. */
  lookEvery: number
}

/** How many messages a reader may have between two looks: heavy ones, and such that hardly take time. */
export const FEW = 32
const MANY = 128
/** In which time a few, or many, hardly took any. */
const LIGHT_MS = 0.03

/**
 * Whether this turn's slice is used up.
 *
 * What others have used up is not held against one that asks for the first time in a turn: it has had those few messages,
 * and most often no more have come.
 */
export function spent(reader: Looker): boolean {
  const now = performance.now()
  const isSpent = isOver(now)
  const isFirst = reader.lookedAt < began
  reader.lookEvery = !isFirst && now - reader.lookedAt < LIGHT_MS ? MANY : FEW
  reader.lookedAt = now
  return isSpent && !isFirst
}

/** Lets the event loop go round, then calls back; the one that waits longest comes first. */
export function nextTurn(resume: () => void): void {
  queue.push(resume)
  schedule()
}

/** How far a reader keeps the event loop: it has one once it has handed out enough to look at the clock. */
class Pace implements Looker {
  lookedAt = Number.NEGATIVE_INFINITY
  lookEvery = FEW
  turn: 'own' | 'others' = 'own'
}

/** A reader among others: it counts its messages, and lets the event loop go round when the slice is over. */
export abstract class FairReader {
  /** Messages until the next look at the clock; none while others have their turn. */
  #left = FEW
  #pace: Pace | null = null

  /** Whether the event loop goes round before the next message. */
  get hasYielded(): boolean {
    return this.#pace?.turn === 'others'
  }

  /** To be asked before each message: whether others come first. Then `resume` follows in a later turn of the event loop, in this context. */
  protected mustYield(): boolean {
    return --this.#left <= 0 && this.#look()
  }

  #look(): boolean {
    this.#pace ??= new Pace()
    const pace = this.#pace
    if (pace.turn === 'others') return true
    const isSpent = spent(pace)
    this.#left = isSpent ? 0 : pace.lookEvery
    if (!isSpent) return false
    pace.turn = 'others'
    const context = new AsyncResource('QBP_TURN') // AsyncResource.bind() would cost as much as a thousand messages on Node 20.
    nextTurn(() => context.runInAsyncScope(() => this.#goOn(pace)))
    return true
  }

  #goOn(pace: Pace): void {
    pace.turn = 'own'
    this.#left = pace.lookEvery
    this.resume()
  }

  protected abstract resume(): void
}

/** Whether the slice is over, which begins with the first look. */
function isOver(now: number): boolean {
  const isNew = !scheduled && hasWaited()
  if (isNew || began === 0) began = now
  // A loop that waits again before the next look needs no end of its turn: that would hold up an answer by a fifth of a round trip.
  if (!isNew) schedule()
  return now - began > SLICE_MS
}

/** Whether the event loop has waited since this was last asked: then its turn is another. */
function hasWaited(): boolean {
  const before = idle
  idle = timing?.idleTime ?? before
  return idle !== before
}

function schedule(): void {
  if (scheduled) return
  scheduled = true
  immediate(turn)
}

function turn(): void {
  scheduled = false
  began = 0
  letOn(AT_ONCE)
}

/**
 * Lets on the reader that waits longest, and others after it only if it leaves some of the slice: of many that have much, one hands out
 * a slice's worth and sends the answers as one chunk, instead of each a few.
 */
function letOn(most: number): void {
  const resume = queue.shift()
  if (resume === undefined) return
  resume()
  if (queue.length === 0) return
  // After all that its messages lead to: promises come before this tick, and this tick before the loop goes on.
  if (most > 1) queueMicrotask(() => process.nextTick(() => (isOver(performance.now()) ? schedule() : letOn(most - 1))))
  else schedule()
}

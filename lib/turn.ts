// Fairness between connections. A socket's chunk may hold ten thousand messages, and libuv may bring 32 chunks of one socket
// before it looks at another. So what readers do in one turn of the event loop is measured, all of them together; once it is
// over the slice, each lets the loop go round before it hands out more.

/**
 * How long readers may keep the event loop, together, in milliseconds. What a handler does between two looks comes on top.
 * A turn of the loop costs some 10 us: a fiftieth of this.
 */
const SLICE_MS = 0.5
/** Of those who wait, so many are let on in a turn at most: one turn for each would cost more than a few messages of theirs. */
const AT_ONCE = 16

/** When the first reader of this turn looked at the clock; 0: none did. */
let began = 0
/** Which turn this is. */
let current = 0
const queue: (() => void)[] = []
let scheduled = false

/** Who asks for the time. */
export interface Looker {
  /** The turn in which it last did. */
  lookedIn: number
}

/**
 * Whether this turn's slice is used up. To be asked every few messages: the clock takes as long as a small one.
 *
 * What others have used up is not held against one that asks for the first time in a turn: it has had those few messages,
 * and most often no more have come.
 */
export function spent(reader: Looker): boolean {
  const isFirst = reader.lookedIn !== current
  reader.lookedIn = current
  return isSpent() && !isFirst
}

/** Lets the event loop go round, then calls back; who waits longest comes first. */
export function nextTurn(resume: () => void): void {
  queue.push(resume)
  schedule()
}

function isSpent(): boolean {
  const now = performance.now()
  if (began === 0) {
    began = now
    schedule()
  }
  return now - began > SLICE_MS
}

function schedule(): void {
  if (scheduled) return
  scheduled = true
  setImmediate(turn)
}

function turn(): void {
  scheduled = false
  began = 0
  current++
  letOn(AT_ONCE)
}

/**
 * Lets on who waits longest, and others behind it only if it leaves some of the slice: of many who have much, one hands out
 * a slice's worth and sends the answers as one chunk, instead of each a few.
 */
function letOn(most: number): void {
  const resume = queue.shift()
  if (resume === undefined) return
  resume()
  if (queue.length === 0) return
  // Behind all that its messages lead to: promises come before this tick, and this tick before the loop goes on.
  if (most > 1) queueMicrotask(() => process.nextTick(() => (isSpent() ? schedule() : letOn(most - 1))))
  else schedule()
}

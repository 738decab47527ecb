// Fairness between connections. A socket's chunk may hold ten thousand messages, and libuv may bring 32 chunks of one socket
// before it looks at another. So what readers do in one turn of the event loop is measured, all of them together; once it is
// over the slice, each lets the loop go round before it hands out more.

/**
 * How long readers may keep the event loop, together, in milliseconds. What a handler does between two looks comes on top.
 * A turn of the loop costs some 10 us: a fiftieth of this.
 */
const SLICE_MS = 0.5
/** Who waits is let on so many at a time: one turn for each would cost more than their messages. */
const AT_ONCE = 16

/** When the first reader of this turn looked at the clock; 0: none did. */
let began = 0
const queue: (() => void)[] = []
let scheduled = false

/** Whether this turn's slice is used up. To be asked every few messages: the clock takes as long as a small one. */
export function spent(): boolean {
  const now = performance.now()
  if (began === 0) {
    began = now
    schedule()
    return false
  }
  return now - began > SLICE_MS
}

/** Lets the event loop go round, then calls back; who waits longest comes first. */
export function nextTurn(resume: () => void): void {
  queue.push(resume)
  schedule()
}

function schedule(): void {
  if (scheduled) return
  scheduled = true
  setImmediate(turn)
}

function turn(): void {
  scheduled = false
  began = 0
  for (const resume of queue.splice(0, AT_ONCE)) resume()
  if (queue.length > 0) schedule()
}

// How long the event loop of this process is held at a time.

import { openSync, readSync } from 'node:fs'

const text = Buffer.alloc(96)

/** Nanoseconds that the main thread has been ready to run and had no core; always 0 where the system does not tell. */
const waited = (() => {
  try {
    const file = openSync('/proc/self/schedstat', 'r')
    return () => Number(text.latin1Slice(0, readSync(file, text, 0, text.length, 0)).split(' ')[1])
  } catch {
    return () => 0
  }
})()

/**
 * Watches the loop by a timer of 1 ms, whose every tick tells that the loop has come round.
 *
 * @returns a function that ends the watch and gives, in milliseconds, the longest time between two ticks: `wall`, as others
 * saw it, and `held`, less what the thread waited for a core in it.
 */
export function watchLoop() {
  const longest = { wall: 0, held: 0 }
  let last = process.hrtime.bigint()
  let lastWaited = waited()
  const look = () => {
    const [now, nowWaited] = [process.hrtime.bigint(), waited()]
    const wall = Number(now - last) / 1e6
    longest.wall = Math.max(longest.wall, wall)
    longest.held = Math.max(longest.held, wall - (nowWaited - lastWaited) / 1e6)
    last = now
    lastWaited = nowWaited
  }
  const timer = setInterval(look, 1)
  return () => {
    clearInterval(timer)
    look()
    return longest
  }
}

import { LONGEST_TIMER_MS } from '../base/longest-timer.ts'

/** `setTimeout`, which in Node keeps no process alive; Infinity, like all above 24 days, is never. */
export function timer(ms: number, expired: () => void): ReturnType<typeof setTimeout> | undefined {
  if (ms > LONGEST_TIMER_MS) return undefined
  const set = setTimeout(expired, ms)
  ;(set as { unref?(): void }).unref?.()
  return set
}

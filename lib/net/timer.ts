/** The longest time that Node's timers take, in milliseconds: 24 days. A longer one is never. */
const LONGEST_MS = 2 ** 31 - 1

/** `setTimeout` that keeps no process alive; Infinity, like all above 24 days, is never. */
export function timer(ms: number, expired: () => void): NodeJS.Timeout | undefined {
  return ms <= LONGEST_MS ? setTimeout(expired, ms).unref() : undefined
}

/** The longest time that timers take, in milliseconds: 24 days. A longer one is never. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1

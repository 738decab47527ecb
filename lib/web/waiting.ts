import { QbpError } from '../base/errors.ts'
import { LONGEST_TIMER_MS } from '../base/longest-timer.ts'

type ErrorCode = QbpError['code']

/** What is waited for, and how it is given up. */
export interface Wait<T> {
  begin(resolve: (value: T) => void, reject: (fault: unknown) => void): void
  stop(): void
  /** What is said after `limit` milliseconds. */
  readonly late: { readonly code: ErrorCode; readonly text: string }
  readonly limit: number
  readonly signal: AbortSignal | undefined
}

/** Waits until it is there, its time is over, or a signal ends it. */
export function waitFor<T>({ begin, stop, late, limit, signal }: Wait<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle =
      <V>(act: (value: V) => void) =>
      (value: V) => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', aborted)
        act(value)
      }
    const fail = settle(reject)
    const giveUp = (reason: unknown) => {
      stop()
      fail(reason)
    }
    const aborted = () => giveUp(signal?.reason)
    const expired = () => giveUp(new QbpError(late.code, late.text, { limit }))
    const timer = limit <= LONGEST_TIMER_MS ? setTimeout(expired, limit) : undefined
    signal?.addEventListener('abort', aborted)
    begin(settle(resolve), fail)
  })
}

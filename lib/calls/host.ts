import type { CallLimits } from './limits.ts'
import type { Part } from './part.ts'

/** What one call needs of all calls of its connection. */
export interface CallHost {
  readonly connection: object
  readonly limits: CallLimits
  /** Whether this dialect says how much more may be sent. */
  readonly hasCredit: boolean
  /** Writes a part. @returns false if `room` is to be awaited. @throws {QbpError} if it cannot be sent as it stands. */
  send(part: Part): boolean
  room(): Promise<void>
  /** An inbox without credit is full, or no longer. */
  held(isFull: boolean): void
  /** A call is to end at this time of `performance.now()`. */
  expireAt(due: number): void
  report(error: unknown): void
}

import type { CallCode } from './call-error.ts'
import type { CallLimits } from './limits.ts'
import type { Part } from './part.ts'

/** A call that has ended, for those who look on. */
export interface EndedCall {
  /** Whose it was: this end called, or was called. */
  readonly side: 'caller' | 'callee'
  readonly path: string
  readonly code: CallCode | 'OK'
  /** From its beginning to its end on this side. */
  readonly ms: number
}

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
  /** A call is to end at this time of `now`. */
  expireAt(due: number): void
  /** In ms since some moment. */
  readonly now: number
  report(error: unknown): void
  /** Now, if somebody looks on; else 0. */
  readonly watchedNow: number
  /** How many bytes the connection has written so far; whether the first so many have left this process, or may have. */
  readonly written: number
  hasLeft(mark: number): boolean
}

import type { Role } from '../../index.ts'

/** One thing that happened on a connection that was captured: bytes stand in the pieces that they came in. */
export interface Captured {
  /** Milliseconds since 1970. */
  at: number
  /** Counted from 1. */
  connection: number
  direction: Role
  kind: 'open' | 'bytes' | 'close'
  bytes?: Uint8Array
  /** Why it was closed, if not by an end: a reset, or bytes that the capture lacks. */
  error?: string
  peer?: string
}

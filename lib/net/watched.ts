import type { QbpError } from '../base/errors.ts'
import type { ReaderPort } from '../streams/ports.ts'
import type { Sending } from './sending.ts'
import type { TimeLimits } from './time-limits.ts'

/** What the deadlines of a connection watch. */
export interface Watched {
  readonly plumbing: {
    /** Paused, this side pushes back: bytes that come are not seen then. */
    readonly duplex: { isPaused(): boolean }
    /** Bytes of ours that the peer has taken, as far as can be seen here; and whether some wait. */
    readonly sending: Sending
  }
  /** Sends the heartbeat's message. @returns false where there is no room for it. */
  beat(): boolean
  /** The peer is late. */
  destroy(fault: QbpError): void
}

/** What each watch goes by, and what it reports to: the deadlines of a connection. */
export interface WatchUser {
  /** Whether somebody here waits for bytes, and for which frame. */
  readonly intake: Pick<ReaderPort, 'waiting' | 'frames'>
  readonly watched: Watched
  readonly limits: TimeLimits
  /** No byte of a frame waits for the others. */
  frameWhole(): void
  /** The peer has taken some bytes: an answer cannot come before it has read as far as the question. */
  someTaken(): void
  /** No byte waits for the peer. */
  allTaken(): void
  /** The peer is late. */
  miss(fault: QbpError): void
}

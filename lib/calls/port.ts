import type { QbpError } from '../base/errors.ts'
import type { EndedCall } from './host.ts'
import type { Part } from './part.ts'

/** What calls need of the connection that they travel on. */
export interface CallPort {
  /** The connection itself, as a handler's context has it. */
  readonly connection: object
  /**
   * Writes the frame of a part.
   *
   * @returns false if `room` is to be awaited before the next part of a stream.
   * @throws {QbpError} ERR_QBP_INVALID_MESSAGE, ERR_QBP_TOO_LONG or ERR_QBP_QUEUE_FULL: nothing of it is sent then.
   */
  send(part: Part): boolean
  room(): Promise<void>
  /** Bytes written so far, and how many of them have left this process or may have. */
  readonly written: number
  readonly left: number
  /** Nothing can be sent any more. */
  readonly isOver: boolean
  /** The time that the alarm goes by, in ms since some moment. */
  readonly now: number
  /** `rang` is to be called in so many milliseconds; an earlier alarm goes. */
  alarm(ms: number): void
  /** There is room for bytes again that were held up by an inbox. */
  resume(): void
  /** The peer has broken the rules of calls: what it sends is not to be believed any more. */
  broken(fault: QbpError): void
  /** Whether somebody looks on: `callEnded` is of use. */
  readonly isWatched: boolean
  callEnded(call: EndedCall): void
  /** A handler threw, or an interceptor: no CallError, so the peer hears nothing of what. */
  report(error: unknown): void
}

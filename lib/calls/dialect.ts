import type { Output } from '../codec/type.ts'
import type { Entry } from '../framing/table.ts'
import type { Part, ReceivedPart } from './part.ts'

/** A frame as it came, for a dialect: FrameParser is one. */
export interface CallFrame {
  readonly type: number | string
  readonly fields: Record<string, number> | null
  /** Its body: `buffer[start..end)`. */
  readonly buffer: Uint8Array
  readonly start: number
  readonly end: number
}

/** How the parts of calls look on the wire. */
export interface Dialect {
  /** The number of this side's first call, and how far apart its calls are. */
  readonly firstId: number
  readonly idStep: number
  /** Whether each side says how much more the other may send. Else a full inbox holds up the connection. */
  readonly hasCredit: boolean
  /** Whether a caller can say that it gives up, and whether this side may call. */
  readonly hasCancel: boolean
  readonly mayCall: boolean
  readonly mayServe: boolean
  /** Whether a frame of this type is a part of a call. */
  carries(type: number | string): boolean
  /** The line of the outgoing table, and the header's own fields, of the frame of a part. */
  entryOf(part: Part): Entry
  fieldsOf(part: Part): Record<string, number> | null
  /**
   * Writes the body of the frame of a part, and returns the position after it.
   *
   * @throws {QbpError} ERR_QBP_INVALID_MESSAGE with the path of the field of its message that cannot be written.
   */
  write(part: Part, output: Output, pos: number): number
  /** Reads a frame's part. @throws {Malformed} */
  read(frame: CallFrame, part: ReceivedPart): void
}

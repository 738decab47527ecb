import type { Entry, Table } from './table.ts'
import type { Skipped, Tally } from './tally.ts'

// What stands between a connection and its two streams: more than a user of them needs, less than their insides.

/** What a connection does with its reader, beside what every user can. */
export interface ReaderPort {
  /** The connection owns the reader's life: leaving a `for await` does not end it. */
  own(connection?: object): void
  /** The byte stream ended by a fault: it is told behind the last whole message. */
  fail(fault: Error): void
  /** The byte stream goes no further here: messages that have come whole are handed out, then the end. */
  conclude(): void
  /** Takes every byte behind the last message handed out. To be called once nothing more is written in. */
  rest(): Uint8Array
  /** Whether somebody waits for bytes. */
  readonly waiting: boolean
  /** Frames handed out or dropped, by name; those that a policy dropped are among them. */
  readonly tally: Tally
  readonly skipped: Readonly<Skipped>
  /** The frame that is handed out or comes next; and bytes that no frame has been made of. */
  readonly frames: { readonly index: number; readonly pending: number }
}

/** The way to a reader's port. */
export const readerPort = Symbol('qbp.readerPort')

/** What a connection or a group does with a writer, beside what every user can. */
export interface WriterPort {
  /** The connection owns the writer's life: a late write to it fails by its callback alone. It is told what is refused. */
  own(connection?: object, refused?: (fault: unknown) => void): void
  /** Sends what was written in this tick now. */
  flush(): void
  /**
   * Writes a whole frame that was encoded elsewhere, with the same limits; false too if nothing can be written any more. It is
   * not copied, and must not change any more.
   *
   * @param entry the line of the table to count it by, if any lists it.
   * @param message what it is the frame of.
   */
  frame(bytes: Uint8Array, entry?: Entry, message?: object): boolean
  /** The frame of a message, not written anywhere. */
  encode(message: object): Buffer
  /** What may be sent. Writers with one table make the same frame of a message. */
  readonly table: Table
  /** Messages written, by name. */
  readonly tally: Tally
  /** Bytes written that nobody has taken yet. */
  readonly queued: number
}

/** The way to a writer's port. */
export const writerPort = Symbol('qbp.writerPort')

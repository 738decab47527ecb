import type { Output } from '../codec/type.ts'
import type { MessageWriter } from '../framing/message-writer.ts'
import type { Entry } from '../framing/table.ts'
import type { ReaderCounts, Tally } from '../framing/traffic.ts'
import type { WriteCallback } from './write-callbacks.ts'

// What stands between a connection and its two streams: more than a user of them needs, less than their insides.

/** The owner of a reader: it brings it its bytes. */
export interface ReaderOwner {
  /** The connection that it works for, as the diagnostics name it. */
  readonly connection: object
  /** Whether the chunks that it brings are nobody else's afterwards, so that the reader may keep them. */
  readonly givesChunks?: boolean
  /** The reader can take another chunk. */
  more(): void
  /** The reader is closed, by a fault or without one. */
  readerClosed(fault: Error | null): void
  /** A listener of the reader threw, and the reader is destroyed by it. */
  listenerThrew(error: Error): void
}

/** What a writer's life belongs to: it sends the writer's bytes. */
export interface WriterOwner {
  /** The connection that it works for, as the diagnostics name it. */
  readonly connection: object
  /** A listener of the writer threw, and the writer is destroyed by it. */
  listenerThrew(error: Error): void
  /**
   * Sends a chunk.
   *
   * @param sent is called once the operating system has it, or with the reason why it never will.
   * @param buffer what the chunk lies in and nothing else does, if any: spare once nobody looks at the chunk any more.
   * @returns false if `drained` of the writer's port is to be awaited before the next.
   */
  send(chunk: Uint8Array, sent?: WriteCallback, buffer?: Uint8Array | null): boolean
  /** What is sent from now on, until `uncork`, leaves together. */
  cork?(): void
  uncork?(): void
  /** The writer has ended, and all of its bytes were given to `send`. @param finished is called once they are sent. */
  finish(finished: () => void): void
  /** The writer was destroyed just now, by its user, by a fault or without one. */
  writerDestroyed(fault: Error | null): void
  /** The writer refused a message. */
  refused(fault: unknown): void
}

/** Whose a writer is: it is given its port when that is made, with the first message or the end, and owns it then. */
export interface WriterHome {
  adopt(port: WriterPort): void
}

/** Where a writer has its home, before it has a port. */
export const writerHome = Symbol('qbp.writerHome')

/** What a connection has of its writer: the way to its port, which makes it. */
export interface HomedWriter {
  readonly [writerPort]: WriterPort
  [writerHome]: WriterHome | null
}

/** The owner of a reader and a writer. */
export interface StreamOwner extends ReaderOwner, WriterOwner {}

/** That of a reader and a writer without a byte stream: nothing comes, and what is sent is gone. */
export const NOBODY: StreamOwner = {
  connection: {},
  more() {},
  send: () => true,
  finish: (finished) => finished(),
  readerClosed() {},
  writerDestroyed() {},
  refused() {},
  listenerThrew() {},
}

/** What a connection does with its reader, beside what every user can. */
export interface ReaderPort {
  /** The reader's life is another's: leaving a `for await` does not end it. */
  own(owner: ReaderOwner): void
  /** Gives it a chunk. @returns false if it still has another to read: `more` of the owner asks for the next then. */
  arrive(chunk: Uint8Array): boolean
  /** The byte stream ended: the reader ends after the last whole message. */
  end(): void
  /** The byte stream ended by a fault: the reader fails after the last whole message. */
  fail(fault: Error): void
  /** The byte stream goes no further here: messages that have come whole are handed out, then the end. */
  conclude(): void
  /** This side reads no further: what has come is given up, and the reader ends at once. */
  discard(): void
  /** Takes every byte after the last message handed out. To be called once nothing more is written in. */
  rest(): Uint8Array
  /** Whether bytes are wanted although the reader is closed or concluded: those of calls. */
  readonly drains: boolean
  /** Whether somebody waits for bytes. */
  readonly waiting: boolean
  /** Null before something has come. */
  readonly counts: ReaderCounts | null
  /** Counts a frame that was taken out in front of it. */
  count(entry: Entry | undefined, bytes: number): void
  /** The frame that is handed out or comes next; and bytes that no frame has been made of. */
  readonly frames: { readonly index: number; readonly pending: number }
}

/** The way to a reader's port. */
export const readerPort = Symbol('qbp.readerPort')

/** What a connection or a group does with a writer, beside what every user can. */
export interface WriterPort {
  /** The writer's life is another's: a late write to it fails by its callback alone. */
  own(owner: WriterOwner): void
  /** Sends what was written in this tick now, whether or not there is room. */
  flush(): void
  /** Sends nothing until `drained` is called. */
  hold(): void
  /** There is room again. */
  drained(): void
  /** The owner cannot send any more: the writer is destroyed, and the owner hears nothing of that. */
  fail(fault: Error): void
  /**
   * Writes a whole frame that was encoded elsewhere, with the same limits; false too if nothing can be written any more. It is
   * not copied, and must not change any more.
   *
   * @param entry the line of the table to count it by, if any lists it.
   * @param message what it is the frame of.
   */
  frame(bytes: Uint8Array, entry?: Entry, message?: object): boolean
  /**
   * Whether a frame of this size that others would send may be queued; an empty queue takes any.
   *
   * @param most how many bytes may wait then. Default: half of maxQueuedBytes, as the other half is for what the writer's own
   * user writes.
   */
  hasRoom(size: number, most?: number): boolean
  /** Calls back, a tick later, once no more than so many bytes wait; never if nothing can be written any more by then. */
  onceBelow(bytes: number, act: () => void): void
  /** A frame was left out for want of room. */
  skip(): void
  /** How many were. */
  readonly skipped: number
  /**
   * Writes a frame whose body `body` writes where it is to stand: a part of a call. As `write` of a message, it is checked
   * and counted, and leaves with the tick.
   *
   * @param message what it is the frame of, for the diagnostics.
   * @returns whether there is room for more; true too if nothing can be written any more.
   * @throws {QbpError} what `body` throws, ERR_QBP_TOO_LONG or ERR_QBP_QUEUE_FULL: nothing of it is sent then.
   */
  compose(
    entry: Entry,
    fields: Record<string, number> | null,
    body: (output: Output, pos: number) => number,
    message: object,
  ): boolean
  /** Resolves when there is room for more. Rejects when nothing can be written any more. */
  room(signal: AbortSignal | undefined): Promise<void>
  /** Bytes written so far, and how many of them were sent: what was sent may have arrived, whatever came after. */
  readonly written: number
  readonly left: number
  /** Whether nothing more can be written. */
  readonly isOver: boolean
  /** Makes its frames; writers whose framers have one table make the same frame of a message. */
  readonly framer: MessageWriter
  /** Messages written, by name; null before the first. */
  readonly tally: Tally | null
  /** Bytes written that nobody has taken yet; and how many of them are a push-back, and how many are too many. */
  readonly queued: number
  readonly highWaterMark: number
  readonly maxQueuedBytes: number
}

/** The way to a writer's port. */
export const writerPort = Symbol('qbp.writerPort')

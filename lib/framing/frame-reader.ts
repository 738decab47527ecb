import type { QbpError } from '../base/errors.ts'
import type { Role } from '../base/role.ts'
import type { CheckedHook } from './body-hook.ts'
import type { FrameHeader } from './frame-header.ts'
import { MessageReader, NONE, type Policy } from './message-reader.ts'
import { resyncFrom } from './resync.ts'
import type { Table } from './table.ts'
import { WITHOUT_LIMITS } from './without-limits.ts'

/** One whole frame, decoded as far as that goes. */
export interface ReadFrame {
  /** Where it begins in its byte stream, and how many frames came before it. */
  offset: number
  index: number
  /** The whole frame, header and body. It is a view of the bytes that came, valid until the next frame is asked for. */
  bytes: Uint8Array
  /** The body's place in the frame, and its length in bytes. */
  bodyStart: number
  length: number
  type: number | string
  /** Null where no table lists the type. */
  name: string | null
  /** The message, unless `error` says why there is none. */
  message?: object
  /** ERR_QBP_UNKNOWN_TYPE or ERR_QBP_INVALID_BODY: the stream goes on after this frame. */
  error?: QbpError
}

/** What each role sends, and by which headers. */
interface Conversation {
  readonly headers: { readonly [R in Role]: FrameHeader }
  readonly body?: CheckedHook | null
  readonly resync?: boolean
  readonly unknown?: Policy
  readonly sent: { readonly [R in Role]: Table }
}

/** What one role sends, frame by frame, whatever it is: a frame that does not decode is handed out too. */
export class FrameReader {
  /** The fault after which nothing can be read, once there is one. */
  fault: QbpError | null = null
  readonly #messages: MessageReader
  readonly #table: Table

  /** @param hasPreamble whether the bytes begin as the stream does, with what is sent once. */
  constructor(
    { headers, sent, body = null, resync = false, unknown }: Conversation,
    sender: Role,
    maxBodyBytes: number,
    hasPreamble = true,
  ) {
    const [header, table] = [headers[sender], sent[sender]]
    this.#table = table
    const settings = { header, table, body, maxBodyBytes, resync: resync ? resyncFrom : null }
    // Without a schema no type is listed, which is no fault, and the header's own fields are wanted.
    const policy = unknown === 'raw' ? { unknown } : {}
    this.#messages = new MessageReader({ ...WITHOUT_LIMITS, ...settings, ...policy }, hasPreamble)
  }

  /**
   * The frames that a chunk completes. All of them must be taken before the next chunk comes.
   *
   * Never throws: a framing fault ends it and stands in `fault`.
   */
  *feed(chunk: Uint8Array): Generator<ReadFrame, void> {
    if (this.fault !== null) return
    this.#messages.frames.feed(chunk)
    for (let frame = this.#next(); frame !== null; frame = this.#next()) yield frame
  }

  /** No byte will follow. Sets `fault` if a frame is cut. */
  finish(): void {
    if (this.fault !== null) return
    try {
      this.#messages.frames.finish()
    } catch (fault) {
      this.fault = fault as QbpError
    }
  }

  /** How many bytes came that are part of no whole frame. */
  get pending(): number {
    return this.#messages.frames.pending
  }

  /** The bytes that came and are part of no whole frame; none are pending afterwards. */
  rest(): Uint8Array {
    return this.#messages.frames.rest()
  }

  #next(): ReadFrame | null {
    const { frames } = this.#messages
    try {
      const message = this.#messages.take()
      return message === NONE ? null : { ...this.#frame(), message }
    } catch (fault) {
      if (frames.size > 0) return { ...this.#frame(), error: fault as QbpError }
      this.fault = fault as QbpError
      return null
    }
  }

  #frame(): ReadFrame {
    const { frames } = this.#messages
    const { offset, index, type, length, buffer, begin, start, frameEnd } = frames
    const bytes = buffer.subarray(begin, frameEnd)
    return {
      offset,
      index,
      bytes,
      bodyStart: start - begin,
      length,
      type,
      name: this.#table.byType(type)?.name ?? null,
    }
  }
}

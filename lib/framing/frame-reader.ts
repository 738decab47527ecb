import { QbpError } from '../base/errors.ts'
import type { Role } from '../base/role.ts'
import { FrameParser } from './frame-parser.ts'
import type { Header } from './header.ts'
import type { Table } from './table.ts'

/** One whole frame, decoded as far as that goes. */
export interface ReadFrame {
  /** Where it begins in its byte stream, and how many frames came before it. */
  offset: number
  index: number
  /** The whole frame, header and body. It is a view of the bytes that came, valid until the next frame is asked for. */
  bytes: Uint8Array
  /** The body's length in bytes. */
  length: number
  type: number
  /** Null where no table lists the type. */
  name: string | null
  /** The message, unless `error` says why there is none. */
  message?: object
  /** ERR_QBP_UNKNOWN_TYPE or ERR_QBP_INVALID_BODY: the stream goes on behind this frame. */
  error?: QbpError
}

/** The header of a protocol, and what each role sends. */
interface Conversation {
  readonly header: Header
  readonly sent: { readonly [R in Role]: Table }
}

/** What one role sends, frame by frame, whatever it is: a frame that does not decode is handed out too. */
export class FrameReader {
  /** The fault that nothing can be read behind, once there is one. */
  fault: QbpError | null = null
  readonly #frames: FrameParser
  readonly #protocol: Conversation
  readonly #sender: Role

  constructor(protocol: Conversation, sender: Role, maxBodyBytes: number) {
    this.#protocol = protocol
    this.#sender = sender
    this.#frames = new FrameParser(protocol.header, maxBodyBytes)
  }

  /**
   * The frames that a chunk completes. All of them must be taken before the next chunk comes.
   *
   * Never throws: a framing fault ends it and stands in `fault`.
   */
  *feed(chunk: Uint8Array): Generator<ReadFrame, void> {
    if (this.fault !== null) return
    this.#frames.feed(chunk)
    while (this.#next()) yield this.#read()
  }

  /** No byte will follow. Sets `fault` if a frame is cut. */
  finish(): void {
    if (this.fault !== null) return
    try {
      this.#frames.finish()
    } catch (fault) {
      this.fault = fault as QbpError
    }
  }

  /** The bytes that came and are part of no whole frame. */
  rest(): Uint8Array {
    return this.#frames.rest()
  }

  #next(): boolean {
    try {
      return this.#frames.next()
    } catch (fault) {
      this.fault = fault as QbpError
      return false
    }
  }

  #read(): ReadFrame {
    const frames = this.#frames
    const { offset, index, type, length, buffer, begin, start, end, fields } = frames
    const entry = this.#protocol.sent[this.#sender].byType(type)
    const frame: ReadFrame = {
      offset,
      index,
      bytes: buffer.subarray(begin, end),
      length,
      type,
      name: entry?.name ?? null,
    }
    try {
      if (entry === undefined) {
        throw new QbpError('ERR_QBP_UNKNOWN_TYPE', `No message that the ${this.#sender} sends has the type ${type}.`, {
          type,
        })
      }
      frame.message = entry.decode(buffer, start, end, false, fields)
    } catch (fault) {
      frame.error = frames.located(fault as QbpError)
    }
    return frame
  }
}

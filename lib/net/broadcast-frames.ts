import { Frame } from '../framing/frame.ts'
import type { MessageWriter } from '../framing/message-writer.ts'
import type { Table } from '../framing/table.ts'
import type { GroupFrame } from './latest-frames.ts'

/** The frames of one message, one for each table among its receivers. */
export class BroadcastFrames {
  readonly #message: object
  readonly #frames = new Map<Table, GroupFrame>()
  /** That of the last receiver: the writers of a server have one framer. */
  #last: { readonly framer: MessageWriter; readonly frame: GroupFrame } | null = null

  constructor(message: object) {
    this.#message = message
  }

  /** The frame for a receiver, made when the first of its table asks. @throws {QbpError} what `write` throws. */
  of(framer: MessageWriter): GroupFrame {
    if (this.#last?.framer === framer) return this.#last.frame
    const frame = this.#frameOf(framer)
    this.#frames.set(framer.table, frame)
    this.#last = { framer, frame }
    return frame
  }

  #frameOf(framer: MessageWriter): GroupFrame {
    const message = this.#message
    if (message instanceof Frame) {
      message.checkFor(framer) // Each by its own limits.
      return message
    }
    const { table } = framer
    const made = this.#frames.get(table)
    if (made !== undefined) return made
    const bytes = framer.frame(message)
    return { bytes, entry: framer.entry, message }
  }
}

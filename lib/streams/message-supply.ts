import { MessageReader, NONE } from '../framing/message-reader.ts'
import { Tally } from '../framing/traffic.ts'
import { ChunkQueue } from './chunk-queue.ts'
import { droppedBytes, messageIn } from './diagnostics.ts'
import { Ending, type ReceiverStream } from './ending.ts'
import type { ReaderSettings } from './settings.ts'

/** The messages of a reader's chunks, one after the other, until the end. */
export class MessageSupply {
  /** What was taken or dropped, by name. */
  readonly tally: Tally = new Tally()
  readonly messages: MessageReader
  readonly chunks: ChunkQueue
  readonly ending: Ending
  readonly #stream: ReceiverStream

  constructor(settings: ReaderSettings, stream: ReceiverStream) {
    this.messages = new MessageReader(settings, true, this.tally)
    this.chunks = new ChunkQueue(this.messages.frames)
    this.ending = new Ending(stream, this.chunks, this.messages.frames)
    this.#stream = stream
    const { resync } = this.messages.frames
    if (resync !== null)
      resync.onDrop = (bytes, offset) =>
        droppedBytes(this.chunks.owner?.connection ?? null, stream.reader, bytes, offset)
  }

  /** Whether there may be something to take. */
  get isHolding(): boolean {
    return this.ending.isOpen && (this.chunks.isReading || this.chunks.isDry)
  }

  /** The next message of the chunk, or NONE. @throws {QbpError} a fault of its frame. */
  take(): object {
    const message = this.messages.take()
    if (!messageIn.hasSubscribers || message === NONE) return message
    this.#publish(message as object)
    return this.ending.isOpen ? message : NONE // A subscriber may have ended it.
  }

  #publish(message: object): void {
    const { entry, frames } = this.messages
    const connection = this.chunks.owner?.connection ?? null
    const { reader } = this.#stream
    messageIn.publish({ connection, reader, name: entry?.name ?? null, bytes: frames.size, message })
  }

  /** No whole frame is left in the chunk: takes the next, or decides the outcome. @returns whether something has changed at once. */
  advance(): boolean {
    return this.chunks.isDry ? this.ending.decide() : this.chunks.next()
  }

  /** A message was handed out: if it was the chunk's last, the end follows at once, a fault of the stream when the next is asked for. */
  goOn(): void {
    if (this.messages.frames.pending > 0) return
    if (this.chunks.next() && this.chunks.isDry && !(this.chunks.source instanceof Error)) this.ending.decide()
  }
}

import { MessageReader, NONE } from '../framing/message-reader.ts'
import type { Table } from '../framing/table.ts'
import { type ReaderCounts, type Skipped, Tally } from '../framing/traffic.ts'
import { ChunkQueue, type Owned } from './chunk-queue.ts'
import { droppedBytes, messageIn } from './diagnostics.ts'
import type { Ending } from './ending.ts'
import type { ReaderSettings } from './settings.ts'

/** The reader that is supplied. */
export interface Supplied extends Owned {
  readonly ending: Ending
  /** As the diagnostics name it. */
  readonly stream: object
}

/** The messages of a reader's chunks, one after the other, until the end: a reader has one from the first chunk on, or the end. */
export class MessageSupply implements ReaderCounts {
  readonly tally: Tally = new Tally()
  readonly messages: MessageReader
  readonly chunks: ChunkQueue
  readonly #reader: Supplied
  readonly #table: Table

  constructor(settings: ReaderSettings, reader: Supplied) {
    this.messages = new MessageReader(settings, true, this.tally)
    this.chunks = new ChunkQueue(this.messages.frames, reader)
    this.#reader = reader
    this.#table = settings.table
    const { resync } = this.messages.frames
    if (resync !== null)
      resync.onDrop = (bytes, offset) => droppedBytes(reader.owner?.connection ?? null, reader.stream, bytes, offset)
  }

  /** Whether there may be something to take. */
  get isHolding(): boolean {
    return this.#reader.ending.isOpen && (this.chunks.isReading || this.chunks.isDry)
  }

  /** The next message of the chunk, or NONE. @throws {QbpError} a fault of its frame. */
  take(): object {
    const message = this.messages.take()
    if (!messageIn.hasSubscribers || message === NONE) return message
    this.#publish(message as object)
    return this.#reader.ending.isOpen ? message : NONE // A subscriber may have ended it.
  }

  #publish(message: object): void {
    const { frames } = this.messages
    const entry = this.#table.byType(frames.type)
    const { owner, stream } = this.#reader
    const connection = owner?.connection ?? null
    messageIn.publish({ connection, reader: stream, name: entry?.name ?? null, bytes: frames.size, message })
  }

  /** No whole frame is left in the chunk: takes the next, or decides the outcome. @returns whether something has changed at once. */
  advance(): boolean {
    return this.chunks.isDry ? this.decide() : this.chunks.next()
  }

  /** A message was handed out: if it was the chunk's last, the end follows at once, a fault of the stream when the next is asked for. */
  goOn(): void {
    if (this.messages.frames.pending > 0) return
    if (this.chunks.next() && this.chunks.isDry && !(this.chunks.source instanceof Error)) this.decide()
  }

  /** All messages were handed out, and no byte follows. @returns whether that has decided the outcome. */
  decide(): boolean {
    const { ending } = this.#reader
    if (!ending.isOpen) return false
    const { source } = this.chunks
    try {
      if (source instanceof Error) throw source
      if (source === 'ended') this.messages.frames.finish()
    } catch (fault) {
      ending.fail(fault as Error)
      return true
    }
    ending.clean()
    ending.report(this.chunks.takeCallback())
    return true
  }

  /** Takes every byte after the last message handed out. */
  rest(): Uint8Array {
    while (!this.chunks.isDry && this.chunks.next()); // Chunks may wait after the one that is read.
    return this.messages.frames.rest()
  }

  // ---- counting

  get skipped(): Readonly<Skipped> {
    return this.messages.skipped
  }

  get dropped(): number {
    return this.messages.frames.resync?.dropped ?? 0
  }
}

import { randomUUID } from 'node:crypto'
import { QbpError } from '../base/errors.ts'
import type { Position } from '../bus/contract.ts'
import { formatPosition } from '../bus/position.ts'
import { look } from '../event-loop/timers.ts'
import { type WriterPort, writerPort } from '../streams/ports.ts'
import type { QbpWritable } from '../streams/writable.ts'

/** How many bytes of what it has missed may wait for a writer at a time. */
const REPLAY_BYTES = 2 ** 20
/** How long a writer is left alone that has no room and will not emit `drain`. */
const POLL_MS = 50

//   joining ── it has what it missed ──► live
//      └─────────────── exit ──────────────┴────► left

/** One writer in a group of a bus, and how far it is. */
export class Membership {
  readonly channel: string
  readonly writer: QbpWritable
  /** By which `except` knows it, on whichever node: the connection, not the name, which others may have too. */
  readonly id = randomUUID()
  readonly name: string
  /** The place of the last frame of a log that was handed to the writer, or passed it by on purpose. */
  position: Position | undefined
  #phase: 'joining' | 'live' | 'left' = 'joining'
  /** Whether the group's roster knows of it. */
  isAnnounced = false
  /** While it gets what it has missed: it has no room for the next frame. */
  isFull = false
  readonly #port: WriterPort
  readonly #skips: boolean
  readonly #onClose: () => void

  /** @param skips lets frames pass by a writer without room, instead of destroying it. */
  constructor(channel: string, writer: QbpWritable, name: string, skips: boolean, onClose: () => void) {
    this.channel = channel
    this.writer = writer
    this.name = name
    this.#port = writer[writerPort]
    this.#skips = skips
    this.#onClose = onClose
  }

  /** Whether it gets frames as they come. */
  get isLive(): boolean {
    return this.#phase === 'live'
  }

  get hasLeft(): boolean {
    return this.#phase === 'left'
  }

  /** It has what it missed: it gets frames as they come, unless it has left. */
  goLive(): void {
    if (this.#phase === 'joining') this.#phase = 'live'
  }

  /** Whether nothing more can be written to it. */
  get isClosed(): boolean {
    return this.#port.isOver
  }

  enter(): void {
    this.writer.setMaxListeners(0) // One for each group that it is in.
    this.writer.on('close', this.#onClose)
  }

  exit(): void {
    this.#phase = 'left'
    this.writer.off('close', this.#onClose)
  }

  /** Writes a frame. Never throws and never waits. @returns whether the writer took it. */
  give(frame: Uint8Array, position?: Position): boolean {
    if (this.isClosed) return false
    if (this.#skips && !this.#port.hasRoom(frame.length)) {
      this.#port.skip()
      return false
    }
    try {
      this.#port.frame(frame)
      this.position = position
      return true
    } catch (full) {
      this.drop(this.#placed(full as QbpError))
      return false
    }
  }

  /** Writes a frame that is for it alone. */
  write(frame: Uint8Array): void {
    if (this.isClosed) return
    try {
      this.#port.frame(frame)
    } catch (full) {
      this.drop(this.#placed(full as QbpError))
    }
  }

  /** Writes a frame that it has missed, unless it is full. */
  replay(frame: Uint8Array, position: Position): void {
    // Half of its queue stays for what is written to it alone; a frame too large for the other half waits for an empty one.
    if (!this.#port.hasRoom(0)) {
      this.isFull = true
      return
    }
    try {
      if (!this.isClosed) this.#port.frame(frame)
      this.position = position
      this.isFull = this.#port.queued > REPLAY_BYTES && this.writer.writableNeedDrain
    } catch {
      this.isFull = true
    }
  }

  /** Resolves once it has room again, or is gone. */
  async room(): Promise<void> {
    if (!this.isFull) return
    this.isFull = false
    const { writer } = this
    if (this.isClosed || this.hasLeft) return
    await new Promise<void>((resolve) => {
      const done = () => {
        writer.off('drain', done).off('close', done)
        resolve()
      }
      writer.on('drain', done).on('close', done)
      if (!writer.writableNeedDrain) void look(POLL_MS).then(done)
    })
  }

  /** Aborts its connection. */
  drop(fault: Error): void {
    this.writer.destroy(fault)
  }

  /** The same fault with the place to go on from. */
  #placed(fault: QbpError): QbpError {
    if (this.position === undefined) return fault
    const { code, message, size, limit } = fault
    const position = formatPosition(this.position)
    const where = `The last message of ${JSON.stringify(this.channel)} handed to it stands at ${position}.`
    return new QbpError(code, `${message} ${where}`, {
      channel: this.channel,
      position,
      ...(size === undefined ? {} : { size }),
      ...(limit === undefined ? {} : { limit }),
    })
  }
}

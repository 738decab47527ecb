import type { Role } from '../base/role.ts'
import type { Outgoing } from '../protocol/message-types.ts'
import type { Outbox } from './outbox.ts'

/** The way out for messages. */
export class WebWriter<P, R extends Role = Role> {
  readonly #outbox: Outbox

  /** @internal */
  constructor(outbox: Outbox) {
    this.#outbox = outbox
  }

  /**
   * Writes a message; all of a tick leave as one chunk. Once the connection has ended it does nothing.
   *
   * @returns false where the caller should wait, as by `writeMessage`, before it writes more.
   * @throws {QbpError} ERR_QBP_INVALID_MESSAGE with the field's path, ERR_QBP_FIELD_OVERFLOW or ERR_QBP_TOO_LONG.
   */
  write(message: Outgoing<P, R>): boolean {
    this.#outbox.write((framer, output) => framer.write(message as object, output, 0))
    return !this.#outbox.isOver && !this.#outbox.isFull
  }

  /**
   * Writes a message and resolves when there is room for more.
   *
   * @throws what `write` throws, as a rejection; ERR_QBP_CLOSED once the connection has ended, or its fault.
   */
  async writeMessage(message: Outgoing<P, R>): Promise<void> {
    if (this.#outbox.isOver) throw this.#outbox.refusal()
    this.write(message)
    await this.#outbox.room()
  }

  /** Ends this side after what was written. A WebSocket knows no half-close: it is closed. */
  end(): void {
    this.#outbox.end()
  }
}

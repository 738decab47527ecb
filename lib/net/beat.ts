import { QbpError } from '../base/errors.ts'
import type { MessageWriter } from '../framing/message-writer.ts'
import type { Entry } from '../framing/table.ts'
import type { WriterPort } from '../streams/ports.ts'
import type { QbpWritable } from '../streams/writable.ts'
import type { DeadlineOptions } from './time-limits.ts'

/** The message of a heartbeat, its frame made once. */
export class Beat {
  readonly #message: object
  readonly #frame: Uint8Array
  readonly #entry: Entry | undefined

  /** @throws {QbpError} ERR_QBP_BAD_OPTION for a message that this role cannot send. */
  static of(framer: MessageWriter, { heartbeat }: DeadlineOptions): Beat | null {
    if (heartbeat === undefined) return null
    try {
      return new Beat(framer, heartbeat.message)
    } catch (cause) {
      throw new QbpError('ERR_QBP_BAD_OPTION', `heartbeat.message cannot be sent: ${(cause as Error).message}`, {
        cause,
      })
    }
  }

  constructor(framer: MessageWriter, message: object) {
    this.#message = message
    this.#frame = framer.frame(message)
    this.#entry = framer.entry
  }

  /** Sends it. @returns false where there is no room: what the peer is still to take is question enough. */
  send(port: WriterPort, writer: QbpWritable<never, never>): boolean {
    if (!writer.writable || writer.writableNeedDrain || !port.hasRoom(this.#frame.length)) return false
    port.frame(this.#frame, this.#entry, this.#message)
    return true
  }
}

import { QbpError } from '../base/errors.ts'
import { shown } from '../base/shown.ts'
import type { CheckedHook } from './body-hook.ts'
import type { FrameHeader } from './frame-header.ts'
import { FrameParser } from './frame-parser.ts'
import { MessageWriter } from './message-writer.ts'
import type { Entry, Table } from './table.ts'

/** A message that was checked and encoded once, for any number of writers. Made by `protocol.frame`. */
export class Frame<M = object> {
  /** What it was made of. It stays as it was encoded, whatever becomes of this. */
  readonly message: M
  /** Header and body, as they travel. They must not change. */
  readonly bytes: Uint8Array
  /** How many of them are the body's: no writer takes more than its maxBodyBytes. */
  readonly bodyBytes: number
  /**
   * What it may travel by: that of its writers.
   *
   * @internal
   */
  readonly table: Table
  /**
   * Its line of the table, if any lists it.
   *
   * @internal
   */
  readonly entry: Entry | undefined

  /** @internal */
  constructor(message: M, bytes: Uint8Array, bodyBytes: number, table: Table, entry: Entry | undefined) {
    this.message = message
    this.bytes = bytes
    this.bodyBytes = bodyBytes
    this.table = table
    this.entry = entry
  }

  /**
   * Checks that a writer may send it.
   *
   * @throws {QbpError} ERR_QBP_INVALID_MESSAGE or ERR_QBP_TOO_LONG.
   * @internal
   */
  checkFor(writer: MessageWriter): void {
    const { table, entry, bodyBytes } = this
    if (table !== writer.table) {
      throw new QbpError(
        'ERR_QBP_INVALID_MESSAGE',
        'A frame was made for another way: give it to writers of the protocol and the role that it was made for, or the message to any.',
        entry === undefined ? {} : { messageName: entry.name },
      )
    }
    if (this.bytes.length === 0)
      throw new QbpError('ERR_QBP_INVALID_MESSAGE', `The frame's bytes are ${shown(this.bytes)}. Nothing was sent.`)
    writer.admit(entry, bodyBytes)
  }
}

/** Makes the frames of what one role sends. Its limits are those of the writers, which check them. */
export class FrameMaker {
  readonly #messages: MessageWriter
  readonly #header: FrameHeader

  constructor(header: FrameHeader, table: Table, body: CheckedHook | null) {
    this.#header = header
    this.#messages = new MessageWriter(header, table, Number.POSITIVE_INFINITY, {
      maxHeaderBytes: Number.POSITIVE_INFINITY,
      body,
    })
  }

  /** @throws {QbpError} ERR_QBP_INVALID_MESSAGE with the field's path, or ERR_QBP_FIELD_OVERFLOW. */
  make<M extends object>(message: M): Frame<M> {
    const bytes = this.#messages.frame(message)
    const { entry, table } = this.#messages
    const parser = new FrameParser(this.#header, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, false)
    parser.feed(bytes)
    parser.next()
    return new Frame(message, bytes, parser.length, table, entry)
  }
}

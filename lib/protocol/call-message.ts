import { QbpError } from '../base/errors.ts'
import { shown } from '../base/shown.ts'
import { bodyFault } from '../codec/locate-fault.ts'
import type { PlainForm } from '../codec/plain-forms.ts'
import type { Type } from '../codec/type.ts'
import { Entry } from '../framing/table.ts'

/** What a method takes, or what it gives: a message, or the plain value that it stands for. */
export class CallMessage {
  readonly type: Type
  readonly #form: PlainForm | null
  readonly #entry: Entry

  constructor(type: Type, form: PlainForm | null) {
    this.type = type
    this.#form = form
    this.#entry = new Entry(type.name, 0, type)
  }

  /** The value of a body. @throws {QbpError} ERR_QBP_INVALID_BODY */
  read(buf: Uint8Array, start: number, end: number): unknown {
    const message = this.#entry.decode(buf, start, end, false, null)
    if (this.#form === null) return message
    try {
      return this.#form.read(message)
    } catch (cause) {
      throw bodyFault(cause, this.type, buf, start, end, { messageName: this.type.name })
    }
  }

  /** The message of a value. @throws {QbpError} ERR_QBP_INVALID_MESSAGE for what is none. */
  message(value: unknown): object {
    if (this.#form === null) return value as object
    const message = this.#form.write(value)
    if (message !== undefined) return message
    const { name } = this.type
    const refusal = (allowed: string) =>
      new QbpError(
        'ERR_QBP_INVALID_MESSAGE',
        `The ${name} is ${shown(value)}, not ${allowed}. Nothing of it was sent.`,
        {
          messageName: name,
        },
      )
    throw this.#form.coerce(value, (other) => other, refusal)
  }
}

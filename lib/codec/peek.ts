// Some fields of a body: what a gateway looks at before it passes the frame on as it came. The body is gone through by its tags;
// what is asked for is given to the type's decoder, run by run, and nothing else is looked at.
//
//   ┌──────┬────────┬──────┬──────────┬───────┐
//   │ to 1 │ text 2 │ at 3 │ photos 4 │ seq 5 │   peek: to, seq
//   └──────┴────────┴──────┴──────────┴───────┘
//    decoded  passed over              decoded

import { QbpError } from '../base/errors.ts'
import { listed } from '../base/listed.ts'
import { nearest } from '../base/nearest.ts'
import { bodyFault } from './locate-fault.ts'
import type { Message } from './message-class.ts'
import type { Type } from './type.ts'
import { at, cut, tag as readTag, skip } from './wire.ts'

/** Field numbers below this one are looked up in an array. */
const SMALL = 256

/** Reads some fields of the bodies of one type. */
export class Peek {
  readonly #type: Type
  readonly #small = new Uint8Array(SMALL)
  readonly #large = new Set<number>()
  /** A required field that was left out would be missed: the whole is decoded then. */
  readonly #isWhole: boolean

  /** @throws {QbpError} ERR_QBP_BAD_OPTION for a field that the message does not have. */
  constructor(type: Type, names: readonly string[]) {
    this.#type = type
    this.#isWhole = type.fields.some(({ required }) => required)
    const oneofs = new Set<string | null>()
    for (const name of names) {
      const field = type.fields.find((each) => each.name === name)
      if (field === undefined) throw noField(type, name)
      this.#want(field.id)
      if (field.oneof !== null) oneofs.add(field.oneof)
    }
    // Of a oneof the last member stays, so all are looked at.
    for (const { id, oneof } of type.fields) if (oneof !== null && oneofs.has(oneof)) this.#want(id)
  }

  #want(id: number): void {
    if (id < SMALL) this.#small[id] = 1
    else this.#large.add(id)
  }

  /**
   * The message of the body `buf[start..end)`, without the fields that were not asked for; `bytes` are copies.
   *
   * @throws {QbpError} ERR_QBP_INVALID_BODY with the field's path, if one that was asked for does not decode, or no field follows where one
   * should.
   */
  read(buf: Uint8Array, start: number, end: number): Message {
    const type = this.#type
    const message = new type.Roomy() as Message & { $name: string }
    message.$name = type.name
    try {
      if (this.#isWhole) type.decode(message, buf, start, end, 0, false, 0)
      else this.#readInto(message, buf, start, end)
    } catch (cause) {
      throw bodyFault(cause, type, buf, start, end, { messageName: type.name })
    }
    return message
  }

  #readInto(message: Message, buf: Uint8Array, start: number, end: number): void {
    const small = this.#small
    /** Where a run of fields begins that were asked for; -1 outside of one. */
    let run = -1
    let pos = start
    while (pos < end) {
      const begin = pos
      let tag = buf[pos++] as number
      if (tag > 127) {
        tag = readTag(buf, begin, end)
        pos = at.pos
      }
      const id = tag >>> 3
      if (id < SMALL ? small[id] === 1 : this.#large.has(id)) {
        if (run < 0) run = begin
      } else if (run >= 0) {
        this.#type.decode(message, buf, run, begin, 0, false, 0)
        run = -1
      }
      const first = buf[pos] as number
      if ((tag & 7) === 2 && first < 128 && id > 0) pos += first + 1
      else if ((tag & 7) === 0 && first < 128 && id > 0) pos++
      else pos = skip(buf, pos, end, tag, 0)
    }
    if (pos > end) cut()
    if (run >= 0) this.#type.decode(message, buf, run, end, 0, false, 0)
  }
}

function noField({ name, fields }: Type, wanted: string): QbpError {
  const names = fields.map((field) => field.name)
  const meant = nearest(String(wanted), names)
  const advice = meant === undefined ? `it has ${listed(names) || 'none'}` : `did you mean '${meant}'?`
  return new QbpError('ERR_QBP_BAD_OPTION', `${name} has no field '${String(wanted)}'; ${advice}`, {
    messageName: name,
    field: String(wanted),
  })
}

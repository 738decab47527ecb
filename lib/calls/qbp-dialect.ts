// Qbp's own dialect: the messages of schemas/qbp/calls.proto, on any header that has a type. They are written and read by
// hand, as the body that they carry is of another type for each method, and is to be encoded where it stands.

import type { Output } from '../codec/type.ts'
import { at, skip, tag } from '../codec/wire.ts'
import type { Entry, Table } from '../framing/table.ts'
import type { CallFrame, Dialect } from './dialect.ts'
import { CREDIT, type Part, type ReceivedPart, type Step } from './part.ts'
import {
  lengthTag,
  readBody,
  readDetail,
  readMetadata,
  readNumber,
  readText,
  varintTag,
  writeDetails,
  writeMessage,
  writeMetadata,
  writeNumber,
  writeTextField,
} from './part-fields.ts'
import { PathText } from './path-text.ts'

const CALL = 'qbp.Call'
const REPLY = 'qbp.Reply'

// The fields of both messages. What has one number in both is read by one line.
const ID = 1
const STEP = 2
const TEXT = 3 // method; message
const AMOUNT = 4 // timeout_ms; code
const MORE_CREDIT = 5
const METADATA = 6
const DETAILS = 7
const BODY = 15

/** Qbp's own dialect on one connection. */
export class QbpDialect implements Dialect {
  readonly firstId = 1
  readonly idStep = 1
  readonly hasCredit = true
  readonly hasCancel = true
  readonly mayCall = true
  readonly mayServe = true
  readonly #call: Entry
  readonly #reply: Entry
  readonly #callType: number | string
  readonly #replyType: number | string

  readonly #path = new PathText()

  constructor(incoming: Table, outgoing: Table) {
    this.#call = outgoing.byName(CALL) as Entry
    this.#reply = outgoing.byName(REPLY) as Entry
    this.#callType = (incoming.byName(CALL) as Entry).type
    this.#replyType = (incoming.byName(REPLY) as Entry).type
  }

  carries(type: number | string): boolean {
    return type === this.#callType || type === this.#replyType
  }

  entryOf({ isReply }: Part): Entry {
    return isReply ? this.#reply : this.#call
  }

  fieldsOf(): null {
    return null
  }

  write(part: Part, output: Output, pos: number): number {
    pos = writeNumber(output, pos, ID, part.id)
    pos = writeNumber(output, pos, STEP, part.step)
    pos = writeTextField(output, pos, TEXT, part.isReply ? part.text : part.method)
    pos = writeNumber(output, pos, AMOUNT, part.isReply ? part.code : part.timeoutMs)
    pos = writeNumber(output, pos, MORE_CREDIT, part.credit)
    if (part.metadata !== null) pos = writeMetadata(output, pos, METADATA, part.metadata)
    if (part.details.length > 0) pos = writeDetails(output, pos, DETAILS, part.details)
    return part.type === null ? pos : writeMessage(output, pos, BODY, part)
  }

  read({ type, buffer, start, end }: CallFrame, part: ReceivedPart): void {
    part.clear()
    const isReply = type === this.#replyType
    part.isReply = isReply
    part.buffer = buffer
    for (let pos = start; pos < end; pos = at.pos) {
      const fieldTag = tag(buffer, pos, end)
      pos = at.pos
      switch (fieldTag) {
        case varintTag(ID):
          part.id = readNumber(buffer, pos, end)
          break
        case varintTag(STEP): // A step of a later version, which this one cannot take, is a credit of 0: nothing.
          part.step = Math.min(readNumber(buffer, pos, end), CREDIT) as Step
          break
        case lengthTag(TEXT):
          if (isReply) part.text = readText(buffer, pos, end)
          else part.method = this.#path.read(buffer, pos, end)
          break
        case varintTag(AMOUNT):
          if (isReply) part.code = readNumber(buffer, pos, end)
          else part.timeoutMs = readNumber(buffer, pos, end)
          break
        case varintTag(MORE_CREDIT):
          part.credit = readNumber(buffer, pos, end)
          break
        case lengthTag(METADATA):
          readMetadata(buffer, pos, end, part)
          break
        case lengthTag(DETAILS):
          readDetail(buffer, pos, end, part)
          break
        case lengthTag(BODY):
          readBody(buffer, pos, end, part)
          break
        default:
          at.pos = skip(buffer, pos, end, fieldTag, 0)
      }
    }
  }
}

// containerd's dialect, https://github.com/containerd/ttrpc/blob/main/PROTOCOL.md: clients call, servers answer. The header
// says of which call a frame is, and with its flags whether more follows:
//
//   offset  0        4        8      9       10
//           +--------+--------+------+-------+----------------+
//           | length | stream | type | flags | body           |
//           +--------+--------+------+-------+----------------+
//            u32 BE   u32 BE   u8     u8      `length` bytes, 4 MB at the most

import type { Role } from '../base/role.ts'
import { encodeBody } from '../codec/body.ts'
import type { Output } from '../codec/type.ts'
import { at, refuse, skip, tag, varint64, varintLength, writeVarint32, writeVarint64 } from '../codec/wire.ts'
import type { Entry, Table } from '../framing/table.ts'
import type { CallFrame, Dialect } from './dialect.ts'
import { CREDIT, LAST, MORE, type Part, type ReceivedPart } from './part.ts'
import {
  lengthTag,
  readBody,
  readDetail,
  readLength,
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

const REQUEST = 1
const RESPONSE = 2
const DATA = 3

/** The sender says no more of this call. */
const REMOTE_CLOSED = 1
/** The sender will say more. */
const REMOTE_OPEN = 2
/** A Data without a message. */
const NO_DATA = 4

const NANOS = 1_000_000

/** ttrpc on one connection. It knows neither a caller's giving up nor a window: a full inbox holds up the connection. */
export class TtrpcDialect implements Dialect {
  readonly firstId = 1
  readonly idStep = 2
  readonly hasCredit = false
  readonly hasCancel = false
  readonly mayCall: boolean
  readonly mayServe: boolean
  readonly #entries: readonly Entry[]

  constructor(outgoing: Table, role: Role) {
    this.mayCall = role === 'client'
    this.mayServe = role === 'server'
    this.#entries = [0, REQUEST, RESPONSE, DATA].map((type) => outgoing.byType(type) as Entry)
  }

  carries(type: number | string): boolean {
    return typeof type === 'number' && type >= REQUEST && type <= DATA
  }

  entryOf(part: Part): Entry {
    return this.#entries[typeOf(part)] as Entry
  }

  fieldsOf(part: Part): Record<string, number> {
    return { stream: part.id, flags: flagsOf(part) }
  }

  write(part: Part, output: Output, pos: number): number {
    switch (typeOf(part)) {
      case REQUEST:
        return writeRequest(part, output, pos)
      case RESPONSE:
        return writeResponse(part, output, pos)
      default: {
        if (part.type === null) return pos
        const end = encodeBody(part.type, part.message as object, output, pos)
        part.bodyBytes = end - pos
        return end
      }
    }
  }

  read(frame: CallFrame, part: ReceivedPart): void {
    part.clear()
    const { stream = 0, flags = 0 } = frame.fields ?? {}
    part.id = stream
    part.buffer = frame.buffer
    part.isReply = this.mayCall
    if (frame.type === REQUEST) {
      part.step = (flags & REMOTE_OPEN) === 0 ? LAST : MORE
      readRequest(frame, part)
    } else if (frame.type === RESPONSE) readResponse(frame, part)
    else readData(frame, part, flags)
  }
}

/** An answer of a stream, and its good end, are Data; the one answer, and every failure, a Response. */
function typeOf(part: Part): number {
  if (part.method !== '') return REQUEST
  if (part.step === MORE || (!part.isReply && part.step === LAST)) return DATA
  return part.isReply && part.type === null && part.code === 0 ? DATA : RESPONSE
}

function flagsOf(part: Part): number {
  const type = typeOf(part)
  if (type === REQUEST) return part.step === MORE ? REMOTE_OPEN : part.isAnsweredByStream ? REMOTE_CLOSED : 0
  if (type === RESPONSE || part.step === MORE) return 0
  return REMOTE_CLOSED | NO_DATA
}

function writeRequest(part: Part, output: Output, pos: number): number {
  const slash = part.method.lastIndexOf('/')
  pos = writeTextField(output, pos, 1, part.method.slice(0, slash))
  pos = writeTextField(output, pos, 2, part.method.slice(slash + 1))
  if (part.type !== null) pos = writeMessage(output, pos, 3, part)
  if (part.timeoutMs > 0) {
    const nanos = part.timeoutMs * NANOS
    if (pos + 11 > output.buf.length) output.grow(pos, 11)
    output.buf[pos++] = varintTag(4)
    pos = writeVarint64(output.buf, pos, nanos | 0, Math.floor(nanos / 2 ** 32))
  }
  return part.metadata === null ? pos : writeMetadata(output, pos, 5, part.metadata)
}

function writeResponse(part: Part, output: Output, pos: number): number {
  if (part.code !== 0) {
    // Its length stands in front, and is known afterwards.
    if (pos + 2 > output.buf.length) output.grow(pos, 2)
    output.buf[pos] = lengthTag(1)
    const start = pos + 2
    let end = writeNumber(output, start, 1, part.code)
    end = writeTextField(output, end, 2, part.text)
    end = writeDetails(output, end, 3, part.details)
    const length = end - start
    const more = varintLength(length) - 1
    if (end + more > output.buf.length) output.grow(end, more)
    output.buf.copyWithin(start + more, start, end)
    writeVarint32(output.buf, pos + 1, length)
    pos = end + more
  }
  return part.type === null ? pos : writeMessage(output, pos, 2, part)
}

function readRequest({ buffer, start, end }: CallFrame, part: ReceivedPart): void {
  let service = ''
  let method = ''
  for (let pos = start; pos < end; pos = at.pos) {
    const fieldTag = tag(buffer, pos, end)
    pos = at.pos
    if (fieldTag === lengthTag(1)) service = readText(buffer, pos, end)
    else if (fieldTag === lengthTag(2)) method = readText(buffer, pos, end)
    else if (fieldTag === lengthTag(3)) readBody(buffer, pos, end, part)
    else if (fieldTag === varintTag(4)) {
      varint64(buffer, pos, end)
      const nanos = (at.hi >>> 0) * 2 ** 32 + (at.lo >>> 0)
      part.timeoutMs = at.hi < 0 ? 1 : Math.ceil(nanos / NANOS) // A time that is over is as good as none left.
    } else if (fieldTag === lengthTag(5)) readMetadata(buffer, pos, end, part)
    else at.pos = skip(buffer, pos, end, fieldTag, 0)
  }
  if (service === '' || method === '') refuse('a request without a service or a method')
  part.method = `${service}/${method}`
}

function readResponse({ buffer, start, end }: CallFrame, part: ReceivedPart): void {
  for (let pos = start; pos < end; pos = at.pos) {
    const fieldTag = tag(buffer, pos, end)
    pos = at.pos
    if (fieldTag === lengthTag(1)) readStatus(buffer, pos, end, part)
    else if (fieldTag === lengthTag(2)) readBody(buffer, pos, end, part)
    else at.pos = skip(buffer, pos, end, fieldTag, 0)
  }
}

function readStatus(buffer: Uint8Array, pos: number, end: number, part: ReceivedPart): void {
  const stop = readLength(buffer, pos, end)
  for (pos = at.pos; pos < stop; pos = at.pos) {
    const fieldTag = tag(buffer, pos, stop)
    pos = at.pos
    if (fieldTag === varintTag(1)) part.code = readNumber(buffer, pos, stop)
    else if (fieldTag === lengthTag(2)) part.text = readText(buffer, pos, stop)
    else if (fieldTag === lengthTag(3)) readDetail(buffer, pos, stop, part)
    else at.pos = skip(buffer, pos, stop, fieldTag, 0)
  }
  at.pos = stop
}

/** A Data may hold a message and say that none follows. */
function readData({ start, end }: CallFrame, part: ReceivedPart, flags: number): void {
  part.start = start
  part.end = end
  const isLast = (flags & REMOTE_CLOSED) !== 0
  const isEmpty = (flags & NO_DATA) !== 0
  part.step = isLast && isEmpty ? LAST : MORE
  if (!isLast && isEmpty) part.step = CREDIT // It says nothing.
  part.closes = isLast
}

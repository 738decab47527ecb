import { QbpError } from '../base/errors.ts'
import { listed } from '../base/listed.ts'
import type { Role } from '../base/role.ts'
import type { Type } from '../codec/type.ts'
import type { ReadFrame } from '../framing/frame-reader.ts'
import type { Header } from '../framing/header.ts'
import type { RawMessage, Table } from '../framing/table.ts'
import type { ProtoJson } from './proto-json.ts'
import { base64, fromBase64 } from './scalars.ts'

/** One frame as a line of JSON: what `qbp decode` prints and `qbp encode` takes. */
export interface FrameJson {
  name: string | null
  type?: number
  offset?: number
  length?: number
  /** The header's own fields. */
  header?: Record<string, number>
  /** In ProtoJSON, unknown fields beside it as `$unknown`. */
  message?: unknown
  /** In base64: where it was not decoded, or where the message alone would not become the same bytes again. */
  body?: string
  error?: string
}

/** What both ways need of a Protocol. */
interface Conversation {
  readonly header: Header
  readonly sent: { readonly [R in Role]: Table }
  protoJson(options: { unknownFields: true }): ProtoJson
  encode(name: string, message: object): Uint8Array
  decode(name: string, body: Uint8Array): object
}

/**
 * The JSON of a frame that was read.
 *
 * @throws {QbpError} ERR_QBP_INVALID_MESSAGE for a message that has no JSON.
 */
export function frameToJson(
  protocol: Conversation,
  sender: Role,
  frame: Pick<ReadFrame, 'name' | 'type' | 'offset' | 'length' | 'message'> & { body?: Uint8Array },
): FrameJson {
  const { name, type, offset, length, message } = frame
  const json: FrameJson = { name, ...(protocol.header.hasType && { type }), offset, length }
  const { $header, body } = message as RawMessage
  if ($header !== undefined) json.header = $header
  const entry = protocol.sent[sender].byType(type)
  if (name === null || entry?.body === 'raw') json.body = base64(body)
  else if (entry === undefined || typeof entry.body === 'string') json.message = {}
  else {
    json.message = protocol.protoJson({ unknownFields: true }).toJson(entry.body, message as object)
    if (frame.body !== undefined && !isSame(protocol, entry.body, message as object, frame.body))
      json.body = base64(frame.body)
  }
  return json
}

/** Whether a message becomes the same bytes again: a peer may write fields in another order, or a varint longer than it need be. */
function isSame(protocol: Conversation, type: Type, message: object, body: Uint8Array): boolean {
  const again = protocol.encode(type.fullName, message)
  return again.length === body.length && again.every((byte, i) => byte === body[i])
}

/** The message to write for a line of JSON. @throws {QbpError} ERR_QBP_INVALID_MESSAGE that names the field. */
export function frameFromJson(protocol: Conversation, sender: Role, json: unknown): object {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new QbpError('ERR_QBP_INVALID_MESSAGE', 'it is no object: {"name": "Say", "message": {"text": "hi"}}')
  }
  const { name, type, header, message = {}, body } = json as FrameJson
  const table = protocol.sent[sender]
  const $header = header === undefined ? {} : { $header: header }
  const bytes = () => fromBase64(body ?? '', 'body')
  if (name === null) return { $name: null, type: type ?? 0, body: bytes(), ...$header }
  const entry = name === undefined ? table.only : table.byName(String(name))
  if (entry === undefined) {
    const names = listed(table.entries.map((each) => each.name))
    const problem = name === undefined ? 'it has no "name"' : `the ${sender} sends no '${name}'`
    throw new QbpError('ERR_QBP_INVALID_MESSAGE', `${problem}; there are ${names}`)
  }
  if (entry.body === 'raw') return { $name: entry.name, body: bytes(), ...$header }
  if (entry.body === 'empty') return { $name: entry.name, ...$header }
  const protoJson = protocol.protoJson({ unknownFields: true })
  if (body !== undefined) {
    // The body counts as long as it is that message's: whoever has edited the message means the message.
    const told = JSON.stringify(protoJson.toJson(entry.body, protocol.decode(entry.body.fullName, bytes())))
    if (told === JSON.stringify(message)) return { $name: null, type: entry.type, body: bytes(), ...$header }
  }
  return { $name: entry.name, ...protoJson.fromJson(entry.body, message), ...$header }
}

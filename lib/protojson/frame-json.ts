import { QbpError } from '../base/errors.ts'
import { listed } from '../base/listed.ts'
import type { Role } from '../base/role.ts'
import { encodeBody, Room } from '../codec/body.ts'
import type { Type } from '../codec/type.ts'
import type { FrameHeader } from '../framing/frame-header.ts'
import type { ReadFrame } from '../framing/frame-reader.ts'
import type { HeaderFields } from '../framing/head.ts'
import type { Entry, RawMessage, Table } from '../framing/table.ts'
import { fieldsFromJson, fieldsToJson } from './fields-json.ts'
import type { ProtoJson } from './proto-json.ts'
import { base64, fromBase64 } from './scalars.ts'

/** One frame as a line of JSON: what `qbp decode` and `qbp tap --json` print and `qbp encode` takes. */
export interface FrameJson {
  name: string | null
  type?: number | string
  offset?: number
  /** Of the body, in bytes. */
  length?: number
  /** The header's own fields. */
  header?: HeaderFields
  /** In ProtoJSON, with the fields that the schema lacks as `$unknown`. */
  message?: unknown
  /** By number and wire type, where the schema lacks the message: see fields-json.ts. */
  fields?: unknown
  /** In base64: where it was not decoded, or where the message alone would not become the same bytes again. */
  body?: string
  error?: string
}

/** The keys of a line, with those that say where and when it was seen. */
const LINE_KEYS = new Set(
  ['name', 'type', 'offset', 'length', 'header', 'message', 'fields', 'body', 'error'].concat(
    ['at', 'connection', 'direction', 'kind', 'latencyMs', 'call', 'pair', 'sentHere'], // Of a tap or a capture.
  ),
)

/** What both ways need of a Protocol. */
export interface Conversation {
  readonly headers: { readonly [R in Role]: FrameHeader }
  readonly sent: { readonly [R in Role]: Table }
  protoJson(options: { unknownFields: true }): ProtoJson
  messageType(name: string): Type
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
  const json: FrameJson = { name, ...(protocol.headers[sender].hasType && { type }), offset, length }
  const { $header, body } = message as RawMessage
  if ($header !== undefined) json.header = headerToJson(protocol, sender, $header)
  const entry = protocol.sent[sender].byType(type)
  if (name === null || entry?.body === 'raw') json.body = base64(body)
  else if (entry === undefined || typeof entry.body === 'string') json.message = {}
  else {
    json.message = protocol.protoJson({ unknownFields: true }).toJson(entry.body, message as object)
    if (frame.body !== undefined && !isSame(entry.body, message as object, frame.body)) json.body = base64(frame.body)
  }
  return json
}

/** Whether a message becomes the same bytes again: a peer may write fields in another order, or a varint longer than it need be. */
function isSame(type: Type, message: object, body: Uint8Array): boolean {
  // By the type itself: a call's messages are none of the schema's.
  const again = new Room()
  const end = encodeBody(type, message, again, 0)
  return end === body.length && body.every((byte, i) => byte === again.buf[i])
}

/** The line of a table that a name means: its own, or the message's in full. */
export const entryNamed = (table: Table, name: string): Entry | undefined =>
  table.byName(name) ??
  table.entries.find(({ body }) => typeof body !== 'string' && body.fullName === name.replace(/^\./, ''))

/**
 * The message to write for a line of JSON. Where the sender has one message, its fields alone will do.
 *
 * @throws {QbpError} ERR_QBP_INVALID_MESSAGE that names the field.
 */
export function frameFromJson(protocol: Conversation, sender: Role, json: unknown): object {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw refusal('it is no object: {"name": "Say", "message": {"text": "hi"}}')
  const table = protocol.sent[sender]
  const protoJson = protocol.protoJson({ unknownFields: true })
  const bare = bareType(table.only, json)
  if (bare !== undefined) return { $name: table.only?.name, ...protoJson.fromJson(bare, json) }
  const strange = Object.keys(json).find((key) => !LINE_KEYS.has(key))
  if (strange !== undefined) {
    const allowed = 'a line has a "name", and a "message" with the fields, or a "body"'
    throw refusal(`it has ${JSON.stringify(strange)}; ${allowed}`)
  }
  const { name, type, header, message = {}, fields, body } = json as FrameJson
  if (header !== undefined && (typeof header !== 'object' || header === null))
    throw refusal('its "header" is no object of the header\'s own fields')
  const $header = header === undefined ? {} : { $header: headerFromJson(protocol, sender, header) }
  const bytes = () => (fields === undefined ? fromBase64(body ?? '', 'body') : fieldsFromJson(fields))
  if (name === null) {
    const { hasType, maxType } = protocol.headers[sender]
    const kind = maxType === 'text' ? 'string' : 'number'
    if (hasType && typeof type !== kind && !(maxType === 'any' && typeof type === 'string'))
      throw refusal(`its "type" is ${JSON.stringify(type)}: without a name it is a ${kind}`)
    return { $name: null, type: type ?? 0, body: bytes(), ...$header }
  }
  const entry = name === undefined ? table.only : entryNamed(table, String(name))
  if (entry === undefined) {
    const problem = name === undefined ? 'it has no "name"' : `the ${sender} sends no '${name}'`
    throw refusal(`${problem}; there are ${listed(table.entries.map((each) => each.name))}`)
  }
  if (entry.body === 'raw') return { $name: entry.name, body: bytes(), ...$header }
  if ((body !== undefined || fields !== undefined) && !('message' in json))
    return { $name: null, type: entry.type, body: bytes(), ...$header }
  if (entry.body === 'empty') return { $name: entry.name, ...$header }
  if (body !== undefined) {
    // The body counts as long as it is that message's: whoever has edited the message means the message.
    const given = bytes()
    const read = entry.decode(given, 0, given.length, false, null) as object
    const unedited = JSON.stringify(protoJson.toJson(entry.body, read))
    if (unedited === JSON.stringify(message)) return { $name: null, type: entry.type, body: bytes(), ...$header }
  }
  return { $name: entry.name, ...protoJson.fromJson(entry.body, message), ...$header }
}

/**
 * The one message's type, if it is its fields, and no line. A line names that message, or has its fields in an object;
 * fields called `name` and `message` are such only where the message has them.
 */
function bareType(only: Entry | undefined, json: object): Type | undefined {
  if (only === undefined || typeof only.body === 'string') return undefined
  const { fields, name: own, fullName } = only.body
  const { name, message } = json as { name?: unknown; message?: unknown }
  const keys = Object.keys(json)
  const known = new Set(fields.flatMap((field) => [field.jsonName, field.name]))
  const isBare = () => {
    if (!keys.every((key) => LINE_KEYS.has(key))) return name === undefined || known.has('name')
    if (name === null) return false
    if ([only.name, own, fullName].includes(String(name)))
      return 'message' in json && (typeof message !== 'object' || message === null)
    if (name !== undefined) return known.has('name')
    return keys.length === 0 || keys.every((key) => known.has(key))
  }
  return isBare() ? only.body : undefined
}

/** The message that a section is; undefined where there is no schema, or it lacks it. */
function sectionType(protocol: Pick<Conversation, 'messageType'>, name: string): Type | undefined {
  try {
    return protocol.messageType(name)
  } catch {
    return undefined
  }
}

/** A header's fields in JSON: sections in ProtoJSON, or by number without a schema; bytes in base64, 64-bit integers as text. */
function headerToJson(protocol: Conversation, sender: Role, fields: HeaderFields): HeaderFields {
  const { parts } = protocol.headers[sender]
  const isUnknown = (name: string) =>
    parts.some((part) => part.kind === 'section' && part.name === name) && sectionType(protocol, name) === undefined
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      if (typeof value === 'bigint') return [name, String(value)]
      if (value instanceof Uint8Array)
        return [name, (isUnknown(name) ? fieldsToJson(value) : undefined) ?? base64(value)]
      if (typeof value !== 'object') return [name, value]
      return [name, protocol.protoJson({ unknownFields: true }).toJson(protocol.messageType(name), value)]
    }),
  )
}

/** The header's fields that such JSON means. @throws {QbpError} ERR_QBP_INVALID_MESSAGE that names the field. */
function headerFromJson(protocol: Conversation, sender: Role, json: HeaderFields): HeaderFields {
  const fields = { ...json }
  for (const part of protocol.headers[sender].parts) {
    if (part.kind === 'integer' || part.kind === 'bits') {
      for (const { name } of part.kind === 'bits' ? part.fields : [part.field]) {
        const value: unknown = fields[name]
        if (typeof value === 'string' && /^\d+$/.test(value)) fields[name] = BigInt(value)
      }
    } else if (part.kind === 'bytes' || part.kind === 'section') {
      const value: unknown = fields[part.name]
      if (typeof value === 'string') fields[part.name] = fromBase64(value, `header.${part.name}`)
      else if (value !== undefined && part.kind === 'section') {
        const type = sectionType(protocol, part.name)
        fields[part.name] =
          type === undefined
            ? fieldsFromJson(value, `header.${part.name}`)
            : protocol.protoJson({ unknownFields: true }).fromJson(type, value)
      }
    }
  }
  return fields
}

const refusal = (problem: string): QbpError => new QbpError('ERR_QBP_INVALID_MESSAGE', problem)

import { QbpError } from '../base/errors.ts'
import type { Role } from '../base/role.ts'
import type { ReadFrame } from '../framing/frame-reader.ts'
import type { RawMessage } from '../framing/table.ts'
import type { Protocol } from '../protocol/protocol.ts'
import { fromProtoJson } from './from-json.ts'
import { base64, toProtoJson } from './to-json.ts'

/** One frame as a line of JSON: what `qbp decode` prints and `qbp encode` takes. */
export interface FrameJson {
  name: string | null
  type?: number
  offset?: number
  length?: number
  /** The header's own fields. */
  header?: Record<string, number>
  /** In ProtoJSON. */
  message?: unknown
  /** In base64, where it was not decoded. */
  body?: string
  error?: string
}

/** The JSON of a frame that was read. */
export function frameToJson(
  protocol: Protocol,
  sender: Role,
  frame: Pick<ReadFrame, 'name' | 'type' | 'offset' | 'length' | 'message'>,
): FrameJson {
  const { name, type, offset, length, message } = frame
  const json: FrameJson = { name, ...(protocol.header.hasType && { type }), offset, length }
  const { $header, body } = message as RawMessage
  if ($header !== undefined) json.header = $header
  const entry = protocol.sent[sender].byType(type)
  if (name === null || entry?.body === 'raw') json.body = base64(body)
  else
    json.message =
      entry === undefined || entry.body === 'empty' ? {} : toProtoJson(protocol, entry.body, message as object)
  return json
}

/** The message to write for a line of JSON. @throws {QbpError} ERR_QBP_INVALID_MESSAGE that names the field. */
export function frameFromJson(protocol: Protocol, sender: Role, json: unknown): object {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new QbpError('ERR_QBP_INVALID_MESSAGE', 'it is no object: {"name": "Say", "message": {"text": "hi"}}')
  }
  const { name, type, header, message = {}, body } = json as FrameJson
  const table = protocol.sent[sender]
  const $header = header === undefined ? {} : { $header: header }
  if (name === null)
    return { $name: null, type: type ?? 0, body: Buffer.from(String(body ?? ''), 'base64'), ...$header }
  const entry = name === undefined ? table.only : table.byName(String(name))
  if (entry === undefined) {
    const names = table.entries.map((each) => each.name)
    throw new QbpError(
      'ERR_QBP_INVALID_MESSAGE',
      `${name === undefined ? 'it has no "name"' : `the ${sender} sends no '${name}'`}; there are ${names.slice(0, 12).join(', ')}${names.length > 12 ? ', …' : ''}`,
    )
  }
  if (entry.body === 'raw') return { $name: entry.name, body: Buffer.from(String(body ?? ''), 'base64'), ...$header }
  if (entry.body === 'empty') return { $name: entry.name, ...$header }
  return { $name: entry.name, ...fromProtoJson(protocol, entry.body, message), ...$header }
}

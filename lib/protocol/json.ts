// ProtoJSON of a protocol's messages, as functions: the main entry has them as methods, a page imports those that it calls.

import { type JsonOptions, ProtoJson } from '../protojson/proto-json.ts'
import type { NameIn, ReadMessage, Typed, WrittenMessage } from './body-types.ts'
import type { SchemaProtocol } from './schema-protocol.ts'

type JsonProtocol = Pick<SchemaProtocol, 'types' | 'messageType' | 'encode' | 'decode'> & Typed

/** ProtoJSON over the schema of a protocol. */
export const protoJson = ({ types }: Pick<SchemaProtocol, 'types'>, options: JsonOptions = {}): ProtoJson =>
  new ProtoJson((fullName) => types.types.get(fullName), options)

/**
 * The canonical ProtoJSON of a message, as a value for `JSON.stringify`: https://protobuf.dev/programming-guides/json.
 *
 * @param message one that was read, or that may be written.
 * @throws {QbpError} ERR_QBP_INVALID_MESSAGE with the path of a value that has no JSON, such as a time after the year 9999;
 * ERR_QBP_BAD_TABLE for a name that is none.
 */
export function toJson<P extends JsonProtocol, const N extends string>(
  protocol: P,
  name: N | NameIn<P>,
  message: WrittenMessage<P, N>,
  options?: JsonOptions,
): unknown
export function toJson(protocol: JsonProtocol, name: string, message: object, options: JsonOptions = {}): unknown {
  const type = protocol.messageType(name)
  const read =
    message instanceof type.Message ? message : protocol.decode(type.fullName, protocol.encode(type.fullName, message))
  return protoJson(protocol, options).toJson(type, read)
}

/**
 * The message of its ProtoJSON, as a reader hands it out. Integers beyond 2**53 - 1 come as text, which is ProtoJSON's own way, or as
 * bigint.
 *
 * @throws {QbpError} ERR_QBP_INVALID_MESSAGE with the path of what does not fit; ERR_QBP_BAD_TABLE for a name that is none.
 */
export function fromJson<P extends JsonProtocol, const N extends string>(
  protocol: P,
  name: N | NameIn<P>,
  json: unknown,
  options?: JsonOptions,
): ReadMessage<P, N>
export function fromJson(protocol: JsonProtocol, name: string, json: unknown, options: JsonOptions = {}): unknown {
  const type = protocol.messageType(name)
  return protocol.decode(
    type.fullName,
    protocol.encode(type.fullName, protoJson(protocol, options).fromJson(type, json)),
  )
}

import { QbpError } from '../base/errors.ts'
import { listed } from '../base/listed.ts'
import { knownOptions, type OptionNames, oneOf } from '../base/options.ts'
import type { Role } from '../base/role.ts'
import { shown } from '../base/shown.ts'
import { encodeBody, Scratch } from '../codec/body.ts'
import { bytesOf } from '../codec/bytes.ts'
import type { Int64Kind } from '../codec/int64.ts'
import type { Type } from '../codec/type.ts'
import { Header } from '../framing/header.ts'
import type { Policy } from '../framing/message-reader.ts'
import { headers } from '../framing/presets.ts'
import { Entry, Table } from '../framing/table.ts'
import { type JsonOptions, ProtoJson } from '../protojson/proto-json.ts'
import { type CallDialect, type CallForm, callDialect, callEntries } from './call-forms.ts'
import {
  formOf,
  hasOption,
  isPerRole,
  listEntries,
  messageType,
  type OnlyForm,
  onlyEntry,
  type PerRole,
  type TableForm,
} from './forms.ts'
import { firstPackage, LOAD_OPTIONS, type LoadOptions, loadSchema } from './load.ts'
import type { Directions, Sent, Untyped } from './message-types.ts'
import type { ServiceType } from './method.ts'
import { type MessageMap, makeTypes, type Schema, type SchemaSource, type Types } from './schema.ts'
import type { Service } from './service.ts'

/** How a protocol's frames look and what they carry. All of it is checked when the Protocol is made. */
export interface ProtocolOptions {
  /** The layout of the header, such as `type:u16 length:u32`, which is the default. See `headers` for protocols that exist. */
  header?: string | undefined
  /** Where type numbers come from, for both directions or for each: `{ client, server }`, where `client` lists what the client sends. Default: the option `(qbp.type)`. */
  types?: PerRole<TableForm> | undefined
  /** Where the header has no type: the one message of both directions, or of each. */
  message?: PerRole<OnlyForm> | undefined
  /** What a type that no table lists does. Default: 'error'. */
  unknown?: Policy | undefined
  /** What a body that does not decode does. Default: 'error'. */
  invalid?: Policy | undefined
  /** How 64-bit integers are read. Default: 'bigint', or as the generated module has it. Any is taken on write. */
  int64?: Int64Kind | undefined
  /** The package that message names are relative to. Default: the first file's. */
  package?: string | undefined
  /**
   * That it carries calls, of the services of this schema and of others, beside its messages or alone: true, or the first of
   * two type numbers that are free, where 240 and 241 are not; or 'ttrpc'. Default: false.
   */
  calls?: CallForm | undefined
}

const PROTOCOL_OPTIONS: OptionNames<ProtocolOptions> = {
  header: true,
  types: true,
  message: true,
  unknown: true,
  invalid: true,
  int64: true,
  package: true,
  calls: true,
}
const POLICIES: readonly Policy[] = ['error', 'skip', 'raw']

/** All of a protocol: header, messages, and which travel where. One object serves every stream and connection. */
export class Protocol<D extends Directions = Untyped> {
  readonly header: Header
  readonly unknown: Policy
  readonly invalid: Policy
  /** What each role sends. */
  readonly sent: { readonly client: Table; readonly server: Table }
  /** Never there: it carries the types of the messages. */
  declare readonly directions: D
  /** How calls travel; null where none do. */
  readonly calls: CallDialect | null
  readonly #types: Types
  /** Those of services that are not of this schema, by the module's schema. */
  readonly #foreign = new Map<object, Types>()

  private constructor(types: Types, options: ProtocolOptions) {
    const { header = options.calls === 'ttrpc' ? headers.ttrpc : headers.default, calls = false } = options
    this.#types = types
    this.header = new Header(header)
    this.calls = callDialect(calls, this.header)
    this.unknown = oneOf('unknown', options.unknown, 'error', POLICIES)
    this.invalid = oneOf('invalid', options.invalid, 'error', POLICIES)
    if (this.header.hasType && options.message !== undefined) {
      throw new QbpError(
        'ERR_QBP_BAD_TABLE',
        `message is for headers without a type; '${this.header.text}' has one: give types.`,
      )
    }
    if (!this.header.hasType && options.types !== undefined) {
      throw new QbpError(
        'ERR_QBP_BAD_TABLE',
        `types is for headers with a type; '${this.header.text}' has none: give message.`,
      )
    }
    const table = (role: Role): Table => {
      if (this.header.hasType) {
        // A schema of services alone numbers no message.
        const isAlone = calls !== false && options.types === undefined && !hasOption('(qbp.type)', types)
        const form = isAlone ? undefined : formOf(options.types, role, '(qbp.type)')
        const own = form === undefined ? [] : listEntries(form, types).values()
        return new Table(calls === false ? own : [...own, ...callEntries(calls)], this.header)
      }
      const form = formOf(options.message, role)
      return new Table(form === undefined ? [] : [onlyEntry(form, types)], this.header)
    }
    const differ = this.header.hasType ? isPerRole(options.types) : isPerRole(options.message)
    const client = table('client')
    this.sent = { client, server: differ ? table('server') : client }
    if (client.entries.length + this.sent.server.entries.length === 0) {
      const remedy = this.header.hasType
        ? 'types lists no message.'
        : `'${this.header.text}' has no type, so name the message: { message: 'Name' }.`
      throw new QbpError('ERR_QBP_BAD_TABLE', `Nothing can be sent either way: ${remedy}`)
    }
  }

  /**
   * Loads .proto files and makes a Protocol of them, its messages untyped. For typed ones see `from`.
   *
   * @throws {QbpError} ERR_QBP_BAD_SCHEMA, ERR_QBP_BAD_LAYOUT, ERR_QBP_BAD_TABLE or ERR_QBP_BAD_OPTION.
   */
  static async load(files: string | readonly string[], options: ProtocolOptions & LoadOptions = {}): Promise<Protocol> {
    knownOptions('Protocol.load', options, { ...PROTOCOL_OPTIONS, ...LOAD_OPTIONS })
    const root = await loadSchema(files, options)
    return new Protocol(
      makeTypes(root, options.package ?? firstPackage(root, files), options.int64 ?? 'bigint'),
      options,
    )
  }

  /**
   * Makes a Protocol of what a module of `qbp generate` exports, its messages typed; or, untyped, of a protobufjs
   * namespace or Root. The schema is copied: two Protocols of one schema do not meet.
   *
   * @throws {QbpError} ERR_QBP_BAD_SCHEMA, ERR_QBP_BAD_LAYOUT, ERR_QBP_BAD_TABLE or ERR_QBP_BAD_OPTION.
   */
  static from<M extends MessageMap, const O extends ProtocolOptions = { readonly types: '(qbp.type)' }>(
    schema: Schema<M>,
    options?: O,
  ): Protocol<Sent<M, O>>
  static from(schema: SchemaSource, options?: ProtocolOptions): Protocol
  static from(schema: SchemaSource, options: ProtocolOptions = {}): Protocol {
    knownOptions('Protocol.from', options, PROTOCOL_OPTIONS)
    const generated = Object.hasOwn(Object(schema), 'int64') ? (schema as Schema).int64 : undefined
    const { int64 = generated ?? 'bigint' } = options
    if (generated !== undefined && int64 !== generated) {
      throw new QbpError(
        'ERR_QBP_BAD_OPTION',
        `int64 is '${int64}', but the generated module has the types of '${generated}': make it again with qbp generate --int64 ${int64}.`,
      )
    }
    return new Protocol(makeTypes(schema, options.package, int64), options)
  }

  /** Whether both roles send the same messages, so that a stream need not say which it is. */
  get symmetric(): boolean {
    return this.sent.client === this.sent.server
  }

  /** The table of one direction. @throws {QbpError} ERR_QBP_BAD_OPTION without a role, where the directions differ. */
  table(role: Role | undefined, direction: 'incoming' | 'outgoing'): Table {
    if (role === undefined && this.symmetric) return this.sent.client
    if (role !== 'client' && role !== 'server') {
      throw new QbpError(
        'ERR_QBP_BAD_OPTION',
        `role is ${String(role)}; client and server send different messages here, so it must be 'client' or 'server', whichever this end is.`,
      )
    }
    return this.sent[(role === 'client') === (direction === 'outgoing') ? 'client' : 'server']
  }

  /** A message of the schema by its name, relative to the package or in full: its fields, for tools. @throws {QbpError} ERR_QBP_BAD_TABLE */
  messageType(name: string): Type {
    return messageType(name, this.#types)
  }

  /**
   * A service, by its name, relative to the package or in full, or as a generated module has it; also one of another module.
   *
   * @throws {QbpError} ERR_QBP_BAD_SCHEMA for one that is none.
   */
  service(service: string | Service): ServiceType {
    const name = typeof service === 'string' ? service : service?.name
    if (typeof name !== 'string')
      throw new QbpError(
        'ERR_QBP_BAD_SCHEMA',
        `A service is its name, or what 'qbp generate' has made of it, not ${shown(service)}.`,
      )
    const { package: home, services } = this.#types
    const own = services.get(name) ?? services.get(`${home}.${name}`)
    if (own !== undefined) return own
    const foreign = typeof service === 'string' ? undefined : this.#typesOf(service.schema).services.get(name)
    if (foreign !== undefined) return foreign
    throw new QbpError(
      'ERR_QBP_BAD_SCHEMA',
      `The schema has no service '${name}'; it has ${listed([...services.keys()]) || 'none'}.`,
    )
  }

  /** The types of a service's own module. */
  #typesOf(schema: Schema): Types {
    let types = this.#foreign.get(schema)
    if (types === undefined) {
      types = makeTypes(schema, undefined, schema.int64)
      this.#foreign.set(schema, types)
    }
    return types
  }

  /**
   * One body by itself, of any message of the schema, listed or not: for messages inside `bytes` fields.
   *
   * @param name relative to the package, or in full.
   * @returns a Buffer of its own (a Uint8Array in browsers).
   * @throws {QbpError} ERR_QBP_INVALID_MESSAGE with the field's path; ERR_QBP_BAD_TABLE for a name that is none.
   */
  encode(name: string, message: object): Buffer {
    const output = new Scratch()
    const end = encodeBody(messageType(name, this.#types), message, output, 0)
    return output.buf.subarray(0, end) as Buffer
  }

  /**
   * The message of one body, as a reader hands it out, `bytes` copied.
   *
   * @param bytes any Uint8Array.
   * @throws {QbpError} ERR_QBP_INVALID_BODY with the field's path; ERR_QBP_BAD_TABLE for a name that is none;
   * ERR_QBP_NOT_BYTES for text, an ArrayBuffer, a DataView or anything else.
   */
  // biome-ignore lint/suspicious/noExplicitAny: which message it is stands in a text.
  decode(name: string, bytes: Uint8Array): any {
    const type = messageType(name, this.#types)
    const body = bytesOf('The body', bytes)
    return new Entry(type.name, 0, type).decode(body, 0, body.length, false, null)
  }

  /**
   * The canonical ProtoJSON of a message, as a value for `JSON.stringify`: https://protobuf.dev/programming-guides/json.
   *
   * @param message one that was read, or that may be written.
   * @throws {QbpError} ERR_QBP_INVALID_MESSAGE with the path of a value that has no JSON, such as a time after the year 9999;
   * ERR_QBP_BAD_TABLE for a name that is none.
   */
  toJson(name: string, message: object, options: JsonOptions = {}): unknown {
    const type = messageType(name, this.#types)
    const read =
      message instanceof type.Message ? message : this.decode(type.fullName, this.encode(type.fullName, message))
    return this.protoJson(options).toJson(type, read)
  }

  /**
   * The message of its ProtoJSON, as a reader hands it out. Integers beyond 2**53 - 1 come as text, which is ProtoJSON's own way, or as
   * bigint.
   *
   * @throws {QbpError} ERR_QBP_INVALID_MESSAGE with the path of what does not fit; ERR_QBP_BAD_TABLE for a name that is none.
   */
  // biome-ignore lint/suspicious/noExplicitAny: which message it is stands in a text.
  fromJson(name: string, json: unknown, options: JsonOptions = {}): any {
    const type = messageType(name, this.#types)
    return this.decode(type.fullName, this.encode(type.fullName, this.protoJson(options).fromJson(type, json)))
  }

  /**
   * ProtoJSON over this schema, for tools.
   *
   * @internal
   */
  protoJson(options: JsonOptions = {}): ProtoJson {
    return new ProtoJson((fullName) => this.#types.types.get(fullName), options)
  }
}

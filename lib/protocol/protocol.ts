import { QbpError } from '../base/errors.ts'
import { listed } from '../base/listed.ts'
import { knownOptions, type OptionNames, oneOf } from '../base/options.ts'
import type { Role } from '../base/role.ts'
import { shown } from '../base/shown.ts'
import { encodeBody, Scratch } from '../codec/body.ts'
import { bytesOf } from '../codec/bytes.ts'
import type { Int64Kind } from '../codec/int64.ts'
import type { Type } from '../codec/type.ts'
import type { BodyHook } from '../framing/body-hook.ts'
import { type Frame, FrameMaker } from '../framing/frame.ts'
import { Header } from '../framing/header.ts'
import type { Policy } from '../framing/message-reader.ts'
import { headers } from '../framing/presets.ts'
import { Entry, Table } from '../framing/table.ts'
import { type JsonOptions, ProtoJson } from '../protojson/proto-json.ts'
import { type CallDialect, type CallForm, callDialect, callEntries } from './call-forms.ts'
import type { MessageMap, Schema } from './description.ts'
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
import type { Directions, Merged, Outgoing, Sent, Untyped } from './message-types.ts'
import type { ServiceType } from './method.ts'
import { checkSchema, typesOf, withOwn } from './module-types.ts'
import type { Service } from './service.ts'
import type { Types } from './types.ts'

/** How a protocol's frames look and what they carry. All of it is checked when the Protocol is made. */
export interface ProtocolOptions {
  /**
   * The layout of the header, such as `type:u16 length:u32`, which is the default; or each role's, `{ client, server }`, where
   * `client` is that of what the client sends. See `headers` for protocols that exist.
   */
  header?: string | { readonly client: string; readonly server: string } | undefined
  /** Where type numbers come from, for both directions or for each: `{ client, server }`, where `client` lists what the client sends. Default: the option `(qbp.type)`. */
  types?: PerRole<TableForm> | undefined
  /** Where the header has no type: the one message of both directions, or of each. */
  message?: PerRole<OnlyForm> | undefined
  /** What a type that no table lists does. Default: 'error'. */
  unknown?: Policy | undefined
  /** What a body that does not decode does. Default: 'error'. */
  invalid?: Policy | undefined
  /** What lies between the body on the wire and the message's bytes, such as a compression that the header announces. */
  body?: BodyHook | undefined
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

export const PROTOCOL_OPTIONS: OptionNames<ProtocolOptions> = {
  header: true,
  types: true,
  message: true,
  unknown: true,
  invalid: true,
  body: true,
  int64: true,
  package: true,
  calls: true,
}
const POLICIES: readonly Policy[] = ['error', 'skip', 'raw']

/** All of a protocol: header, messages, and which travel where. One object serves every stream and connection. */
export class Protocol<D extends Directions = Untyped> {
  /** The headers of what each role sends. */
  readonly headers: { readonly client: Header; readonly server: Header }
  readonly unknown: Policy
  readonly invalid: Policy
  readonly body: BodyHook | null
  /** What each role sends. */
  readonly sent: { readonly client: Table; readonly server: Table }
  /** Never there: it carries the types of the messages. */
  declare readonly directions: D
  /** How calls travel; null where none do. */
  readonly calls: CallDialect | null
  readonly #types: Types
  /** Of what each role sends, once somebody has asked for one. */
  readonly #makers: { client?: FrameMaker; server?: FrameMaker } = {}

  protected constructor(types: Types, options: ProtocolOptions) {
    const { header = options.calls === 'ttrpc' ? headers.ttrpc : headers.default, calls = false } = options
    this.#types = types
    this.headers = makeHeaders(header, types)
    this.calls = callDialect(calls, this.headers.client)
    if (this.headers.client !== this.headers.server) callDialect(calls, this.headers.server)
    this.unknown = oneOf('unknown', options.unknown, 'error', POLICIES)
    this.invalid = oneOf('invalid', options.invalid, 'error', POLICIES)
    this.body = checkBody(options.body ?? null)
    const { client, server } = this.headers
    if (client.hasType && server.hasType && options.message !== undefined) {
      throw new QbpError(
        'ERR_QBP_BAD_TABLE',
        `message is for headers without a type; '${client.text}' has one: give types.`,
      )
    }
    if (!client.hasType && !server.hasType && options.types !== undefined) {
      throw new QbpError(
        'ERR_QBP_BAD_TABLE',
        `types is for headers with a type; '${client.text}' has none: give message.`,
      )
    }
    const table = (role: Role): Table => {
      const own = this.headers[role]
      if (own.hasType) {
        // A schema of services alone numbers no message.
        const isAlone = calls !== false && options.types === undefined && !hasOption('(qbp.type)', types)
        const form = isAlone ? undefined : formOf(options.types, role, '(qbp.type)')
        const entries = form === undefined ? [] : [...listEntries(form, types).values()]
        const numbers = entries.map((entry) => numbered(entry, own))
        return new Table(calls === false ? numbers : [...numbers, ...callEntries(calls)], own)
      }
      const form = formOf(options.message, role)
      return new Table(form === undefined ? [] : [onlyEntry(form, types)], own)
    }
    const differ = client !== server || (client.hasType ? isPerRole(options.types) : isPerRole(options.message))
    const sentByClient = table('client')
    this.sent = { client: sentByClient, server: differ ? table('server') : sentByClient }
    if (sentByClient.entries.length + this.sent.server.entries.length === 0 && types !== NO_TYPES) {
      const remedy = client.hasType
        ? 'types lists no message.'
        : `'${client.text}' has no type, so name the message: { message: 'Name' }.`
      throw new QbpError('ERR_QBP_BAD_TABLE', `Nothing can be sent either way: ${remedy}`)
    }
  }

  /** The header of what the client sends, which is that of both roles unless each has its own. */
  get header(): Header {
    return this.headers.client
  }

  /**
   * Makes a Protocol without any schema, whose messages are RawMessages: `{ $name: null, type, body }`. Where the header has no
   * type, `$name` is 'Raw', and may be left out on write. Sections are bytes.
   *
   * @throws {QbpError} ERR_QBP_BAD_LAYOUT or ERR_QBP_BAD_OPTION.
   */
  static raw(options: Pick<ProtocolOptions, 'header' | 'body'> = {}): Protocol {
    knownOptions('Protocol.raw', options, { header: true, body: true })
    const { client, server } = makeHeaders(options.header ?? headers.default, NO_TYPES)
    return new Protocol(NO_TYPES, {
      ...options,
      unknown: 'raw',
      ...((client.hasType || server.hasType) && { types: {} }),
      ...((!client.hasType || !server.hasType) && { message: { body: 'raw' } }),
    })
  }

  /**
   * Makes a Protocol of what a module of `qbp generate` exports, its messages typed. Where the module was made with `--header`,
   * `--types` or `--message`, these need not be given again; given here, they go before the module's.
   *
   * @throws {QbpError} ERR_QBP_BAD_SCHEMA, ERR_QBP_BAD_LAYOUT, ERR_QBP_BAD_TABLE or ERR_QBP_BAD_OPTION.
   */
  static from<M extends MessageMap, D extends object, const O extends ProtocolOptions = Record<never, never>>(
    schema: Schema<M, D>,
    options?: O,
  ): Protocol<Sent<M, Merged<D, O>>>
  static from(schema: Schema, options?: ProtocolOptions): Protocol
  static from(schema: Schema, options: ProtocolOptions = {}): Protocol {
    knownOptions('Protocol.from', options, PROTOCOL_OPTIONS)
    checkSchema(schema)
    const { int64 = schema.int64 } = options
    if (int64 !== schema.int64) {
      throw new QbpError(
        'ERR_QBP_BAD_OPTION',
        `int64 is '${int64}', but the generated module has the types of '${schema.int64}': make it again with qbp generate --int64 ${int64}.`,
      )
    }
    return new Protocol(typesOf(schema, options.package ?? schema.package), withOwn(schema, options)) as Protocol
  }

  /** Whether both roles send the same messages, so that a stream need not say which it is. */
  get symmetric(): boolean {
    return this.sent.client === this.sent.server && this.headers.client === this.headers.server
  }

  /** The table of one direction. @throws {QbpError} ERR_QBP_BAD_OPTION without a role, where the directions differ. */
  table(role: Role | undefined, direction: 'incoming' | 'outgoing'): Table {
    return this.sent[this.sender(role, direction)]
  }

  /** Whose messages travel in one direction; either role's where both send the same. @throws {QbpError} as `table`. */
  sender(role: Role | undefined, direction: 'incoming' | 'outgoing'): Role {
    if (role === undefined && this.symmetric) return 'client'
    if (role !== 'client' && role !== 'server') {
      throw new QbpError(
        'ERR_QBP_BAD_OPTION',
        `role is ${String(role)}; client and server send different messages here, so it must be 'client' or 'server', whichever this end is.`,
      )
    }
    return (role === 'client') === (direction === 'outgoing') ? 'client' : 'server'
  }

  /**
   * Checks and encodes a message once, for any number of writers of this protocol: `writer.write(frame)`, `writeMessage`,
   * `group.broadcast`.
   *
   * @param options whose message it is; needed only where the roles send different messages.
   * @throws {QbpError} ERR_QBP_INVALID_MESSAGE with the field's path, ERR_QBP_FIELD_OVERFLOW, or ERR_QBP_BAD_OPTION.
   */
  // Not of `D`: a protocol of known messages would be none of Protocol<Untyped> any more.
  frame<P extends Protocol, R extends Role = Role>(
    this: P,
    message: Outgoing<P, R>,
    options: { readonly role?: R | undefined } = {},
  ): Frame<Outgoing<P, R>> {
    knownOptions('protocol.frame()', options, { role: true })
    const role = this.sender(options.role, 'outgoing')
    this.#makers[role] ??= new FrameMaker(this.headers[role], this.sent[role], this.body)
    return this.#makers[role].make(message)
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
    const foreign =
      typeof service === 'string' ? undefined : typesOf(service.schema, service.schema.package).services.get(name)
    if (foreign !== undefined) return foreign
    throw new QbpError(
      'ERR_QBP_BAD_SCHEMA',
      `The schema has no service '${name}'; it has ${listed([...services.keys()]) || 'none'}.`,
    )
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

/** The schema of a protocol that has none. */
const NO_TYPES: Types = {
  package: '',
  types: new Map(),
  enums: new Map(),
  services: new Map(),
  options: () => ({}),
}

/** The headers of both roles: one object where they have one layout. */
function makeHeaders(form: ProtocolOptions['header'], types: Types): { client: Header; server: Header } {
  const sections = types === NO_TYPES ? {} : { section: (name: string) => messageType(name, types) }
  if (!isPerRole(form)) {
    const header = new Header(form as string, sections)
    return { client: header, server: header }
  }
  const { client, server } = form as { client: string; server: string }
  return { client: new Header(client, sections), server: new Header(server, sections) }
}

/** The entry with a number for the name of an enum's value. @throws {QbpError} ERR_QBP_BAD_TABLE */
function numbered(entry: Entry, { typeNames }: Header): Entry {
  if (typeof entry.type === 'number' || typeNames === null) return entry
  const number = typeNames.get(entry.type)
  if (number !== undefined) return new Entry(entry.name, number, entry.body)
  const names = listed([...typeNames.keys()])
  throw new QbpError('ERR_QBP_BAD_TABLE', `${entry.name} has the type ${entry.type}; the enum of types has ${names}.`)
}

function checkBody(body: BodyHook | null): BodyHook | null {
  if (body === null || (typeof body?.read === 'function' && typeof body.write === 'function')) return body
  throw new QbpError(
    'ERR_QBP_BAD_OPTION',
    'body has no read or no write; it is { read(bytes, header, maxBodyBytes), write(bytes, header) }.',
    { option: 'body' },
  )
}

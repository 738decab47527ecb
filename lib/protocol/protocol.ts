import type { NamespaceBase } from 'protobufjs'
import { knownOptions, oneOf } from '../base/options.ts'
import type { Role } from '../base/role.ts'
import { compiling } from '../codec/codec-source.ts'
import { plainForms } from '../codec/plain-forms.ts'
import { temporalForms } from '../codec/temporal-forms.ts'
import type { ValueForms } from '../codec/type.ts'
import { CheckedHook } from '../framing/body-hook.ts'
import { type Frame, FrameMaker } from '../framing/frame.ts'
import { Header } from '../framing/header.ts'
import { headerLibrary } from '../framing/header-library.ts'
import { headers } from '../framing/presets.ts'
import { checkResync } from '../framing/resync.ts'
import type { JsonOptions, ProtoJson } from '../protojson/proto-json.ts'
import type { FieldIn, NameIn, Peeked, ReadMessage, Typed, WrittenMessage } from './body-types.ts'
import { callDialect, callEntries } from './call-forms.ts'
import type { MessageMap, Schema } from './description.ts'
import { fromJson, protoJson, toJson } from './json.ts'
import type { Directions, Merged, Outgoing, Sent, Untyped } from './message-types.ts'
import type { ServiceType } from './method.ts'
import { checkModule, layoutOf, typesOf, withOwn } from './module-types.ts'
import { ENUM_FORMS, PROTOCOL_OPTIONS, type ProtocolOptions, WELL_KNOWN_FORMS } from './options.ts'
import { peek } from './peek.ts'
import type { LoadOptions } from './schema/load.ts'
import { type Makers, makeHeaders, NO_TYPES, SchemaProtocol } from './schema-protocol.ts'
import type { Service } from './service.ts'
import { findService } from './services.ts'
import type { CheckedOptions } from './table-types.ts'
import { makeTypes, type Types } from './types.ts'

/** All of a protocol: header, messages, and which travel where. One object serves every stream and connection. */
export class Protocol<D extends Directions = Untyped> extends SchemaProtocol<D> {
  /** Of what each role sends, once somebody has asked for one. */
  readonly #frames: { client?: FrameMaker; server?: FrameMaker } = {}

  protected constructor(types: Types, options: ProtocolOptions, schema?: Schema) {
    super(types, options, makersOf(schema))
  }

  /**
   * Loads .proto files and makes a Protocol of them, its messages untyped. For typed ones see `from`.
   *
   * protobufjs is imported when this is called, and not before.
   *
   * @param source one or more files, or what protobufjs has loaded: a Root, or a namespace of a `pbjs` module, which then names the package.
   * @throws {QbpError} ERR_QBP_BAD_SCHEMA, ERR_QBP_BAD_LAYOUT, ERR_QBP_BAD_TABLE or ERR_QBP_BAD_OPTION.
   */
  static async load(
    source: string | readonly string[] | NamespaceBase,
    options: ProtocolOptions & LoadOptions = {},
  ): Promise<Protocol> {
    const { describeSource, LOAD_OPTIONS } = await import('./schema/load.ts')
    knownOptions('Protocol.load', options, { ...PROTOCOL_OPTIONS, ...LOAD_OPTIONS })
    const { description, package: home } = await describeSource(source, options)
    return new Protocol(makeTypes(description, options.package ?? home, valueForms(options), compiling), options)
  }

  /**
   * Makes a Protocol without any schema, whose messages are RawMessages: `{ $name: null, type, body }`. Where the header has no
   * type, `$name` is 'Raw', and may be left out on write. Sections are bytes.
   *
   * @throws {QbpError} ERR_QBP_BAD_LAYOUT or ERR_QBP_BAD_OPTION.
   */
  static raw(options: Pick<ProtocolOptions, 'header' | 'body' | 'resync'> = {}): Protocol {
    knownOptions('Protocol.raw', options, { header: true, body: true, resync: true })
    const { client, server } = makeHeaders(options.header ?? headers.default, NO_TYPES, makersOf())
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
    options?: O & CheckedOptions<M, O>,
  ): string extends keyof M ? Protocol : Protocol<Sent<M, Merged<D, O>>>
  static from(schema: Schema, options: ProtocolOptions = {}): Protocol {
    checkModule(schema, options)
    const types = typesOf(schema, options.package ?? schema.package, compiling)
    return new Protocol(types, withOwn(schema, options), schema) as Protocol
  }

  /**
   * A service, by its name, relative to the package or in full, or as a generated module has it; also one of another module.
   *
   * @throws {QbpError} ERR_QBP_BAD_SCHEMA for one that is none.
   */
  service(service: string | Service): ServiceType {
    return findService(this.types, service, compiling)
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
    this.#frames[role] ??= new FrameMaker(this.headers[role], this.sent[role], this.body)
    return this.#frames[role].make(message)
  }

  override encode<P extends Typed, const N extends string>(
    this: P,
    name: N | NameIn<P>,
    message: WrittenMessage<P, N>,
  ): Buffer
  override encode(name: string, message: object): Buffer {
    return super.encode(name, message as never) as Buffer
  }

  /**
   * Makes a function that reads some fields of bodies of one message and passes over the others: for a gateway that looks at one field and
   * passes the frame on as it came, as a message whose entry is `raw`.
   *
   * What was not asked for is not looked at, nor checked.
   *
   * @param name relative to the package, or in full.
   * @param fields named like those of messages.
   * @returns a function of a body that gives the message without the other fields. It throws ERR_QBP_INVALID_BODY and ERR_QBP_NOT_BYTES, as `decode`.
   * @throws {QbpError} ERR_QBP_BAD_TABLE for a name that is none; ERR_QBP_BAD_OPTION for a field that the message does not have.
   */
  peek<P extends Typed, const N extends string, const F extends FieldIn<P, N>>(
    this: P,
    name: N | NameIn<P>,
    fields: readonly F[],
  ): (body: Uint8Array) => Peeked<P, N, F>
  peek(name: string, fields: readonly string[]): (body: Uint8Array) => object {
    return peek(this, name, fields as never)
  }

  /**
   * The canonical ProtoJSON of a message, as a value for `JSON.stringify`: https://protobuf.dev/programming-guides/json.
   *
   * @param message one that was read, or that may be written.
   * @throws {QbpError} ERR_QBP_INVALID_MESSAGE with the path of a value that has no JSON, such as a time after the year 9999;
   * ERR_QBP_BAD_TABLE for a name that is none.
   */
  toJson<P extends Typed, const N extends string>(
    this: P,
    name: N | NameIn<P>,
    message: WrittenMessage<P, N>,
    options?: JsonOptions,
  ): unknown
  toJson(name: string, message: object, options: JsonOptions = {}): unknown {
    return toJson(this, name, message as never, options)
  }

  /**
   * The message of its ProtoJSON, as a reader hands it out. Integers beyond 2**53 - 1 come as text, which is ProtoJSON's own way, or as
   * bigint.
   *
   * @throws {QbpError} ERR_QBP_INVALID_MESSAGE with the path of what does not fit; ERR_QBP_BAD_TABLE for a name that is none.
   */
  fromJson<P extends Typed, const N extends string>(
    this: P,
    name: N | NameIn<P>,
    json: unknown,
    options?: JsonOptions,
  ): ReadMessage<P, N>
  fromJson(name: string, json: unknown, options: JsonOptions = {}): unknown {
    return fromJson(this, name, json, options)
  }

  /**
   * ProtoJSON over this schema, for tools.
   *
   * @internal
   */
  protoJson(options: JsonOptions = {}): ProtoJson {
    return protoJson(this, options)
  }
}

/** A layout of the module comes ready made; any other is read here, and its functions compiled where that may be. */
const makersOf = (schema?: Schema): Makers => ({
  header: (layout, section) =>
    new Header(layout, { ...(section && { section }), layout: layoutOf(schema, layout, headerLibrary) }),
  support: compiling,
  hook: (given) => new CheckedHook(given),
  checkResync,
  calls: { dialect: callDialect, entries: callEntries },
})

/** @throws {QbpError} ERR_QBP_BAD_OPTION */
const valueForms = ({ int64 = 'bigint', enums, wellKnown }: ProtocolOptions): ValueForms => ({
  int64,
  enums: oneOf('enums', enums, 'numbers', ENUM_FORMS),
  wellKnown: { messages: undefined, plain: plainForms, temporal: temporalForms }[
    oneOf('wellKnown', wellKnown, 'messages', WELL_KNOWN_FORMS)
  ],
})

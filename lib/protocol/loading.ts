import type { NamespaceBase } from 'protobufjs'
import { knownOptions, oneOf } from '../base/options.ts'
import { compiling } from '../codec/codec-source.ts'
import { plainForms } from '../codec/plain-forms.ts'
import { temporalForms } from '../codec/temporal-forms.ts'
import type { ValueForms } from '../codec/type.ts'
import type { Directions, Untyped } from './message-types.ts'
import { ENUM_FORMS, PROTOCOL_OPTIONS, type ProtocolOptions, WELL_KNOWN_FORMS } from './options.ts'
import { Protocol as ProtocolOfSchema } from './protocol.ts'
import type { LoadOptions } from './schema/load.ts'
import { makeTypes } from './types.ts'

/** @throws {QbpError} ERR_QBP_BAD_OPTION */
const valueForms = ({ int64 = 'bigint', enums, wellKnown }: ProtocolOptions): ValueForms => ({
  int64,
  enums: oneOf('enums', enums, 'numbers', ENUM_FORMS),
  wellKnown: { messages: undefined, plain: plainForms, temporal: temporalForms }[
    oneOf('wellKnown', wellKnown, 'messages', WELL_KNOWN_FORMS)
  ],
})

/** All of a protocol: header, messages, and which travel where. One object serves every stream and connection. */
export class Protocol<D extends Directions = Untyped> extends ProtocolOfSchema<D> {
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
}

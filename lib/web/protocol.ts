import { QbpError } from '../base/errors.ts'
import type { Codec, Type } from '../codec/type.ts'
import type { FrameHeader } from '../framing/frame-header.ts'
import { GeneratedHeader } from '../framing/generated-header.ts'
import type { MessageMap, Schema } from '../protocol/description.ts'
import type { Directions, Merged, Sent, Untyped } from '../protocol/message-types.ts'
import { checkModule, layoutOf, typesOf, withOwn } from '../protocol/module-types.ts'
import type { ProtocolOptions } from '../protocol/options.ts'
import { SchemaProtocol } from '../protocol/schema-protocol.ts'

/** All of a protocol: header, messages, and which travel where. It is made of a module of `qbp generate`, codec and layouts included: nothing is compiled. */
export class Protocol<D extends Directions = Untyped> extends SchemaProtocol<D> {
  private constructor(schema: Schema, options: ProtocolOptions) {
    const types = typesOf(schema, options.package ?? schema.package, noCodec)
    super(types, withOwn(schema, options), {
      header: (layout, section) => headerOf(schema, layout, section),
      codec: noCodec,
    })
  }

  /**
   * Makes a Protocol of what a module of `qbp generate` exports, its messages typed.
   *
   * @param options as of the main entry; a layout that the module was not made with comes as `layout('…')`.
   * @throws {QbpError} ERR_QBP_BAD_SCHEMA, ERR_QBP_BAD_LAYOUT, ERR_QBP_BAD_TABLE or ERR_QBP_BAD_OPTION.
   */
  static from<M extends MessageMap, D extends object, const O extends ProtocolOptions = Record<never, never>>(
    schema: Schema<M, D>,
    options?: O,
  ): Protocol<Sent<M, Merged<D, O>>>
  static from(schema: Schema, options?: ProtocolOptions): Protocol
  static from(schema: Schema, options: ProtocolOptions = {}): Protocol {
    checkModule(schema, options)
    return new Protocol(schema, options)
  }
}

function headerOf(schema: Schema, text: string, section: ((name: string) => Type) | undefined): FrameHeader {
  const read: unknown = text
  if (typeof read === 'object' && read !== null && 'header' in read)
    return (read as { header(section?: (name: string) => Type): FrameHeader }).header(section)
  const ready = layoutOf(schema, text)
  if (ready !== undefined) return new GeneratedHeader(ready)
  throw new QbpError(
    'ERR_QBP_BAD_LAYOUT',
    `The module has no functions for the layout '${String(text)}': make it with qbp generate --header '${String(text)}', or give { header: layout('${String(text)}') }, which reads it part by part.`,
  )
}

function noCodec(type: Type): Codec {
  throw new QbpError(
    'ERR_QBP_NO_CODEGEN',
    `The module has no codec for ${type.fullName}: make it with qbp generate, without --no-codec.`,
  )
}

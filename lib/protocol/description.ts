// A schema as plain data: what `qbp generate` writes into a module, and what protobufjs's reflection is turned into when .proto files are
// loaded. Types are made of it, without protobufjs. What is left out is as in proto3: no presence, UTF-8 text, a default of nothing.

import type { Int64Kind, LongClass } from '../codec/int64.ts'
import type { Kind } from '../codec/kinds.ts'
import type { PlainForms } from '../codec/plain-forms.ts'
import type { PlainLayout } from '../framing/plain-header.ts'

/** A schema. Names are full ones, without a dot before them. */
export interface Description {
  readonly packages: readonly string[]
  readonly messages: Readonly<Record<string, MessageDescription>>
  readonly enums: Readonly<Record<string, EnumDescription>>
  readonly services: Readonly<Record<string, ServiceDescription>>
}

/** A message: its fields, and its options. */
export interface MessageDescription {
  readonly fields: readonly FieldDescription[]
  /** Those in brackets, such as `(qbp.type)`; a value of an enum as its number. */
  readonly options?: Readonly<Record<string, unknown>>
}

/** A field of a message. What is left out is as in proto3. */
export interface FieldDescription {
  readonly name: string
  readonly id: number
  readonly kind: Kind
  /** The enum or the message that it is of. */
  readonly type?: string
  /** As the .proto has it, where that is another. */
  readonly protoName?: string
  /** In JSON, where that is not the name. */
  readonly jsonName?: string
  /** Of a map: the kind of its keys. */
  readonly key?: Kind
  readonly repeated?: true
  readonly presence?: true
  readonly required?: true
  readonly packed?: true
  readonly group?: true
  /** Text need not be UTF-8. */
  readonly loose?: true
  readonly oneof?: string
  /** A default of its own: a 64-bit integer as decimal text, bytes in base64, a number that JSON lacks as text. */
  readonly initial?: number | boolean | string
}

/** An enum: its values, aliases too. */
export interface EnumDescription {
  readonly values: Readonly<Record<string, number>>
  readonly closed?: true
}

/** A service, its methods by the names of the .proto. */
export interface ServiceDescription {
  readonly methods: Readonly<Record<string, MethodDescription>>
}

/** A method: the full names of what it takes and gives. */
export interface MethodDescription {
  readonly request: string
  readonly response: string
  readonly requestStream?: true
  readonly responseStream?: true
  readonly idempotent?: true
}

/** What a module made by `qbp generate` holds: a schema as data, in `M` the types of its messages, in `O` the options it was made with. */
export interface Schema<M extends MessageMap = MessageMap, O extends object = object> extends Description {
  /** The package that message names are relative to; empty for none. */
  readonly package: string
  /** How the module's types have 64-bit integers. */
  readonly int64: Int64Kind
  /** How they have the values of enums: as numbers where left out. */
  readonly enumValues?: 'names'
  /** The well-known types that they have as plain values; none where left out. */
  readonly wellKnown?: PlainForms
  /** The options of a Protocol that `qbp generate` was given: `header`, `types`, `message`. Those of `Protocol.from` go before them. */
  readonly options?: O
  /** The functions that read and write its messages, made ahead of time: nothing is then compiled at run time. */
  readonly codec?: GeneratedCodec
  /** The functions of its layouts, made ahead of time, where these are plain. */
  readonly layouts?: GeneratedLayouts
  /** The class of its 64-bit integers, where these are Longs. */
  readonly long?: LongClass
  /** Never there: it carries `M`. */
  readonly types?: M
}

/** Codecs by the messages' full names; what their functions call comes from the library. */
// biome-ignore lint/suspicious/noExplicitAny: the code is generated, and held by its specs.
export type GeneratedCodec = (library: any) => Readonly<Record<string, (type: any) => any>>

/** Layouts ready made; what their functions call comes from the library. */
// biome-ignore lint/suspicious/noExplicitAny: the code is generated, and held by its specs.
export type GeneratedLayouts = (library: any) => readonly PlainLayout[]

/** The messages of a schema, by name: relative to its package (`Connection.Close`), or in full outside it. */
export type MessageMap = Record<
  string,
  {
    /** As it is received, with its `$name`. */
    read: object
    /** As it may be written. */
    write: object
    /** The options of its own that the .proto gives it, such as `'(qbp.type)'`. */
    options?: string
  }
>

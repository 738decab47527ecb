import type { Int64Kind } from './int64.ts'
import type { Kind } from './kinds.ts'
import { type Message, type MessageClass, messageClass } from './message-class.ts'
import type { PlainForm, PlainForms } from './plain-forms.ts'
import type { Share } from './wire.ts'

/** An enum of the schema. A closed one (proto2) holds no other numbers than its own; others count as unknown fields. */
export interface EnumType {
  readonly name: string
  readonly closed: boolean
  readonly numbers: ReadonlyMap<string, number>
  readonly names: ReadonlyMap<number, string>
}

/** How values stand in messages. */
export interface ValueForms {
  readonly int64: Int64Kind
  /** As numbers where left out. */
  readonly enums?: 'numbers' | 'names' | undefined
  /** The well-known types that stand as plain values; none where left out. */
  readonly wellKnown?: PlainForms | undefined
}

/** One field of a message: all that the codecs have to know of it. */
export interface Field {
  readonly name: string
  /** As the .proto has it. */
  readonly protoName: string
  /** In ProtoJSON: `json_name`, or the .proto's name in lowerCamelCase. */
  readonly jsonName: string
  readonly id: number
  readonly kind: Kind
  /** Of a map field: the kind of its keys; `kind` is that of its values. */
  readonly key: Kind | null
  readonly repeated: boolean
  /** Has explicit presence: sent even if it holds its default. */
  readonly presence: boolean
  readonly required: boolean
  /** Written packed. Both forms are read. */
  readonly packed: boolean
  /** A message sent as a group, between two tags. */
  readonly group: boolean
  /** Text must be UTF-8 (proto3), or else the body is malformed. */
  readonly utf8: boolean
  /**
   * What reads where nothing was sent; null for a message, or undefined where null is a value; empty and frozen for lists, maps and
   * bytes.
   */
  readonly initial: unknown
  /** The oneof that it belongs to, synthetic ones left out. */
  readonly oneof: string | null
  readonly enum: EnumType | null
  /** Values of the enum are read as their names. */
  readonly named: boolean
  readonly message: Type | null
  /** What the message stands as, where that is not itself. */
  readonly form: PlainForm | null
}

/** Null is a value of the field, and not the same as none. */
export const takesNull = ({ form, repeated, key }: Field): boolean =>
  form?.nullable === true && !repeated && key === null

/** Reads `buf[pos..end)` into `message` and returns the position after it. `group` is the number of the group that must end, or 0. */
export type Decode = (
  message: object,
  buf: Uint8Array,
  pos: number,
  end: number,
  depth: number,
  share: Share,
  group: number,
) => number

/** Makes the message of the body `buf[start..end)`, `$name` its first property, `$header` its second unless that is null. */
export type Read = (
  name: string,
  header: object | null,
  buf: Uint8Array,
  start: number,
  end: number,
  share: Share,
) => Message

/** Makes the message of the body `buf[pos..end)` within another. */
export type Nest = (buf: Uint8Array, pos: number, end: number, depth: number, share: Share) => Message

/** Where bodies are written: `grow` makes room for `size` bytes from `pos` on, keeping what stands before it, and returns `buf`. */
export interface Output {
  buf: Uint8Array
  grow(pos: number, size: number): Uint8Array
  /** Takes long bytes by reference, whose place is from `pos` on and stays unwritten. @returns whether it does. */
  borrow?(bytes: Uint8Array, pos: number): boolean
  /** What was borrowed from `pos` on is to be written anew. */
  release?(pos: number): void
  /** Moves what stands in `buf[start..end)` by so many bytes, with what was borrowed there. Default: `copyWithin`. */
  shift?(start: number, end: number, by: number): void
}

/** Writes a message at `pos` and returns the position after it, or -1 if it does not encode exactly as it stands. */
export type Encode = (message: object, output: Output, pos: number, depth: number) => number

/** The functions of a Type. */
export interface Codec {
  readonly decode: Decode
  readonly read: Read
  readonly nest: Nest
  readonly encode: Encode
}

/** What codecs need: what those of a module call, and what makes the others. */
export interface CodecSupport {
  /** What their functions call, by name. @throws {QbpError} ERR_QBP_BAD_OPTION for a kind that is none. */
  library(int64: Int64Kind): Readonly<Record<string, unknown>>
  /** The codec of a Type whose module has none. @throws {QbpError} ERR_QBP_NO_CODEGEN */
  codec(type: Type): Codec
}

const types = new WeakMap<object, Type>()

/** The type that a received message is of; undefined for one that has none, such as a RawMessage. */
export const typeOf = (message: Message): Type | undefined => types.get(Object.getPrototypeOf(message))

/** A message type of one Protocol: its fields, its class, and its functions. All of it is made when it is first asked for. */
export class Type {
  /** With its package, such as `chat.Say`. */
  readonly fullName: string
  /** Relative to the protocol's package, such as `Say` or `Connection.Close`. */
  readonly name: string
  readonly int64: Int64Kind
  decode: Decode
  read: Read
  nest: Nest
  encode: Encode
  readonly #fieldsOf: () => Field[]
  /** From its first use on. */
  #definition: MessageClass<Field> | null = null

  /**
   * @param fields what its fields are, asked for once. A schema has hundreds of messages of which a program uses ten: descriptor.proto
   * alone, which comes with every custom option, has 34.
   */
  constructor(fullName: string, name: string, int64: Int64Kind, codec: (type: Type) => Codec, fields: () => Field[]) {
    this.fullName = fullName
    this.name = name
    this.int64 = int64
    this.#fieldsOf = fields
    const making =
      (name: keyof Codec) =>
      (...args: unknown[]) =>
        (Object.assign(this, codec(this))[name] as (...args: unknown[]) => never)(...args)
    this.decode = making('decode')
    this.read = making('read')
    this.nest = making('nest')
    this.encode = making('encode')
  }

  /** By field number. */
  get fields(): readonly Field[] {
    return (this.#definition ?? this.#define()).fields
  }

  /** The class. An object that it makes has room for one property. */
  get Message(): new () => Message {
    return (this.#definition ?? this.#define()).Message
  }

  /** Makes objects of the same class that have room for all properties: those of frames, and larger ones within them. */
  get Roomy(): new () => Message {
    return (this.#definition ?? this.#define()).Roomy
  }

  /** Makes objects of the same class that have no room at all: those of empty bodies. */
  get Bare(): new () => Message {
    return (this.#definition ?? this.#define()).Bare
  }

  /** From how many bytes on a message within another is made roomy. */
  get roomyFrom(): number {
    return (this.#definition ?? this.#define()).roomyFrom
  }

  #define(): MessageClass<Field> {
    const fields = this.#fieldsOf().sort((a, b) => a.id - b.id)
    const definition = messageClass(this.name.slice(this.name.lastIndexOf('.') + 1), fields)
    types.set(definition.Message.prototype, this)
    this.#definition = definition
    return definition
  }
}

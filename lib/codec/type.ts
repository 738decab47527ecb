import { type Int64Kind, isLong } from './int64.ts'
import type { Kind } from './kinds.ts'
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

/** What every received message is an instance of. Its class is its type's; its own properties are what was sent. */
export class Message {
  /** For JSON: 64-bit integers as decimal text, bytes as base64, all else as it stands. */
  toJSON(): Record<string, unknown> {
    return Object.fromEntries(Object.entries(this).map(([key, value]) => [key, jsonValue(value)]))
  }
}

function jsonValue(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null || value instanceof Message) return value
  if (Array.isArray(value)) return value.map(jsonValue)
  if (isLong(value)) return value.toString()
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function' && !(value instanceof Uint8Array)) return value // A Date.
  if (value instanceof Uint8Array) return btoa(Array.from(value, (byte) => String.fromCharCode(byte)).join(''))
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, jsonValue(item)]))
}

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

/** What a Type has from its first use on. */
interface Definition {
  readonly fields: readonly Field[]
  readonly Message: new () => Message
  readonly Roomy: new () => Message
  readonly Bare: new () => Message
  readonly roomyFrom: number
}

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
  #definition: Definition | null = null

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

  #define(): Definition {
    const fields = this.#fieldsOf().sort((a, b) => a.id - b.id)
    const Message = classOf(this.name.slice(this.name.lastIndexOf('.') + 1), fields)
    types.set(Message.prototype, this)
    const [Roomy, Bare] = [twin(Message), twin(Message)]
    this.#definition = { fields, Message, Roomy, Bare, roomyFrom: settled(fields, Message, Roomy, Bare) }
    return this.#definition
  }
}

/** The class of a type. Its prototype has the defaults, where no loop sees them. */
function classOf(name: string, fields: readonly Field[]): new () => Message {
  // Not `extends`: V8 gives up, again and again, on functions into which a derived constructor was inlined.
  const Class = { [name]: class {} }[name] as new () => Message
  const { prototype } = Class
  Object.setPrototypeOf(prototype, Message.prototype)
  const hide = (name: string, property: PropertyDescriptor) =>
    Object.defineProperty(prototype, name, { ...property, configurable: true, enumerable: false })
  for (const { name, initial } of fields) hide(name, { value: initial, writable: true })
  for (const oneof of new Set(fields.map((field) => field.oneof))) {
    if (oneof === null) continue
    const members = fields.filter((field) => field.oneof === oneof).map((field) => field.name)
    hide(oneof, {
      get(this: object) {
        return members.find((member) => Object.hasOwn(this, member))
      },
    })
  }
  return Class
}

/**
 * Makes the first objects of each constructor, after which V8 makes room in all later ones: for as many properties as
 * these had, up to twelve. What does not fit lies in a second object, which costs time, and 16 bytes and more. An
 * ordinary message is therefore better off roomy; but of a hostile body each tiny one would cost 64 times its size. So
 * what is small on the wire is small here: a body within another gets all the room from two bytes a field on, about
 * where the second object would be larger. And only where it has no messages within itself: there, bytes count for all
 * those around them.
 *
 * @returns from how many bytes on a body within another gets all the room.
 */
function settled(
  fields: readonly Field[],
  Message: new () => Message,
  Roomy: new () => Message,
  Bare: new () => Message,
): number {
  const members = fields.filter((field, i) => field.oneof === null || field.oneof !== fields[i - 1]?.oneof)
  const all = members.slice(0, ROOM - 1)
  const own = { name: '$name', initial: '' }
  settle(Message, [members[0] ?? own])
  settle(Roomy, [own, ...all])
  settle(Bare, [])
  const isLeaf = fields.every(({ message }) => message === null)
  return all.length > 1 && isLeaf ? 2 * all.length : Number.POSITIVE_INFINITY
}

/** How many properties V8 makes room for at most, unless the constructor's text has more. */
const ROOM = 12

/** A constructor that makes objects of the same class. */
function twin({ prototype }: new () => Message): new () => Message {
  function Twin() {} // A class has a prototype of its own, and keeps it.
  Twin.prototype = prototype
  return Twin as unknown as new () => Message
}

function settle(Class: new () => Message, properties: readonly Pick<Field, 'name' | 'initial'>[]): void {
  for (let i = 0; i < 16; i++) {
    const message = new Class() as Message & Record<string, unknown>
    for (const { name, initial } of properties) message[name] = initial
  }
}

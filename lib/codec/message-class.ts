// The classes of messages, and how much room their objects have.

import { isLong } from './int64.ts'

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

/** What a class has to know of a field. */
interface Member {
  readonly name: string
  /** What reads where nothing was sent. */
  readonly initial: unknown
  /** The oneof that it belongs to. */
  readonly oneof: string | null
  /** The type of a message; null for all else. */
  readonly message: object | null
}

/** A class, and what makes its objects. */
export interface MessageClass<F> {
  readonly fields: readonly F[]
  /** An object that it makes has room for one property. */
  readonly Message: new () => Message
  /** Makes objects that have room for all properties. */
  readonly Roomy: new () => Message
  /** Makes objects that have no room at all. */
  readonly Bare: new () => Message
  /** From how many bytes on a message within another is made roomy. */
  readonly roomyFrom: number
}

/**
 * Makes the first objects of each constructor, after which V8 makes room in all later ones: for as many properties as
 * these had, up to twelve. What does not fit lies in a second object, which costs time, and 16 bytes and more. An
 * ordinary message is therefore better off roomy; but of a hostile body each tiny one would cost 64 times its size. So
 * what is small on the wire is small here: a body within another gets all the room from two bytes a field on, about
 * where the second object would be larger. And only where it has no messages within itself: there, bytes count for all
 * those around them.
 *
 * @param fields in the order of their numbers.
 */
export function messageClass<F extends Member>(name: string, fields: readonly F[]): MessageClass<F> {
  const Message = classOf(name, fields)
  const [Roomy, Bare] = [twin(Message), twin(Message)]
  const members = fields.filter((field, i) => field.oneof === null || field.oneof !== fields[i - 1]?.oneof)
  const all = members.slice(0, ROOM - 1)
  const own = { name: '$name', initial: '' }
  settle(Message, [members[0] ?? own])
  settle(Roomy, [own, ...all])
  settle(Bare, [])
  const isLeaf = fields.every(({ message }) => message === null)
  const roomyFrom = all.length > 1 && isLeaf ? 2 * all.length : Number.POSITIVE_INFINITY
  return { fields, Message, Roomy, Bare, roomyFrom }
}

/** Its prototype has the defaults, where no loop sees them. */
function classOf(name: string, fields: readonly Member[]): new () => Message {
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

/** How many properties V8 makes room for at most, unless the constructor's text has more. */
const ROOM = 12

/** A constructor that makes objects of the same class. */
function twin({ prototype }: new () => Message): new () => Message {
  function Twin() {} // A class has a prototype of its own, and keeps it.
  Twin.prototype = prototype
  return Twin as unknown as new () => Message
}

function settle(Class: new () => Message, properties: readonly Pick<Member, 'name' | 'initial'>[]): void {
  for (let i = 0; i < 16; i++) {
    const message = new Class() as Message & Record<string, unknown>
    for (const { name, initial } of properties) message[name] = initial
  }
}

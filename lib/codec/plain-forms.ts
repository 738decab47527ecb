// Well-known types as plain values: a time is a Date, a Struct an object. Each stands for the message within another, one level of it; what is
// within it has a form of its own. Both ways are exact, or refused.

import { isPlainObject } from './plain-object.ts'
import { refuse, UNKNOWN } from './wire.ts'

/** What JSON can hold, as `google.protobuf.Value` has it; a number may be NaN or infinite there. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject

/** What a `google.protobuf.Struct` holds. */
export interface JsonObject {
  readonly [key: string]: JsonValue
}

/** What a message stands as within another message. */
export interface PlainForm {
  /** Null is a value; what is not there is undefined. */
  readonly nullable: boolean
  /** The value of a message that was read. @throws {Malformed} if none is equal to it. */
  read(message: object): unknown
  /** The message of a value, its fields not yet checked; undefined for what is none. */
  write(value: unknown): Record<string, unknown> | undefined
  /** The message of a value that was read, to read on into. */
  reopen(value: unknown, message: Record<string, unknown>): object
  /**
   * A value that encodes as it stands, of one that means the same.
   *
   * @param coerce does so with its message.
   * @param refusal makes the error of what is no value, of what may be one.
   */
  coerce(value: unknown, coerce: (message: object) => object, refusal: (allowed: string) => Error): unknown
}

/** A field, as far as it matters here. */
export interface PlainField {
  readonly name: string
  readonly id: number
  readonly kind: string
  readonly repeated?: boolean | undefined
  readonly key?: string | null | undefined
}

/** The forms of the well-known types: made of a type's full name, where it has one and its fields are those that Google gives it. */
export interface PlainForms {
  (fullName: string, fields: readonly PlainField[]): PlainForm | null
  /** As the option `wellKnown` calls them. */
  readonly kind: 'plain' | 'temporal'
}

type Values = Readonly<Record<string, unknown>>

/** A form in the making: its fields, and what it is with their names, which are in either case. */
export interface Draft {
  /** By number, as `kind`, `kind[]` or `key:kind`. */
  readonly fields: readonly string[]
  readonly nullable?: true
  readonly atomic?: true
  readonly allowed: string
  make(...names: string[]): {
    read(message: Values): unknown
    write(value: unknown): Record<string, unknown> | undefined
  }
}

/** The part of a Date's time below its milliseconds, as the peer sent it: with that time, as a Date may be set. */
const REST = Symbol('qbp.nanos')
type WithRest = { [REST]?: { readonly time: number; readonly nanos: number } }

const NANOS = 1_000_000_000
// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z, as google/protobuf/timestamp.proto has it.
export const FIRST_SECOND = -62_135_596_800
export const LAST_SECOND = 253_402_300_799

/** The seconds and nanoseconds of a time. @throws {Malformed} of a time that is none. */
export function timeIn(whole: number, part: number): [whole: number, part: number] {
  if (!(whole >= FIRST_SECOND && whole <= LAST_SECOND)) refuse(`a time of ${whole} s, outside of the years 1 to 9999`)
  if (part < 0 || part >= NANOS) refuse(`a time with ${part} nanos, which are 0 to 999999999`)
  return [whole, part]
}

const Timestamp: Draft = {
  fields: ['int64', 'int32'],
  atomic: true,
  allowed: 'a Date of the years 1 to 9999',
  make: (seconds, nanos) => ({
    read(message) {
      const [whole, part] = timeIn(Number(message[seconds as string]), message[nanos as string] as number)
      const rest = part % 1_000_000
      const date = new Date(whole * 1000 + (part - rest) / 1_000_000)
      if (rest !== 0) Object.defineProperty(date, REST, { value: { time: date.getTime(), nanos: rest } })
      return date
    },
    write(value) {
      const time = timeOf(value)
      const whole = Math.floor(time / 1000)
      if (!(whole >= FIRST_SECOND && whole <= LAST_SECOND)) return undefined
      const rest = (value as WithRest)[REST]
      const more = rest?.time === time ? rest.nanos : 0
      return { [seconds as string]: whole, [nanos as string]: (time - whole * 1000) * 1_000_000 + more }
    },
  }),
}

/** NaN for what is no Date; one of another realm is. */
function timeOf(value: unknown): number {
  try {
    return Date.prototype.getTime.call(value)
  } catch {
    return Number.NaN
  }
}

/** Ten thousand years, in seconds, as google/protobuf/duration.proto has it. */
export const LONGEST = 315_576_000_000

const Duration: Draft = {
  fields: ['int64', 'int32'],
  atomic: true,
  allowed: 'a number of milliseconds, of at most 10,000 years',
  make(seconds, nanos) {
    const write = (value: unknown) => {
      if (typeof value !== 'number' || !(Math.abs(value) <= LONGEST * 1000)) return undefined
      const whole = Math.trunc(value / 1000)
      const part = Math.round((value - whole * 1000) * 1_000_000)
      const carry = Math.abs(part) === NANOS ? Math.sign(part) : 0
      return { [seconds as string]: whole + carry, [nanos as string]: part - carry * NANOS }
    }
    return {
      write,
      read(message) {
        const [whole, part] = [Number(message[seconds as string]), message[nanos as string] as number]
        const inNanos = whole * NANOS + part
        const value = Number.isSafeInteger(inNanos) ? inNanos / 1_000_000 : whole * 1000 + part / 1_000_000
        const again = write(value)
        if (again === undefined || again[seconds as string] !== whole || again[nanos as string] !== part)
          refuse(`a duration of ${whole} s and ${part} ns, which is no number of milliseconds`)
        return value
      },
    }
  },
}

/** A message of one field, which stands for it. */
const ofOne = (field: string, allowed: string, is: (value: unknown) => boolean): Draft => ({
  fields: [field],
  allowed,
  make: (name) => ({
    read: (message) => message[name as string],
    write: (value) => (is(value) ? { [name as string]: value } : undefined),
  }),
})

const wrapper = (kind: string, allowed: string): Draft =>
  ofOne(kind, allowed, (value) => value !== null && value !== undefined)

const Value: Draft = {
  fields: ['enum', 'double', 'string', 'bool', 'message', 'message'],
  nullable: true,
  allowed: 'a value of JSON: null, a boolean, a number, text, a list or a plain object',
  make(...names) {
    const [none, number, string, boolean, struct, list] = names as [string, string, string, string, string, string]
    return {
      read(message) {
        const set = names.find((name) => Object.hasOwn(message, name))
        if (set === undefined) refuse('a google.protobuf.Value without a value')
        if (set !== none) return message[set]
        if (message[none] !== 0 && message[none] !== 'NULL_VALUE') refuse('a null of another number than 0')
        return null
      },
      write(value) {
        if (value === null) return { [none]: 0 }
        if (typeof value === 'number') return { [number]: value }
        if (typeof value === 'string') return { [string]: value }
        if (typeof value === 'boolean') return { [boolean]: value }
        if (Array.isArray(value)) return { [list]: value }
        return isPlainObject(value) ? { [struct]: value } : undefined
      },
    }
  },
}

export const DRAFTS: Readonly<Record<string, Draft>> = {
  Timestamp,
  Duration,
  FieldMask: ofOne('string[]', 'a list of paths', Array.isArray),
  Struct: ofOne('string:message', 'a plain object of JSON', isPlainObject),
  Value,
  ListValue: ofOne('message[]', 'a list of JSON', Array.isArray),
  DoubleValue: wrapper('double', 'a number'),
  FloatValue: wrapper('float', 'a number'),
  Int64Value: wrapper('int64', 'an integer'),
  UInt64Value: wrapper('uint64', 'an integer'),
  Int32Value: wrapper('int32', 'an integer'),
  UInt32Value: wrapper('uint32', 'an integer'),
  BoolValue: wrapper('bool', 'true or false'),
  StringValue: wrapper('string', 'text'),
  BytesValue: wrapper('bytes', 'a Uint8Array or Buffer'),
}

const PREFIX = 'google.protobuf.'

const kindOf = ({ kind, repeated, key }: PlainField): string => `${key ? `${key}:` : ''}${kind}${repeated ? '[]' : ''}`

/** Forms of drafts. `check` throws where this runtime cannot have them. */
export function formsOf(
  kind: PlainForms['kind'],
  drafts: Readonly<Record<string, Draft>>,
  check: () => unknown = () => {},
): PlainForms {
  return Object.assign((fullName: string, fields: readonly PlainField[]) => formOf(drafts, check, fullName, fields), {
    kind,
  })
}

function formOf(
  drafts: Readonly<Record<string, Draft>>,
  check: () => unknown,
  fullName: string,
  fields: readonly PlainField[],
): PlainForm | null {
  const name = fullName.startsWith(PREFIX) ? fullName.slice(PREFIX.length) : ''
  const draft = Object.hasOwn(drafts, name) ? drafts[name] : undefined
  if (draft !== undefined) check()
  if (draft === undefined || fields.length !== draft.fields.length) return null
  const members = draft.fields.map((kind, i) => fields.find((field) => field.id === i + 1 && kindOf(field) === kind))
  if (members.includes(undefined)) return null
  const { read, write } = draft.make(...members.map((member) => member?.name ?? ''))
  const { nullable = false, atomic = false, allowed } = draft
  return {
    nullable,
    write,
    read(message) {
      // A Date has no place for them, and nor has a text.
      if ((message as { [UNKNOWN]?: string })[UNKNOWN] !== undefined)
        refuse(`a ${fullName} with fields that it does not have`)
      return read(message as Values)
    },
    reopen(value, message) {
      for (const [field, each] of Object.entries(write(value) ?? {}))
        if (typeof each !== 'object' || !Object.isFrozen(each)) message[field] = each // Empty ones are shared.
      return message
    },
    coerce(value, coerce, refusal) {
      const message = write(value)
      if (message === undefined) throw refusal(allowed)
      const coerced = coerce(message)
      return atomic ? value : read(coerced as Values)
    },
  }
}

/** The well-known types as plain values: for `wellKnown: 'plain'`, and for the modules that `qbp generate` makes with it. */
export const plainForms: PlainForms = /* @__PURE__ */ formsOf('plain', DRAFTS)

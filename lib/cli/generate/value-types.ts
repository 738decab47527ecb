import type { Int64Kind } from '../../index.ts'
import type { Names, Scope } from './names.ts'
import { Enum, type Field, Type } from './reflection.ts'

const NUMBERS = new Set('double float int32 uint32 sint32 fixed32 sfixed32'.split(' '))
const INT64S = new Set('int64 uint64 sint64 fixed64 sfixed64'.split(' '))

/** How a module's types have values. */
export interface TypedForms {
  readonly int64: Int64Kind
  /** What `bytes` are read as. */
  readonly bytes: 'Buffer' | 'Uint8Array'
  /** The full names of the messages that stand as plain values. */
  readonly plain: ReadonlySet<string>
  readonly wellKnown: 'messages' | 'plain' | 'temporal'
}

/** What `google.protobuf.X` is where it stands as a plain value: another type, or the value of a kind. */
const PLAIN: Readonly<Record<string, string>> = {
  Timestamp: 'Date',
  Duration: 'double',
  FieldMask: 'readonly string[]',
  Struct: 'JsonObject',
  Value: 'JsonValue',
  ListValue: 'readonly JsonValue[]',
  DoubleValue: 'double',
  FloatValue: 'float',
  Int64Value: 'int64',
  UInt64Value: 'uint64',
  Int32Value: 'int32',
  UInt32Value: 'uint32',
  BoolValue: 'bool',
  StringValue: 'string',
  BytesValue: 'bytes',
}

/** Those that Temporal has. */
const TEMPORAL: Readonly<Record<string, string>> = { Timestamp: 'Temporal.Instant', Duration: 'Temporal.Duration' }

/** The types of values, as they are read and as they may be written. */
export class ValueTypes {
  readonly #names: Names
  readonly #forms: TypedForms

  constructor(names: Names, forms: TypedForms) {
    this.#names = names
    this.#forms = forms
  }

  /** Whether a field's null is a value, and not the same as none. */
  takesNull({ resolvedType, repeated, map }: Field): boolean {
    return !repeated && !map && resolvedType instanceof Type && this.#plain(resolvedType) === 'JsonValue'
  }

  /** What one value of a field is read as. */
  read({ type, resolvedType }: Field, scope: Scope): string {
    if (resolvedType instanceof Type) return this.message(resolvedType, 'name', scope)
    return resolvedType === null ? this.#scalar(type, 'name') : this.#names.type(resolvedType, 'name', scope)
  }

  /** What one value of a field may be written as. */
  write({ type, resolvedType }: Field, scope: Scope): string {
    if (resolvedType === null) return this.#scalar(type, 'init')
    const written = this.#names.type(resolvedType, 'init', scope)
    if (resolvedType instanceof Enum) return written
    if (this.#plain(resolvedType) !== undefined) return this.message(resolvedType, 'init', scope)
    // What is read fits what may be written, member by member. Named here, it fits without that tsc looks further down:
    // in schemas that refer to themselves over many types it would give up (TS2321).
    return `${written} | ${this.#names.type(resolvedType, 'name', scope)}`
  }

  /** What a message is within another, or as what a call takes or gives. */
  message(type: Type, side: 'name' | 'init', scope: Scope): string {
    const plain = this.#plain(type)
    if (plain === undefined) return this.#names.type(type, side, scope)
    if (plain === 'Date') return this.#names.global('Date')
    if (plain.startsWith('Temporal.')) return plain.replace('Temporal', this.#names.global('Temporal'))
    const json = /\bJson\w+/.exec(plain)?.[0]
    if (json !== undefined) return plain.replace(json, this.#names.imported(json))
    return plain.startsWith('readonly') ? plain : this.#scalar(plain, side)
  }

  #plain({ fullName }: Type): string | undefined {
    const { plain, wellKnown } = this.#forms
    if (wellKnown === 'messages' || !plain.has(fullName.slice(1))) return undefined
    const name = fullName.slice('.google.protobuf.'.length)
    return (wellKnown === 'temporal' ? TEMPORAL[name] : undefined) ?? PLAIN[name]
  }

  #scalar(kind: string, side: 'name' | 'init'): string {
    const { int64, bytes } = this.#forms
    if (NUMBERS.has(kind)) return 'number'
    if (kind === 'bool') return 'boolean'
    if (kind === 'bytes') return this.#names.global(side === 'init' ? 'Uint8Array' : bytes)
    if (!INT64S.has(kind)) return 'string'
    if (side === 'init') return this.#names.imported('Int64')
    return int64 === 'long' ? this.#names.imported('Long') : int64
  }
}

/** A list of such values. */
export const listOf = (value: string): string => `readonly ${/\||^readonly /.test(value) ? `(${value})` : value}[]`

// What the values of a kind are in JavaScript: all that programs need whose codecs were made ahead of time. The statements that codecs are made of
// stand in kinds.ts.

import { isBytes, ownBytes } from './bytes.ts'
import { split, splitKey } from './int64.ts'

/** What a kind's values are in JavaScript. An `int64` is a bigint, a number or a Long, as its protocol has it. */
export type Family = 'int32' | 'int64' | 'float' | 'bool' | 'string' | 'bytes' | 'enum' | 'message'

export interface KindValues {
  readonly family: Family
  /** An integer from 0. */
  readonly unsigned: boolean
  /** What encodes as it stands, of a value that means the same; undefined if there is none. */
  coerce(value: unknown): unknown
  /** What may be given, for an error. */
  readonly allowed: string
  /** Whether a text is one as the key of a map. Null: cannot be a key. */
  readonly isKey: ((text: string) => boolean) | null
}

const isUnsigned = (value: number): boolean => value >>> 0 === value
const isSigned = (value: number): boolean => (value | 0) === value

/** An integer that may stand in decimal text or as a bigint; NaN for anything else. */
function integer(value: unknown): number | bigint {
  if (typeof value === 'number' || typeof value === 'bigint') return value
  return typeof value === 'string' && /^-?\d{1,20}$/.test(value) ? BigInt(value) : Number.NaN
}

function int32(unsigned: boolean): KindValues {
  const fits = unsigned ? isUnsigned : isSigned
  return {
    family: 'int32',
    unsigned,
    coerce(value) {
      const number = Number(integer(value))
      return fits(number) ? number : undefined
    },
    allowed: unsigned ? 'an integer of 0 to 4294967295' : 'an integer of -2147483648 to 2147483647',
    isKey: (text) => String(Number(text)) === text && fits(Number(text)),
  }
}

function int64(unsigned: boolean): KindValues {
  return {
    family: 'int64',
    unsigned,
    coerce(value) {
      const long = typeof value === 'string' ? integer(value) : value
      return split(long, unsigned) ? long : undefined
    },
    allowed: `${unsigned ? 'an integer of 0 to 2**64 - 1' : 'an integer of -2**63 to 2**63 - 1'}, as a number, bigint, Long or decimal text`,
    isKey: (text) => splitKey(text, unsigned),
  }
}

/** What is taken as it stands or not at all. */
function scalar(
  family: Family,
  allowed: string,
  is: (value: unknown) => boolean,
  isKey: KindValues['isKey'] = null,
): KindValues {
  return { family, unsigned: false, coerce: (value) => (is(value) ? value : undefined), allowed, isKey }
}

const VALUES = {
  double: scalar('float', 'a number', (value) => typeof value === 'number'),
  // A number that only a double can hold would arrive as an infinity.
  float: scalar(
    'float',
    'a number that a float can hold, at most 3.4028235e38',
    (value) => typeof value === 'number' && (!Number.isFinite(value) || Number.isFinite(Math.fround(value))),
  ),
  int32: int32(false),
  uint32: int32(true),
  sint32: int32(false),
  fixed32: int32(true),
  sfixed32: int32(false),
  int64: int64(false),
  uint64: int64(true),
  sint64: int64(false),
  fixed64: int64(true),
  sfixed64: int64(false),
  bool: scalar(
    'bool',
    'true or false',
    (value) => typeof value === 'boolean',
    (text) => text === 'true' || text === 'false',
  ),
  string: scalar(
    'string',
    'a string',
    (value) => typeof value === 'string',
    (text) => text.isWellFormed(),
  ),
  bytes: {
    family: 'bytes',
    unsigned: false,
    // One of another realm is no instance.
    coerce: (value) => (isBytes(value) ? ownBytes(value) : undefined),
    allowed: 'a Uint8Array or Buffer',
    isKey: null,
  },
  /** Its names are its fields' to know. */
  enum: { ...int32(false), family: 'enum', isKey: null },
  message: scalar('message', 'a message', () => false),
} satisfies Record<string, KindValues>

/** The kinds, by their names in a .proto; every enum and every message is of one kind. */
export type Kind = keyof typeof VALUES

/** The values of the kinds. */
export const KIND_VALUES: Readonly<Record<Kind, KindValues>> = VALUES

export const familyOf = (kind: Kind): Family => KIND_VALUES[kind].family

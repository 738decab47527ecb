// Schemas with every kind of field, and bodies for them: valid ones, made field by field as a hostile but literate peer
// would, and mutated ones. The same for the same seed.

import protobuf from 'protobufjs'

const NUMBERS = 'double float int32 uint32 sint32 fixed32 sfixed32 int64 uint64 sint64 fixed64 sfixed64 bool'.split(' ')
const SCALARS = [...NUMBERS, 'string', 'bytes']
const KEYS = SCALARS.filter((kind) => !['double', 'float', 'bytes'].includes(kind))

/** A row of fields, one for each type, numbered from `first`. */
const row = (types: readonly string[], first: number, line: (type: string, name: string) => string): string =>
  types.map((type, i) => `${line(type, type.replaceAll('.', '_'))} = ${first + i}`).join(';\n')

/** A map's enum has a 0 in front, also where it is closed. */
const MAPS = `
  message Maps {
    ${row(KEYS, 1, (type) => `map<${type}, string> key_${type}`)};
    ${row([...SCALARS, 'Kind', 'Empty', 'Maps'], 20, (type) => `map<string, ${type}> to_${type}`)};
    ${row(['Kind', 'Empty', 'Maps'], 40, (type) => `map<uint64, ${type}> by_number_${type}`)};
  }`
const CHOICE = `
  message Choice {
    oneof first { ${row([...SCALARS, 'Colour', 'Choice', 'Empty'], 1, (type) => `${type} first_${type}`)}; }
    int32 between = 19;
    oneof second { ${row(['Colour', 'Choice', 'int64', 'string'], 100_000, (type) => `${type} second_${type}`)}; }
  }`
const lists = (packed: string, expanded: string) => `
  message Lists {
    ${row(SCALARS, 1, (type) => `repeated ${type} own_${type}`)};
    ${NUMBERS.map((type, i) => `repeated ${type} packed_${type} = ${20 + i} [${packed}]`).join(';\n')};
    ${NUMBERS.map((type, i) => `repeated ${type} expanded_${type} = ${40 + i} [${expanded}]`).join(';\n')};
    ${row(['Colour', 'Empty', 'Tree'], 60, (type) => `repeated ${type} own_${type}`)};
    repeated Colour packed_Colour = 70 [${packed}];
    repeated Colour expanded_Colour = 71 [${expanded}];
  }`
const tree = (presence: string, group: string) => `
  message Tree {
    ${presence} Tree left = 1;
    ${presence} Tree right = 2;
    repeated Tree children = 3;
    map<int32, Tree> named = 4;
    ${presence} Lists lists = 5;
    ${presence} Maps maps = 6;
    ${presence} Choice choice = 7;
    ${presence} Scalars scalars = 8;
    ${presence} sint32 leaf = 536870911;
    ${group}
  }`

/** One schema for each syntax. Every one has the messages Scalars, Lists, Maps, Choice, Tree and Empty. */
export const schemas: Readonly<Record<string, string>> = {
  proto2: `syntax = "proto2"; package two;
    enum Colour { RED = 1; GREEN = 2; BLUE = -3; BIG = 2147483647; }
    enum Kind { ANY = 0; WARM = 1; COLD = -3; }
    message Empty {}
    message Scalars {
      ${row([...SCALARS, 'Colour', 'Empty'], 1, (type) => `optional ${type} own_${type}`)};
      optional int32 seven = 30 [default = 7];
      optional string text = 31 [default = "text"];
      optional Colour blue = 32 [default = BLUE];
      extensions 100 to max;
    }
    message Needed { ${row([...SCALARS, 'Colour', 'Empty'], 1, (type) => `required ${type} own_${type}`)}; }
    message Some { required int32 one = 1; optional Some some = 2; repeated Needed needed = 3; optional int32 x = 4; }
    extend Scalars {
      optional int64 more = 100;
      repeated Colour colours = 101 [packed = true];
      optional Tree tree = 102;
      repeated string texts = 536870911;
    }
    ${lists('packed = true', 'packed = false')} ${MAPS} ${CHOICE.replace('int32 between', 'optional int32 between')}
    ${tree(
      'optional',
      `optional group Single = 20 { optional int32 x = 1; optional Single single = 2; optional group Deeper = 3 { repeated sint64 y = 1; } }
       repeated group Many = 21 { optional string s = 1; optional Tree tree = 2; required bool sure = 3; }`,
    )}`,
  proto3: `syntax = "proto3"; package three;
    enum Colour { NONE = 0; RED = 1; GREEN = 2; BLUE = -3; }
    enum Kind { ANY = 0; WARM = 1; COLD = -3; }
    message Empty {}
    message Scalars {
      ${row([...SCALARS, 'Colour', 'Empty'], 1, (type) => `${type} own_${type}`)};
      ${row([...SCALARS, 'Colour'], 30, (type) => `optional ${type} maybe_${type}`)};
    }
    ${lists('packed = true', 'packed = false')} ${MAPS} ${CHOICE} ${tree('', '')}`,
  editions: `edition = "2023"; package editions;
    enum Colour { option features.enum_type = CLOSED; RED = 1; GREEN = 2; BLUE = -3; }
    enum Kind { option features.enum_type = CLOSED; ANY = 0; WARM = 1; COLD = -3; }
    enum Open { NONE = 0; ONE = 1; }
    message Empty {}
    message Scalars {
      ${row([...SCALARS, 'Open', 'Colour', 'Empty'], 1, (type) => `${type} own_${type}`)};
      ${[...SCALARS, 'Open'].map((type, i) => `${type} implicit_${type} = ${30 + i} [features.field_presence = IMPLICIT]`).join(';\n')};
      string loose = 60 [features.utf8_validation = NONE];
      repeated string loose_list = 61 [features.utf8_validation = NONE];
    }
    message Some {
      int32 one = 1 [features.field_presence = LEGACY_REQUIRED];
      Some some = 2 [features.message_encoding = DELIMITED];
      Tree tree = 3 [features.message_encoding = DELIMITED, features.field_presence = LEGACY_REQUIRED];
      Open open = 4;
    }
    ${lists('features.repeated_field_encoding = PACKED', 'features.repeated_field_encoding = EXPANDED')} ${MAPS} ${CHOICE}
    ${tree(
      '',
      `Tree delimited = 20 [features.message_encoding = DELIMITED];
       repeated Lists many = 21 [features.message_encoding = DELIMITED];`,
    )}`,
}

/** A schema of its own, resolved; nobody else has it. */
export const rootOf = (text: string): protobuf.Root => protobuf.parse(text).root.resolveAll() as protobuf.Root

/** The messages of a root, map entries and groups left out. */
export function messagesOf(root: protobuf.NamespaceBase): protobuf.Type[] {
  return root.nestedArray.flatMap((nested) =>
    nested instanceof protobuf.Type ? [nested] : nested instanceof protobuf.Namespace ? messagesOf(nested) : [],
  )
}

const WIRE_TYPES: Record<string, number> = { double: 1, fixed64: 1, sfixed64: 1, float: 5, fixed32: 5, sfixed32: 5 }
const wireTypeOf = (kind: string): number => WIRE_TYPES[kind] ?? (kind === 'string' || kind === 'bytes' ? 2 : 0)

const TEXTS = [
  '',
  'a',
  'grüße',
  '€uro',
  '😀',
  '__proto__',
  'a text of more than twenty-four characters',
  '\ufeff',
  '\ufffd',
]
  .map((text) => [...Buffer.from(text)])
  .concat([[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xc0, 0x80]])
const FIXED = [
  [0, 0, 0, 0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0, 0, 0, 0x80],
  [0, 0, 0x80, 0x7f, 0, 0, 0xf0, 0x7f],
  [1, 0, 0x80, 0x7f, 1, 0, 0xf0, 0x7f],
  [255, 255, 255, 255, 255, 255, 255, 255],
]

/** Makes bodies, all of them different, from one seed. */
export class Bodies {
  readonly #random: () => number
  readonly #allKeys: boolean

  /** @param allKeys whether each map entry has its key: protobufjs takes a 64-bit key of 0 and one that is missing for two. */
  constructor(random: () => number, allKeys = false) {
    this.#random = random
    this.#allKeys = allKeys
  }

  /** A whole number below `limit`. */
  below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  #oneIn(n: number): boolean {
    return this.below(n) === 0
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }

  /**
   * A body of the type, or nearly: now and then a field has the wrong wire type, is unknown, or is oddly encoded. Fields
   * come as they come, or in the order of their numbers, a few or very many, once or several times.
   */
  body(type: protobuf.Type, depth = 0): number[] {
    const fields = type.fieldsArray
    const chosen = fields.filter(({ required }) => required && !this.#oneIn(30))
    const many = depth < 2 && this.#oneIn(6) ? 25 : 5
    const unknown: null[] = []
    for (let n = this.below(many); n > 0; n--) {
      if (fields.length === 0 || this.#oneIn(12)) unknown.push(null)
      else chosen.push(this.pick(fields))
    }
    if (this.below(2) === 0) chosen.sort((a, b) => a.id - b.id)
    const all: (protobuf.Field | null)[] = [...chosen]
    for (const none of unknown) all.splice(this.below(all.length + 1), 0, none)
    const bytes: number[] = []
    for (const field of all) {
      if (field === null) this.#unknown(bytes, depth)
      else this.#field(field.resolve(), bytes, depth)
    }
    return bytes
  }

  /** Up to three changes: bits, bytes, cuts, insertions, doublings. */
  mutate(body: readonly number[]): number[] {
    const bytes = [...body]
    for (let n = 1 + this.below(3); n > 0; n--) {
      const at = this.below(bytes.length + 1)
      const length = this.below(4) + 1
      switch (this.below(8)) {
        case 0:
          if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << this.below(8))
          break
        case 1:
          if (at < bytes.length) bytes[at] = this.below(256)
          break
        case 2:
          bytes.splice(at, length)
          break
        case 3:
          bytes.length = at
          break
        case 4:
          bytes.splice(at, 0, ...Array.from({ length }, () => this.pick([0, 1, 0x7f, 0x80, 0xff, this.below(256)])))
          break
        case 5:
          bytes.splice(at, 0, ...bytes.slice(at, at + length * 3))
          break
        case 7: // A length that is one too many, or too few.
          if (at < bytes.length) bytes[at] = ((bytes[at] as number) + this.pick([1, 255])) & 255
          break
        case 6:
          if (at < bytes.length) bytes[at] = ((bytes[at] as number) & ~7) | this.below(8) // Another wire type.
      }
    }
    return bytes
  }

  #varint(bytes: number[], value: bigint, mayBeLong = true): void {
    let rest = BigInt.asUintN(64, value)
    while (rest > 127n) {
      bytes.push(Number(rest & 127n) | 128)
      rest >>= 7n
    }
    bytes.push(Number(rest))
    if (!mayBeLong || !this.#oneIn(40)) return
    for (let more = this.below(11); more > 0; more--) {
      bytes[bytes.length - 1] = (bytes.at(-1) as number) | 128
      bytes.push(0)
    }
  }

  #tag(bytes: number[], id: number, wireType: number): void {
    const tag = id * 8 + (this.#oneIn(60) ? this.below(8) : wireType)
    if (tag < 128 && !this.#oneIn(40)) bytes.push(tag)
    else this.#varint(bytes, BigInt(tag))
  }

  #delimited(bytes: number[], content: number[]): void {
    this.#varint(bytes, BigInt(this.#oneIn(200) ? this.below(300) : content.length))
    for (const byte of content) bytes.push(byte)
  }

  #unknown(bytes: number[], depth: number): void {
    const id = this.pick([this.below(16), 900 + this.below(3), 2 ** 29 - 1])
    const wireType = this.below(6)
    this.#tag(bytes, id, wireType)
    if (wireType === 0) this.#varint(bytes, BigInt(this.below(1000)))
    else if (wireType === 1 || wireType === 5) this.#bytes(bytes, wireType === 1 ? 8 : 4)
    else if (wireType === 2) this.#delimited(bytes, this.pick(TEXTS))
    else if (wireType === 3) {
      if (depth < 4 && this.#oneIn(2)) this.#unknown(bytes, depth + 1)
      this.#tag(bytes, id, 4)
    }
  }

  #bytes(bytes: number[], count: number): void {
    const pattern = this.pick(FIXED)
    for (let i = 0; i < count; i++) bytes.push(this.#oneIn(4) ? this.below(256) : (pattern[i] as number))
  }

  #field(field: protobuf.Field, bytes: number[], depth: number): void {
    const { id, resolvedType } = field
    if (field.map) {
      const entry: number[] = []
      if (this.#allKeys || !this.#oneIn(8))
        this.#scalar((field as protobuf.Field & { keyType: string }).keyType, 1, entry)
      if (!this.#oneIn(8)) this.#value(field, 2, entry, depth)
      if (this.#oneIn(12)) this.#value(field, 2, entry, depth)
      if (this.#oneIn(20)) this.#unknown(entry, depth)
      this.#tag(bytes, id, 2)
      this.#delimited(bytes, entry)
      return
    }
    const kind = resolvedType instanceof protobuf.Enum ? 'int32' : field.type
    if (field.repeated && !(resolvedType instanceof protobuf.Type) && wireTypeOf(kind) !== 2 && this.#oneIn(2)) {
      const list: number[] = []
      for (let n = this.below(4); n > 0; n--) this.#number(kind, list, resolvedType)
      this.#tag(bytes, id, 2)
      this.#delimited(bytes, list)
      return
    }
    this.#value(field, id, bytes, depth)
  }

  #value(field: protobuf.Field, id: number, bytes: number[], depth: number): void {
    const { resolvedType } = field
    if (!(resolvedType instanceof protobuf.Type)) {
      this.#scalar(resolvedType ? 'int32' : field.type, id, bytes, resolvedType)
      return
    }
    const body = depth < 3 ? this.body(resolvedType, depth + 1) : []
    const { delimited } = field as protobuf.Field & { delimited: boolean }
    this.#tag(bytes, id, delimited ? 3 : 2)
    if (!delimited) this.#delimited(bytes, body)
    else {
      for (const byte of body) bytes.push(byte)
      this.#tag(bytes, id, 4)
    }
  }

  #scalar(kind: string, id: number, bytes: number[], values?: protobuf.Enum | null): void {
    this.#tag(bytes, id, wireTypeOf(kind))
    if (wireTypeOf(kind) === 2) this.#delimited(bytes, this.pick(TEXTS))
    else this.#number(kind, bytes, values ?? null)
  }

  #number(kind: string, bytes: number[], values: protobuf.Enum | protobuf.Type | null): void {
    const wireType = wireTypeOf(kind)
    if (wireType !== 0) this.#bytes(bytes, wireType === 1 ? 8 : 4)
    else if (values instanceof protobuf.Enum && !this.#oneIn(4)) {
      this.#varint(bytes, BigInt(this.pick(Object.values(values.values))))
    } else {
      const bits = BigInt(this.pick([1, 7, 8, 14, 28, 29, 31, 32, 35, 53, 54, 63, 64]))
      this.#varint(
        bytes,
        this.pick([0n, 1n, (1n << bits) - 1n, 1n << bits, -1n, -(1n << (bits - 1n)), BigInt(this.below(1e6))]),
      )
    }
  }
}

/**
 * How the values of each kind stand on the wire: their wire type, and the most bytes that one takes, 0 where that depends on
 * the value. https://protobuf.dev/programming-guides/encoding/#structure
 */
const KINDS = {
  double: [1, 8],
  float: [5, 4],
  int32: [0, 10],
  uint32: [0, 5],
  sint32: [0, 5],
  fixed32: [5, 4],
  sfixed32: [5, 4],
  int64: [0, 10],
  uint64: [0, 10],
  sint64: [0, 10],
  fixed64: [1, 8],
  sfixed64: [1, 8],
  bool: [0, 1],
  string: [2, 0],
  bytes: [2, 0],
  enum: [0, 10],
  message: [2, 0],
} as const

/** The kinds of a field's value, by their names in a .proto; every enum and every message is of one kind. */
export type Kind = keyof typeof KINDS

/** 0 varint, 1 eight bytes, 2 length-prefixed, 5 four bytes. A message that is a group has 3 where it begins and 4 where it ends. */
export function wireTypeOf(kind: Kind): 0 | 1 | 2 | 5 {
  return KINDS[kind][0]
}

/** The most bytes that a value takes, or 0 where that depends on the value. */
export function mostBytesOf(kind: Kind): number {
  return KINDS[kind][1]
}

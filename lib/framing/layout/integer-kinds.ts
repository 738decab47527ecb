// The kinds of integers that a header may hold, a row each. A new kind is a new row: layouts, the code that is made of them,
// their checks, and what shows headers to people read this table, and nothing else knows a kind by its name.

import { dec, hex8 } from './digits.ts'
import { fixed, fixed64 } from './fixed-integers.ts'
import { at, type Inline, type IntegerKind } from './integer-kind.ts'
import { toZigzag, unzigzag, varintKind, zigzag } from './varint-kinds.ts'

/** All kinds, by their names in a layout. */
export const integerKinds: ReadonlyMap<string, IntegerKind> = new Map(
  [
    fixed(8, 'big-endian'),
    ...[16, 24, 32].flatMap((bits) => [fixed(bits, 'big-endian'), fixed(bits, 'little-endian')]),
    fixed64('big-endian'),
    fixed64('little-endian'),
    varintKind,
    zigzag,
    hex8,
    dec,
  ].map((kind) => [kind.name, kind]),
)

/** A kind's code: its own, or calls. */
export function code(kind: IntegerKind): Inline {
  if (kind.inline !== undefined) return kind.inline
  return {
    read: (variable, name) => `${variable} = kinds.${kind.name}.take(buf, pos, end, '${name}')
      if (at.pos < 0) return more(head, start, at.needs)
      pos = at.pos`,
    write: (value) => `pos = kinds.${kind.name}.put(buf, pos, ${value})`,
    size: (value) => (kind.width === undefined ? `kinds.${kind.name}.sizeOf(${value})` : String(kind.width)),
  }
}

/** What the code calls. */
export const codeScope = { kinds: Object.fromEntries(integerKinds), at, unzigzag, toZigzag }

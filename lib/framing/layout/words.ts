// The words of a header layout. Which sizes they determine, and whether they do, is for row-maker.ts.
//
//   layout   = [ part* "|" ] part*                       what stands before the bar is sent once, before the first frame
//   part     = constant | integer | bits | section | "body" | bytes | checksum | place | group
//   constant = "0x" hex-digit* | '"' text '"'
//   integer  = name [ "(" count ")" ] ":" kind [ "=" number ]   kinds: integer-kinds.ts; only a length has a count; the number is what
//                                                        is written where nothing else is given
//   bits     = "[" ( name [ "(" count ")" ] ":" number [ "=" number ] )* "]:" kind
//   section  = "{" message-name "}"
//   bytes    = name ":bytes" [ "(" number ")" ]
//   checksum = ( "crc32" | … ) "(" count ")" ":" kind    checksums.ts
//   place    = ( "length" [ "(" count ")" ] | "type" ) "=" message-name "." field ( "." field )*      fields by name or number
//   group    = "(" part* ")?"
//   count    = name ( "+" name )* [ ( "+" | "-" ) number ]

import { QbpError } from '../../base/errors.ts'
import type { HeaderInteger, IntegerKind } from './integer-kind.ts'
import { integerKinds } from './integer-kinds.ts'

/** What a length counts or a checksum covers: parts by their names, or `body`, `rest` or `frame`; and a number beside them. */
export interface Count {
  readonly names: readonly string[]
  readonly plus: number
}

interface Named {
  readonly name: string
  /** Null where the layout says nothing. */
  readonly count: Count | null
  /** What is written where nothing is given. */
  readonly initial?: HeaderInteger
  /** Where it stands in the text, counted from 0. */
  readonly column: number
}

export interface ConstantWord {
  readonly kind: 'constant'
  readonly text: string
  readonly bytes: readonly number[]
  readonly column: number
}
export interface IntegerWord extends Named {
  readonly kind: 'integer'
  readonly of: IntegerKind
}
export interface BitsWord {
  readonly kind: 'bits'
  /** The most significant first. */
  readonly fields: readonly (Named & { readonly bits: number })[]
  readonly of: IntegerKind
  readonly column: number
}
export interface SectionWord {
  readonly kind: 'section'
  readonly name: string
  readonly column: number
}
export interface BodyWord {
  readonly kind: 'body'
  readonly name: 'body'
  readonly column: number
}
export interface BytesWord {
  readonly kind: 'bytes'
  readonly name: string
  /** Null where something else says how many there are. */
  readonly size: number | null
  readonly column: number
}
export interface PlaceWord extends Named {
  readonly kind: 'place'
  readonly section: string
  readonly path: readonly string[]
}
export interface GroupWord {
  readonly kind: 'group'
  readonly words: readonly Word[]
  readonly column: number
}

export type Word = ConstantWord | IntegerWord | BitsWord | SectionWord | BodyWord | BytesWord | PlaceWord | GroupWord

/** A layout's two rows. */
export interface Words {
  /** The layout with single spaces. */
  readonly text: string
  /** What stands before the bar, or null. */
  readonly preamble: readonly Word[] | null
  readonly frame: readonly Word[]
}

export const SYNTAX =
  'A layout is a row of constants (0xcafe, "text") and of fields, name:kind, such as \'type:u16 length:u32\'; the kinds are ' +
  `${[...integerKinds.keys()].join(', ')}; docs/headers.md has all parts.`

/** Why a layout is refused, at a column that is counted from 0 here and in `offset`, and from 1 in the text. */
export function badLayout(layout: string, column: number, problem: string): QbpError {
  return new QbpError(
    'ERR_QBP_BAD_LAYOUT',
    `The header layout '${layout}' is wrong at column ${column + 1}: ${problem}. ${SYNTAX}`,
    { offset: column },
  )
}

/** A name of a field or a part. */
export const NAME = '[A-Za-z_]\\w*'

// The pieces of a .proto.

/** Where something begins in a text: both are counted from 1. */
export interface Place {
  readonly line: number
  readonly column: number
}

/** A piece of a text, and where it begins. */
export interface Token extends Place {
  kind: 'blank' | 'text' | 'word' | 'number' | 'sign'
  text: string
}

const TOKEN =
  /\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*'|[A-Za-z_]\w*|\d[\w.]*[eE][+-]\d+|\.?\d[\w.]*|[\s\S]/g

/** All pieces of a text, blanks and comments too. */
export function tokens(text: string): Token[] {
  let [line, column] = [1, 1]
  return (text.match(TOKEN) ?? []).map((piece) => {
    const token: Token = { kind: kindOf(piece), text: piece, line, column }
    column += piece.length
    // Words, numbers and signs are of one line.
    if (token.kind === 'blank' || token.kind === 'text')
      for (let i = piece.indexOf('\n'); i >= 0; i = piece.indexOf('\n', i + 1)) {
        line++
        column = piece.length - i
      }
    return token
  })
}

/**
 * By its first character: groups of the expression take ten times as long, which was a quarter of loading a schema, and expressions of a
 * character each twice as long as numbers.
 */
function kindOf(piece: string): Token['kind'] {
  const first = piece.charCodeAt(0)
  if (first === 0x20 || (first >= 0x09 && first <= 0x0d)) return 'blank'
  if (first >= 0x30 && first <= 0x39) return 'number'
  const letter = first | 0x20
  if ((letter >= 0x61 && letter <= 0x7a) || first === 0x5f) return 'word'
  if (piece.length === 1) return first < 0x80 || piece.trim() !== '' ? 'sign' : 'blank' // U+00A0 is one, to the expression.
  if (first === 0x2f) return 'blank'
  if (first === 0x2e) return 'number'
  return first === 0x22 || first === 0x27 ? 'text' : 'blank'
}

/** The place of the next token from `i` on that is no blank, or before `i` with a step of -1. */
export function significant(list: readonly Token[], i: number, step = 1): number {
  while (list[i]?.kind === 'blank') i += step
  return i
}

/** The ends of lines in a text. */
export const lines = (text: string): string => text.replace(/[^\n]/g, '')

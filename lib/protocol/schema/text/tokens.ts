// The pieces of a .proto.

/** A piece of a text. */
export interface Token {
  kind: 'blank' | 'text' | 'word' | 'number' | 'sign'
  text: string
}

const TOKEN =
  /\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*'|[A-Za-z_]\w*|\d[\w.]*[eE][+-]\d+|\.?\d[\w.]*|[\s\S]/g

/** All pieces of a text, blanks and comments too. */
export function tokens(text: string): Token[] {
  return (text.match(TOKEN) ?? []).map((piece) => {
    const kind = kindOf(piece)
    return { kind, text: kind === 'number' ? piece.replace(/^0X/, '0x') : piece }
  })
}

/** By its first character: groups of the expression take ten times as long, which was a quarter of loading a schema. */
function kindOf(piece: string): Token['kind'] {
  const [first = ''] = piece
  if (/\s/.test(first)) return 'blank'
  if (/\w/.test(first)) return /\d/.test(first) ? 'number' : 'word'
  if (piece.length === first.length) return 'sign'
  if (first === '/') return 'blank'
  return first === '.' ? 'number' : 'text'
}

/** The place of the next token from `i` on that is no blank, or before `i` with a step of -1. */
export function significant(list: readonly Token[], i: number, step = 1): number {
  while (list[i]?.kind === 'blank') i += step
  return i
}

/** The ends of lines in a text. */
export const lines = (text: string): string => text.replace(/[^\n]/g, '')

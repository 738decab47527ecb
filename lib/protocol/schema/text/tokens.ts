// The pieces of a .proto.

/** A piece of a text. */
export interface Token {
  kind: 'blank' | 'text' | 'word' | 'number' | 'sign'
  text: string
}

const TOKEN =
  /(?<blank>\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/)|(?<text>"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*')|(?<word>[A-Za-z_]\w*)|(?<number>\d[\w.]*[eE][+-]\d+|\.?\d[\w.]*)|(?<sign>[\s\S])/g

/** All pieces of a text, blanks and comments too. */
export function tokens(text: string): Token[] {
  return Array.from(text.matchAll(TOKEN), ({ groups = {} }) => {
    const [kind, found] = Object.entries(groups).find(([, value]) => value !== undefined) as [Token['kind'], string]
    return { kind, text: kind === 'number' ? found.replace(/^0X/, '0x') : found }
  })
}

/** The place of the next token from `i` on that is no blank, or before `i` with a step of -1. */
export function significant(list: readonly Token[], i: number, step = 1): number {
  while (list[i]?.kind === 'blank') i += step
  return i
}

/** The ends of lines in a text. */
export const lines = (text: string): string => text.replace(/[^\n]/g, '')

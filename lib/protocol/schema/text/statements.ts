// The statements of a .proto, as a tree: what protobufjs's parser makes of the text has lost what protoc judges it by.

import type { Place, Token } from './tokens.ts'

/** A token that is no blank. */
export interface Word extends Token {
  /** Of the value of an option in braces, which is one word: what stands between them. */
  readonly inner?: readonly Word[]
}

/** Words up to a `;`, or up to a block of statements. */
export interface Statement {
  readonly words: readonly Word[]
  readonly body: readonly Statement[] | null
}

/** An option as it is set: `deprecated`, `(qbp.type)`, `(a.b).c`. */
export interface SetOption {
  readonly name: string
  readonly value: readonly Word[]
  readonly place: Place
}

/** A fault of a text, and where. */
export class TextFault extends Error {
  readonly place: Place

  constructor(place: Place | undefined, problem: string) {
    super(problem)
    this.place = place ?? START
  }
}

const START: Place = { line: 1, column: 1 }

/** The words among the pieces of a text. @throws {TextFault} of what protoc's tokenizer refuses. */
function wordsOf(list: readonly Token[]): Word[] {
  return list.filter((token) => {
    const { kind, text } = token
    if (kind === 'blank' && text.startsWith('/*') && text.indexOf('/*', 2) > 0)
      throw new TextFault(token, 'a comment begins within a comment')
    if (kind === 'sign' && (text === '"' || text === "'")) throw new TextFault(token, 'a text does not end on its line')
    if (kind === 'text' && text.includes('\\') && !hasEscapes(text))
      throw new TextFault(token, `${text} has an escape that is none`)
    return kind !== 'blank'
  })
}

/** Whether all escapes of a text are some. */
const hasEscapes = (text: string): boolean =>
  /^(?:[^\\]|\\(?:[abfnrtv\\'"?]|[0-7]|[xX][\da-fA-F]|u[\da-fA-F]{4}|U00[01][\da-fA-F]{5}))*$/.test(text)

/** The statements of a text, of its pieces. @throws {TextFault} of what protoc's tokenizer refuses. */
export function statementsOf(list: readonly Token[]): Statement[] {
  const words = wordsOf(list)
  let i = 0
  /** Passes over the value of an option in braces. */
  const skipValue = () => {
    for (let depth = 0; i < words.length; i++) {
      if (words[i]?.text === '{') depth++
      if (words[i]?.text === '}' && --depth === 0) return
    }
  }
  const block = (): Statement[] => {
    const statements: Statement[] = []
    let current: Word[] = []
    for (; i < words.length; i++) {
      const word = words[i] as Word
      if (word.text === '}') break
      if (word.text === '{' && /^[=:,[]$/.test(current.at(-1)?.text ?? '')) {
        const from = i + 1
        skipValue()
        current.push({ ...word, kind: 'sign', text: '{}', inner: withoutComments(words.slice(from, i)) })
      } else if (word.text === ';' || word.text === '{') {
        let body: Statement[] | null = null
        if (word.text === '{') {
          i++
          body = block()
        }
        if (current.length > 0) statements.push({ words: current, body })
        current = []
      } else current.push(word)
    }
    return statements
  }
  return block()
}

/** In the value of an option `#` begins a comment. */
function withoutComments(words: readonly Word[]): Word[] {
  let last = 0
  return words.filter(({ text, line }) => {
    if (text === '#' && line !== last) last = line
    return line !== last
  })
}

const optionOf = (words: readonly Word[]): SetOption => {
  const equals = words.findIndex(({ text }) => text === '=')
  const name = words.slice(0, equals < 0 ? words.length : equals)
  return {
    name: name.map(({ text }) => text).join(''),
    value: equals < 0 ? [] : words.slice(equals + 1),
    place: words[0] ?? START,
  }
}

/** The option that a statement sets, if it is one that does. */
export const ownOption = ({ words, body }: Statement): SetOption | null =>
  words[0]?.text === 'option' && body === null ? optionOf(words.slice(1)) : null

/** The options in the brackets of a statement. */
export function bracketOptions({ words }: Statement): SetOption[] {
  const begin = words.findIndex(({ text }) => text === '[')
  if (begin < 0) return []
  const options: SetOption[] = []
  let current: Word[] = []
  let depth = 0
  for (const word of words.slice(begin + 1)) {
    if (word.text === '[') depth++
    if (word.text === ']' && depth-- === 0) break
    if (word.text === ',' && depth === 0) {
      options.push(optionOf(current))
      current = []
    } else current.push(word)
  }
  return current.length > 0 ? [...options, optionOf(current)] : options
}

// The text of a .proto, as protobufjs's parser takes it. It refuses, or reads otherwise than protoc, what is rewritten here:
// names with blanks or comments in them, `- 1`, `0X1F`, `< >` in the values of options, escapes that mean bytes, groups in oneofs or
// with options, and an `optional a` beside a field `_a`. Lines keep their numbers, and all else stands as it was.

import { unescapeTexts } from './escapes.ts'
import { type Moved, rewriteStatements } from './rewrite-statements.ts'
import { lines, significant, type Token } from './tokens.ts'

/** The text for protobufjs, the groups that are to be put back into their oneofs, and those that have become messages, by their names. */
export interface ProtoText {
  readonly text: string
  readonly moved: readonly Moved[]
  readonly groups: readonly string[]
}

/** The text for protobufjs of one, by its pieces, which stay as they are. */
export function protoText(text: string, pieces: readonly Token[]): ProtoText {
  if (!isRewritten(pieces)) return { text, moved: [], groups: [] }
  const list = pieces.map(({ kind, text, line, column }) => ({
    kind,
    text: kind === 'number' ? text.replace(/^0X/, '0x') : text,
    line,
    column,
  }))
  joinNames(list)
  bracesForAngles(list)
  unescapeTexts(list)
  const { moved, groups } = rewriteStatements(list)
  return { text: list.map((token) => token.text).join(''), moved, groups }
}

/** Whether a text has any of that: most have nothing. */
function isRewritten(list: readonly Token[]): boolean {
  let [hasBytes, hasDefault, previous] = [false, false, '']
  for (const [i, { kind, text }] of list.entries()) {
    if (kind === 'blank') continue
    if (kind === 'word') {
      if (text === 'group' || text.startsWith('_')) return true
      hasBytes ||= text === 'bytes'
      hasDefault ||= text === 'default'
    } else if (kind === 'text' ? text.includes('\\') : kind === 'number' && text.startsWith('0X')) return true
    else if (text === '{' && previous === '=') return true
    else if (text === '.' && (list[i - 1]?.kind === 'blank' || list[i + 1]?.kind === 'blank')) return true
    else if (text === '-' && list[i + 1]?.kind === 'blank') return true
    previous = text
  }
  return hasBytes && hasDefault
}

/** Takes out the blanks from `from` to before `to`, but for the ends of lines, which go after the token at `to`. */
function close(list: Token[], from: number, to: number): void {
  let ends = ''
  for (let i = from; i < to; i++) {
    const token = list[i] as Token
    ends += lines(token.text)
    token.text = ''
  }
  if (ends !== '') list.splice(to + 1, 0, { kind: 'blank', text: ends, line: (list[to] as Token).line, column: 1 })
}

/** After these a name begins that has a dot of its own in front. */
const BEFORE_TYPES = new Set(['optional', 'required', 'repeated', 'extend', 'stream', 'returns', 'rpc'])

/** `a . b` is one name, also with comments in between, and `- 1` one number. */
function joinNames(list: Token[]): void {
  for (let i = 0; i < list.length; i++) {
    const token = list[i] as Token
    if (token.text === '-') {
      const next = significant(list, i + 1)
      if (next > i + 1 && ['number', 'word'].includes(list[next]?.kind ?? '')) close(list, i + 1, next)
    }
    if (token.text !== '.') continue
    const before = significant(list, i - 1, -1)
    const previous = list[before]
    const joins = previous?.text === ')' || (previous?.kind === 'word' && !BEFORE_TYPES.has(previous.text))
    if (joins && before < i - 1) close(list, before + 1, i)
    const next = significant(list, i + 1)
    if (next > i + 1 && list[next]?.kind === 'word') close(list, i + 1, next)
  }
}

/** Within the value of an option, `<` and `>` are braces. */
function bracesForAngles(list: Token[]): void {
  let depth = 0
  let previous = ''
  for (const [i, token] of list.entries()) {
    if (token.kind === 'blank' || token.text === '') continue
    if (depth > 0 && token.text === '#') {
      // A comment, there.
      for (let j = i; j < list.length && !list[j]?.text.includes('\n'); j++) (list[j] as Token).text = ''
      continue
    }
    if (token.text === '{' && (depth > 0 || previous === '=')) depth++
    else if (token.text === '}' && depth > 0) depth--
    else if (depth > 0 && token.text === '<') token.text = '{'
    else if (depth > 0 && token.text === '>') token.text = '}'
    previous = token.text
  }
}

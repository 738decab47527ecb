// The text of a .proto, as protobufjs's parser takes it. It refuses, or reads otherwise than protoc, what is rewritten here:
// names with blanks or comments in them, `- 1`, `0X1F`, `< >` in the values of options, escapes that mean bytes, groups in oneofs or
// with options, and an `optional a` beside a field `_a`. Lines keep their numbers, and all else stands as it was.

/** A piece of a text. */
export interface Token {
  kind: 'blank' | 'text' | 'word' | 'number' | 'sign'
  text: string
}

/** A field that was taken out of its oneof, to be put back into it. */
export interface Moved {
  /** The message's names from the package's on, such as `Outer.Inner`. */
  message: string
  oneof: string
  field: string
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

/** The text for protobufjs, the groups that are to be put back into their oneofs, and those that have become messages, by their names. */
export function protoText(text: string): { text: string; moved: Moved[]; groups: string[] } {
  const list = tokens(text.replace(/^\ufeff/, ''))
  joinNames(list)
  bracesForAngles(list)
  unescapeTexts(list)
  const { moved, groups } = rewriteStatements(list)
  return { text: list.map((token) => token.text).join(''), moved, groups }
}

/** The place of the next token from `i` on that is no blank, or before `i` with a step of -1. */
function significant(list: readonly Token[], i: number, step = 1): number {
  while (list[i]?.kind === 'blank') i += step
  return i
}

const lines = (text: string): string => text.replace(/[^\n]/g, '')

/** Takes out the blanks from `from` to before `to`, but for the ends of lines, which go after the token at `to`. */
function close(list: Token[], from: number, to: number): void {
  let ends = ''
  for (let i = from; i < to; i++) {
    const token = list[i] as Token
    ends += lines(token.text)
    token.text = ''
  }
  const last = list[to] as Token
  if (ends !== '') list.splice(to + 1, 0, { kind: 'blank', text: ends })
  if (last.text === '') last.text = ''
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

/** Texts as protobufjs reads them: those of `bytes` with octal escapes, all others as the characters that their bytes are in UTF-8. */
function unescapeTexts(list: Token[]): void {
  let statement: string[] = []
  for (let i = 0; i < list.length; i++) {
    const token = list[i] as Token
    if (token.kind === 'blank') continue
    if (/^[;{}]$/.test(token.text)) statement = []
    else if (token.kind !== 'text') statement.push(token.text)
    else {
      let [whole, last, isEscaped] = [token.text.slice(1, -1), i, token.text.includes('\\')]
      for (let next = significant(list, i + 1); list[next]?.kind === 'text'; next = significant(list, next + 1)) {
        const more = list[next] as Token
        whole += more.text.slice(1, -1)
        isEscaped ||= more.text.includes('\\')
        last = next
      }
      const isBytes = statement.slice(-2).join(' ') === 'default =' && statement.slice(0, 2).includes('bytes')
      if (!isEscaped && !isBytes) continue
      token.text = isBytes ? octal(bytesOf(whole)) : quoted(new TextDecoder().decode(bytesOf(whole)))
      if (last > i) token.text += ' '
      for (let j = i + 1; j <= last; j++) (list[j] as Token).text = lines((list[j] as Token).text)
    }
  }
}

const ESCAPES: Record<string, number> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11 }

/** The bytes of a text as a .proto has it, between its quotes. */
function bytesOf(text: string): Uint8Array {
  const parts: number[] = []
  const pattern = /\\([0-7]{1,3}|[xX][\da-fA-F]{1,2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|[\s\S])|[^\\]+/g
  for (const [all, escaped] of text.matchAll(pattern)) {
    if (escaped === undefined) parts.push(...new TextEncoder().encode(all))
    else if (/^[0-7]/.test(escaped)) parts.push(Number.parseInt(escaped, 8) & 255)
    else if (/^[xX]./.test(escaped)) parts.push(Number.parseInt(escaped.slice(1), 16))
    else if (/^[uU]./.test(escaped)) parts.push(...new TextEncoder().encode(character(escaped.slice(1))))
    else parts.push(...(escaped in ESCAPES ? [ESCAPES[escaped] as number] : new TextEncoder().encode(escaped)))
  }
  return Uint8Array.from(parts)
}

function character(digits: string): string {
  const code = Number.parseInt(digits, 16)
  return code > 0x10ffff ? '\ufffd' : String.fromCodePoint(code)
}

const octal = (bytes: Uint8Array): string =>
  `"${Array.from(bytes, (byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')}"`
const quoted = (text: string): string =>
  `"${text.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\0', '\\000')}"`

interface Block {
  kind: string
  name: string
  /** Of a message: what its fields and oneofs are named, and where its `optional` fields stand. */
  names: Set<string>
  optionals: { name: string; from: number; to: number }[]
  /** Of a oneof: the groups taken out of it. */
  groups: string
  /** What goes after its end. */
  after: string
}

/** Takes groups out of oneofs and options off groups, and gives each `optional a` beside a `_a` a oneof of its own. */
function rewriteStatements(list: Token[]): { moved: Moved[]; groups: string[] } {
  const moved: Moved[] = []
  const groups: string[] = []
  const blocks: Block[] = []
  let words: { text: string; i: number }[] = []
  let brackets = 0
  for (let i = 0; i < list.length; i++) {
    const token = list[i] as Token
    const { text } = token
    if (token.kind === 'blank' || text === '') continue
    if (text === '[') brackets++
    if (text === ']') brackets--
    if (text === '{' && words.at(-1)?.text === '=') {
      i = endOfBlock(list, i) // The value of an option.
      continue
    }
    if (brackets > 0 || !/^[;{}]$/.test(text)) {
      words.push({ text, i })
      continue
    }
    const block = blocks.at(-1)
    const said = words.map((word) => word.text)
    if (text === ';' || text === '{') note(block, said, words[0]?.i ?? i, i)
    if (text === '{') {
      const group = said.indexOf('group')
      let after = ''
      if (group >= 0 && said[group + 2] === '=') {
        const options = words.find((word) => word.text === '[')
        if (options !== undefined)
          for (let j = options.i; j < i; j++) (list[j] as Token).text = lines((list[j] as Token).text)
        if (block?.kind === 'oneof') {
          const end = endOfBlock(list, i)
          const from = words[group]?.i as number
          block.groups += ` optional ${flat(list, from, end)}`
          const name = said[group + 1] as string
          const message = blocks
            .slice(0, -1)
            .map((each) => each.name)
            .join('.')
          moved.push({ message, oneof: block.name, field: name.charAt(0).toLowerCase() + name.slice(1) })
          words = []
          i = end
          continue
        }
        if (needsMessage(list, i)) {
          // Its parser has no such statements in groups: a message is made of it, beside its field.
          const name = said[group + 1] as string
          ;(list[words[group]?.i as number] as Token).text = ''
          ;(list[words[group + 1]?.i as number] as Token).text =
            `${name} ${name.charAt(0).toLowerCase()}${name.slice(1)}`
          token.text = `; ${block?.kind === 'extend' ? '} ' : ''}message ${name} {`
          after = block?.kind === 'extend' ? ` extend ${block.name} {` : ''
          const owners = blocks.filter((each) => each.kind === 'message').map((each) => each.name)
          groups.push([...owners, name].join('.'))
        }
      }
      const kind = group >= 0 ? 'message' : (said[0] ?? '')
      const name = group >= 0 ? said[group + 1] : said[1]
      blocks.push({ kind, name: name ?? '', names: new Set(), optionals: [], groups: '', after })
    }
    if (text === '}') {
      const ended = blocks.pop()
      if (ended !== undefined) token.text += ended.groups + ended.after
      for (const { name, from, to } of ended?.optionals ?? [])
        if (ended?.names.has(`_${name}`)) ownOneof(list, name, from, to)
    }
    words = []
  }
  return { moved, groups }
}

/** Whether the block that opens here has statements that protobufjs does not know in a group. */
function needsMessage(list: readonly Token[], open: number): boolean {
  const end = endOfBlock(list, open)
  let depth = 0
  let isFirst = false
  for (let i = open; i < end; i++) {
    const token = list[i] as Token
    if (token.kind === 'blank' || token.text === '') continue
    if (depth === 1 && isFirst && /^(oneof|extensions|extend)$/.test(token.text)) return true
    if (token.text === '{') depth++
    if (token.text === '}') depth--
    isFirst = /^[;{}]$/.test(token.text)
  }
  return false
}

/** Notes what a statement of a message declares. */
function note(block: Block | undefined, said: readonly string[], from: number, to: number): void {
  if (block === undefined) return
  const equals = said.indexOf('=')
  const name = said[0] === 'oneof' ? said[1] : equals > 1 ? said[equals - 1] : undefined
  if (name === undefined || said[0] === 'option') return
  block.names.add(name)
  if (said[0] === 'optional' && block.kind === 'message') block.optionals.push({ name, from, to })
}

/** `optional int32 a = 1;`, as the oneof that protoc makes of it, under a name that is free. */
function ownOneof(list: Token[], name: string, from: number, to: number): void {
  const label = list[from] as Token
  label.text = `oneof X_${name} {`
  let options = false
  for (let j = from; j < to; j++) {
    const token = list[j] as Token
    if (token.text !== '[') continue
    token.text = '[proto3_optional = true, '
    options = true
    break
  }
  const end = list[to] as Token
  end.text = `${options ? '' : ' [proto3_optional = true]'}; }`
}

function endOfBlock(list: readonly Token[], open: number): number {
  let depth = 0
  for (let i = open; i < list.length; i++) {
    if (list[i]?.text === '{') depth++
    if (list[i]?.text === '}' && --depth === 0) return i
  }
  return list.length - 1
}

/** The tokens of a stretch in one line, which are taken out of the list but for its ends of lines. */
function flat(list: Token[], from: number, to: number): string {
  let text = ''
  for (let i = from; i <= to; i++) {
    const token = list[i] as Token
    text += token.kind === 'blank' ? ' ' : token.text
    token.text = lines(token.text)
    token.kind = 'blank'
  }
  return text
}

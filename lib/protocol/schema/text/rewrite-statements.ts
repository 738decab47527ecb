// Statements that protobufjs's parser refuses, or reads otherwise than protoc.

import { lines, type Token } from './tokens.ts'

/** A field that was taken out of its oneof, to be put back into it. */
export interface Moved {
  /** The message's names from the package's on, such as `Outer.Inner`. */
  message: string
  oneof: string
  field: string
}

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
export function rewriteStatements(list: Token[]): { moved: Moved[]; groups: string[] } {
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

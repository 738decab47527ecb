// What protoc refuses of a text and protobufjs's parser takes: https://protobuf.dev/reference/protobuf/proto3-spec

import {
  bracketOptions,
  ownOption,
  type SetOption,
  type Statement,
  statementsOf,
  TextFault,
  type Word,
} from '../text/statements.ts'
import type { Token } from '../text/tokens.ts'

/** What an option is of: descriptor.proto has a message of options for each. */
export type OptionScope =
  | 'File'
  | 'Message'
  | 'Field'
  | 'Oneof'
  | 'Enum'
  | 'EnumValue'
  | 'Service'
  | 'Method'
  | 'ExtensionRange'

/** The options of one thing of a file, and the names from the package's on that it stands in. */
export interface OptionsOf {
  readonly scope: OptionScope
  readonly path: readonly string[]
  readonly options: readonly SetOption[]
}

/** What a text was found to set. */
export interface CheckedText {
  readonly options: readonly OptionsOf[]
  /** Of proto2, proto3, or an edition. */
  readonly syntax: string
}

/** What each block may have blocks of. Groups and fields are known by their words. */
const BLOCKS: Readonly<Record<string, readonly string[]>> = {
  file: ['message', 'enum', 'service', 'extend'],
  message: ['message', 'enum', 'extend', 'oneof'],
  enum: [],
  oneof: [],
  service: ['rpc', 'stream'],
  rpc: [],
  extend: [],
}

const SCOPES: Readonly<Record<string, OptionScope>> = {
  file: 'File',
  message: 'Message',
  enum: 'Enum',
  oneof: 'Oneof',
  service: 'Service',
  rpc: 'Method',
  stream: 'Method',
}

/** Goes through a text, by its pieces. @throws {TextFault} of the first thing that protoc refuses. */
export function validateText(list: readonly Token[]): CheckedText {
  const statements = statementsOf(list)
  const found: OptionsOf[] = []
  validateFile(statements)
  visit('file', statements, [], found)
  const [first] = statements
  const isSyntax = first?.words[0]?.text === 'syntax' || first?.words[0]?.text === 'edition'
  return { options: found, syntax: isSyntax ? (first?.words[2]?.text.slice(1, -1) ?? '') : 'proto2' }
}

function validateFile(statements: readonly Statement[]): void {
  const imports = new Set<string>()
  for (const [i, { words }] of statements.entries()) {
    const [first, second] = words
    if ((first?.text === 'syntax' || first?.text === 'edition') && second?.text === '=' && i > 0)
      throw new TextFault(first, `the ${first.text} is not the first statement`)
    if (i === 0 && first?.text === 'syntax') validateSyntax(words)
    if (first?.text !== 'import') continue
    const name = words
      .filter(({ kind }) => kind === 'text')
      .map((word) => word.text.slice(1, -1))
      .join('')
    if (imports.has(name)) throw new TextFault(first, `'${name}' is imported twice`)
    imports.add(name)
  }
}

function validateSyntax(words: readonly Word[]): void {
  const [, equals, ...values] = words.map(({ text }) => text)
  const value = values.join(' ')
  if (equals !== '=' || !/^(["'])proto[23]\1$/.test(value))
    throw new TextFault(words[0], `the syntax is ${value}; it may be "proto2" or "proto3"`)
}

function visit(kind: string, statements: readonly Statement[], path: readonly string[], found: OptionsOf[]): void {
  const own: SetOption[] = []
  if (kind === 'message') validateNumbers(statements, path)
  for (const statement of statements) {
    const { words, body } = statement
    const [first, second] = words
    if (first === undefined) continue
    const option = ownOption(statement)
    if (option !== null) {
      validateOption(option)
      own.push(option)
      continue
    }
    if (kind === 'enum' && first.text === 'reserved') validateReserved(statement)
    else if (first.text === 'reserved' && body === null && second?.text !== '=') validateReserved(statement)
    const group = words.findIndex(({ text }, i) => text === 'group' && words[i + 2]?.text === '=')
    if (group >= 0) {
      const name = words[group + 1]
      if (name !== undefined && !/^[A-Z]/.test(name.text))
        throw new TextFault(name, `the group ${name.text} does not begin with a capital letter`)
    } else if (body !== null && !BLOCKS[kind]?.includes(first.text)) {
      throw new TextFault(first, `${first.text} ${second?.text ?? ''} stands in a ${kind}, which has no such blocks`)
    }
    const set = bracketOptions(statement)
    if (set.length > 0) {
      for (const each of set) validateOption(each)
      const scope = kind === 'enum' ? 'EnumValue' : first.text === 'extensions' ? 'ExtensionRange' : 'Field'
      validateField(statement, set)
      found.push({ scope, path: scope === 'EnumValue' ? path.slice(0, -1) : path, options: set })
    }
    if (body === null) continue
    const inner = group >= 0 ? 'message' : first.text
    if (inner === 'extend' && body.length === 0) throw new TextFault(first, `extend ${second?.text ?? ''} has no field`)
    const name = group >= 0 ? words[group + 1]?.text : second?.text
    const isScope = inner === 'message' || inner === 'service' || inner === 'enum'
    visit(inner, body, isScope && name !== undefined ? [...path, name] : path, found)
  }
  const scope = SCOPES[kind]
  // Names in the options of a thing are seen from where it stands, not from within.
  const place = kind === 'message' || kind === 'enum' || kind === 'service' ? path.slice(0, -1) : path
  if (own.length > 0 && scope !== undefined) found.push({ scope, path: place, options: own })
}

/** A number is of one field, those of oneofs included. */
function validateNumbers(statements: readonly Statement[], path: readonly string[]): void {
  const numbers = new Set<number>()
  for (const { words } of statements.flatMap(fieldStatements)) {
    const equals = words.findIndex(({ text }) => text === '=' || text === '[')
    const number = words[equals + 1]
    if (equals < 2 || words[equals]?.text !== '=' || number?.kind !== 'number') continue
    const value = Number(/^0\d/.test(number.text) ? `0o${number.text.slice(1)}` : number.text)
    if (numbers.has(value)) throw new TextFault(number, `two fields of ${path.join('.')} have the number ${value}`)
    numbers.add(value)
  }
}

/** The statements of fields among those of a message: a type, a name, `=`. */
function fieldStatements(statement: Statement): readonly Statement[] {
  const { words, body } = statement
  if (words[0]?.text === 'oneof' && body !== null) return body.flatMap(fieldStatements)
  return words[0]?.text === 'option' ? [] : [statement]
}

/** Numbers or names, and of an enum's none twice: those of messages are held against its fields. */
function validateReserved({ words }: Statement): void {
  const items = words.slice(1).filter(({ text }) => text !== ',')
  const kinds = new Set(items.map(({ kind }) => (kind === 'text' ? 'text' : 'number')))
  if (kinds.size > 1) throw new TextFault(words[0], 'names and numbers are reserved in one statement')
}

function validateOption({ value, place }: SetOption): void {
  if (value.length === 0) throw new TextFault(place, 'an option has no value: NAME = VALUE')
}

/** `default` and `json_name` are no options of descriptor.proto's: protoc's parser reads them. */
function validateField({ words }: Statement, options: readonly SetOption[]): void {
  const isGroup = words.some(({ text }, i) => text === 'group' && words[i + 2]?.text === '=')
  for (const { name, value, place } of options) {
    const [first] = value
    if (name === 'json_name' && first?.kind !== 'text') throw new TextFault(place, 'a json_name is no text')
    if (name !== 'default') continue
    const type = words[words.findIndex(({ text }) => text === '=') - 2]
    if (first?.kind === 'text' && type?.text !== 'string' && type?.text !== 'bytes')
      throw new TextFault(place, `a default of ${type?.text} is a text`)
    if (isGroup || first?.text === '{}') throw new TextFault(place, 'a default is of a message, which has none')
    const number = value.map(({ text }) => text).join('')
    if (/^(float|double)$/.test(type?.text ?? '') && !/^-?(\.?\d|inf$|nan$)/.test(number))
      throw new TextFault(place, `a default of a ${type?.text} is ${number}, no number, inf or nan`)
    if (type?.text === 'bool' && first?.text !== 'true' && first?.text !== 'false')
      throw new TextFault(place, `a default of a bool is ${first?.text}, neither true nor false`)
  }
}

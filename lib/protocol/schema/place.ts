// Where the things of a schema stand: in which file and line, and under which name.

import protobuf from 'protobufjs'

/** protobufjs's own door to the file system: closed in a browser, where schemas come as modules. */
export const files = protobuf.util.fs as {
  existsSync(path: string): boolean
  readFileSync(path: string, encoding: 'utf8'): string
  createReadStream(path: string): AsyncIterable<Uint8Array>
  statSync(path: string): { isFile(): boolean; isFIFO(): boolean }
  realpathSync(path: string): string
} | null

/** Comments become spaces, so that lines keep their numbers. */
export const withoutComments = (text: string): string =>
  text.replace(/("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (match, text?: string) =>
    text === undefined ? match.replace(/[^\n]/g, ' ') : match,
  )

/** A root that has kept the texts that were read, by their paths: a pipe cannot be read again. */
interface Texts {
  readonly texts?: ReadonlyMap<string, string>
}

/** The text of a .proto; empty where it is not known. */
export function textOf(root: object | null, filename: string): string {
  const kept = (root as Texts | null)?.texts?.get(filename)
  if (kept !== undefined) return kept
  return files?.existsSync(filename) && files.statSync(filename).isFile() ? files.readFileSync(filename, 'utf8') : ''
}

/** `file:line:column: ` of the first place that has the word, as far as they are known. */
export function placeOf(root: object | null, filename: string | null | undefined, word: string): string {
  if (!filename) return ''
  const text = withoutComments(textOf(root, filename))
  const at = new RegExp(`(?<![\\w.])${word.replace(/[^\w\s]/g, '\\$&')}(?!\\w)`).exec(text)?.index ?? text.indexOf(word)
  return at < 0 ? `${filename}: ` : placeAt(filename, text, at)
}

/** `file:line:column: ` of what a parser says of a text: the line may be known, the column where one token alone can be meant. */
export function placeIn(filename: string, source: string, line: string | undefined, problem: string): string {
  const text = withoutComments(source)
  if (line === undefined) {
    const places = [...text.matchAll(declared(problem))]
    const isTwice = problem.startsWith('duplicate')
    return places.length === (isTwice ? 2 : 1) ? placeAt(filename, text, places.at(-1)?.index ?? 0) : `${filename}: `
  }
  const [, token] = /^illegal (?:\w+ )*'(.+?)'/.exec(problem) ?? []
  const parts = token === undefined ? [] : (text.split('\n')[Number(line) - 1] ?? '').split(token)
  return `${filename}:${line}${parts.length === 2 ? `:${(parts[0] as string).length + 1}` : ''}: `
}

/** What a problem without a line is of: a number or a name of a field. */
function declared(problem: string): RegExp {
  const [, number] = /^id (\d+) is reserved/.exec(problem) ?? []
  if (number !== undefined) return new RegExp(`(?<==\\s*)${number}(?=\\s*[;[{])`, 'g')
  const [, name = ''] = /^(?:duplicate )?name '(\w+)'/.exec(problem) ?? []
  return new RegExp(name === '' ? '$^' : `(?<!\\w)${name}(?=\\s*[={])`, 'g')
}

function placeAt(filename: string, text: string, at: number): string {
  const before = text.slice(0, at).split('\n')
  return `${filename}:${before.length}:${(before.at(-1) as string).length + 1}: `
}

/** A fault whose text says where it is. */
export class Located extends Error {}

/** @throws {Error} with the file and the line of the first `word` in it, as far as they are known. */
export function fault(object: protobuf.ReflectionObject, word: string, problem: string): never {
  let file: string | null = null
  for (let each: protobuf.ReflectionObject | null = object; each !== null && !file; each = each.parent)
    file = each.filename
  throw new Error(`${placeOf(object.root, file, word)}${problem}`)
}

/** The syntax or edition of the file that an object is of. */
export function editionOf(object: protobuf.ReflectionObject): string {
  for (let each: protobuf.ReflectionObject | null = object; each !== null; each = each.parent) {
    const { _edition: edition } = each as unknown as { _edition?: string | null }
    if (edition) return edition
  }
  return 'proto2'
}

/** A field's name as the .proto has it. */
export const nameOf = (field: protobuf.FieldBase): string => (field as { protoName?: string }).protoName ?? field.name

/** The same in full, without a dot in front. */
export const fullNameOf = (field: protobuf.Field): string =>
  `${field.fullName.slice(1, -field.name.length)}${nameOf(field)}`

/** A field, for faults. */
export const shown = (field: protobuf.FieldBase): string =>
  `the field ${nameOf(field)} of ${field.parent?.fullName.slice(1)}`

/** What protobufjs says in words of its own insides. */
export const inProtosWords = (message: string): string =>
  message
    .replace(/^unresolvable extensions: 'extend (\S+)' in .*/s, 'extend $1: there is no message of that name')
    .replace(/^duplicate id (\d+) in Type (\S+)/, 'two fields of $2 have the number $1')

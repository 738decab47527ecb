// Where the things of a schema stand: in which file and line, and under which name.

import protobuf from 'protobufjs'

/** protobufjs's own door to the file system: closed in a browser, where schemas come as modules. */
export const files = protobuf.util.fs as {
  existsSync(path: string): boolean
  readFileSync(path: string, encoding: 'utf8'): string
  realpathSync(path: string): string
} | null

/** Comments become spaces, so that lines keep their numbers. */
export const withoutComments = (text: string): string =>
  text.replace(/("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (match, text?: string) =>
    text === undefined ? match.replace(/[^\n]/g, ' ') : match,
  )

/** `file:line: ` of the first line that has the word, as far as they are known. */
export function placeOf(filename: string | null | undefined, word: string): string {
  if (!filename) return ''
  const text = files?.existsSync(filename) ? withoutComments(files.readFileSync(filename, 'utf8')) : ''
  const line = text.split('\n').findIndex((each) => each.includes(word))
  return line < 0 ? `${filename}: ` : `${filename}:${line + 1}: `
}

/** A fault whose text says where it is. */
export class Located extends Error {}

/** @throws {Error} with the file and the line of the first `word` in it, as far as they are known. */
export function fault(object: protobuf.ReflectionObject, word: string, problem: string): never {
  let file: string | null = null
  for (let each: protobuf.ReflectionObject | null = object; each !== null && !file; each = each.parent)
    file = each.filename
  throw new Error(`${placeOf(file, word)}${problem}`)
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

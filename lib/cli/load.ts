import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import protobuf from 'protobufjs'

// The one file of the command that names protobufjs.
export const { Enum, Field, MapField, Namespace, Root, Service, Type } = protobuf
export type Enum = protobuf.Enum
export type Field = protobuf.Field
export type MapField = protobuf.MapField
export type Namespace = protobuf.Namespace
export type OneOf = protobuf.OneOf
export type ReflectionObject = protobuf.ReflectionObject
export type Root = protobuf.Root
export type Type = protobuf.Type

/** A fault in a .proto: its message begins with the file and, where it is known, the line. */
export class SchemaError extends Error {}

/**
 * Reads .proto files and all that they import.
 *
 * @returns the resolved root, with comments, and the files as the `filename` of the objects that they declare.
 * @throws {SchemaError}
 */
export function load(
  files: readonly string[],
  { includeDirs = [], keepCase = false }: { includeDirs?: readonly string[]; keepCase?: boolean } = {},
): { root: Root; files: string[] } {
  const root = new protobuf.Root()
  const shown = (file: string) => relative('', file) || file
  const copies = join(dirname(require.resolve('protobufjs/package.json')), 'google/protobuf')
  const own = resolve(__dirname, '../../schemas')
  /** The place in `file` where `word` first stands. */
  const placeOf = (file: string, word: string) => {
    const line = readFileSync(file, 'utf8')
      .split('\n')
      .findIndex((text) => text.replace(/\/\/.*/, '').includes(word))
    return line < 0 ? shown(file) : `${shown(file)}:${line + 1}`
  }
  root.resolvePath = (origin, target) => {
    if (origin === '') return resolve(target)
    if (target.startsWith('google/protobuf/')) return join(copies, target.slice('google/protobuf/'.length))
    const found = [dirname(origin), ...includeDirs, own].map((dir) => resolve(dir, target)).find(existsSync)
    if (found !== undefined) return found
    throw new SchemaError(`${placeOf(origin, target)}: the import '${target}' is not found (see --include)`)
  }
  const parser = protobuf.parse as typeof protobuf.parse & { filename: string | null }
  try {
    root.loadSync([...files], { keepCase, alternateCommentMode: true })
    root.resolveAll()
  } catch (cause) {
    if (cause instanceof SchemaError) throw cause
    const { message, code, path } = cause as NodeJS.ErrnoException
    if (code !== undefined && path !== undefined) throw new SchemaError(`${shown(path)}: cannot be read (${code})`)
    const at = / \((?:.*, )?line (\d+)\)$/.exec(message)
    // protobufjs forgets the file when it refuses a token, but only then; the one it read last is the one at fault.
    const file = parser.filename ?? root.files.findLast((each) => existsSync(each))
    if (at && file !== undefined)
      throw new SchemaError(`${shown(file)}:${at[1]}: ${message.slice(0, at.index)}`, { cause })
    const missing = /^no such .* '(.*)' in /.exec(message)?.[1]
    const places =
      missing === undefined ? [] : files.map((each) => placeOf(each, missing)).filter((each) => /:\d+$/.test(each))
    throw new SchemaError(`${places[0] ?? shown(parser.filename ?? files[0] ?? '')}: ${message}`, { cause })
  } finally {
    parser.filename = null
  }
  return { root, files: files.map((file) => resolve(file)) }
}

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
  root.resolvePath = (origin, target) => {
    if (origin === '') return resolve(target)
    if (target.startsWith('google/protobuf/')) return join(copies, target.slice('google/protobuf/'.length))
    const found = [dirname(origin), ...includeDirs, own].map((dir) => resolve(dir, target)).find(existsSync)
    if (found !== undefined) return found
    const line = readFileSync(origin, 'utf8')
      .split('\n')
      .findIndex((text) => text.includes(target))
    throw new SchemaError(`${shown(origin)}:${line + 1}: the import '${target}' is not found (see --include).`)
  }
  try {
    root.loadSync([...files], { keepCase, alternateCommentMode: true })
    root.resolveAll()
  } catch (cause) {
    if (cause instanceof SchemaError) throw cause
    const { message, code, path } = cause as NodeJS.ErrnoException
    if (code !== undefined && path !== undefined) throw new SchemaError(`${shown(path)}: cannot be read (${code}).`)
    const where = /^(.*) \((?:(.*), )?line (\d+)\)$/s.exec(message)
    throw new SchemaError(where ? `${shown(where[2] ?? files[0] ?? '')}:${where[3]}: ${where[1]}` : message, { cause })
  }
  return { root, files: files.map((file) => resolve(file)) }
}

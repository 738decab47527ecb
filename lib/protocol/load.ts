import protobuf from 'protobufjs'
import { QbpError } from '../base/errors.ts'
import type { OptionNames } from '../base/options.ts'
import type { Description } from './description.ts'
import { describe, describeNamespace } from './reflect.ts'
import { files, placeOf, SchemaRoot } from './schema-root.ts'

/** How .proto files are found and read. */
export interface LoadOptions {
  /** Folders in which imports are looked up, after the importing file's own. Default: the current folder. */
  includeDirs?: readonly string[] | undefined
  /** Leave field names as the .proto has them. Default: camelCase. */
  keepCase?: boolean | undefined
}

export const LOAD_OPTIONS: OptionNames<LoadOptions> = { includeDirs: true, keepCase: true }

const OPTIONS = 'qbp/options.proto'
const DESCRIPTOR = 'google/protobuf/descriptor.proto'

// One file has one name, however it is imported: protobufjs would load `./a.proto` beside `a.proto`.
const { normalize } = protobuf.util.path

/** protobufjs's own copy of descriptor.proto, which it does not find by itself. */
async function descriptor(): Promise<string> {
  const { default: namespace } = (await import('protobufjs/ext/descriptor.js')) as unknown as {
    default: protobuf.Namespace
  }
  return JSON.stringify(namespace.root.toJSON())
}

/**
 * Loads .proto files with all that they import. `google/protobuf/*.proto` and `qbp/options.proto` need not be there.
 *
 * Schemas are code: load them when the program starts, never from a peer.
 *
 * @throws {QbpError} ERR_QBP_BAD_SCHEMA with the file and, where it is known, the line.
 */
export async function loadSchema(paths: string | readonly string[], options: LoadOptions = {}): Promise<protobuf.Root> {
  const { includeDirs = ['.'], keepCase = false } = options
  const list = typeof paths === 'string' ? [paths] : [...paths]
  const root = new SchemaRoot()
  const missing: string[] = []
  root.resolvePath = (origin, target) => {
    if (origin === '') return normalize(target)
    const candidates = [
      protobuf.util.path.resolve(origin, target),
      ...includeDirs.map((dir) => normalize(`${dir}/${target}`)),
    ]
    const found =
      candidates.find((path) => files?.existsSync(path)) ?? [DESCRIPTOR, OPTIONS].find((own) => target.endsWith(own))
    if (found !== undefined) return found
    const place = placeOf(origin, target)
    missing.push(`${place}the import '${target}' is not found, looked for at ${candidates.join(', ')}`)
    return null
  }
  const fetch = root.fetch
  root.fetch = (path, callback) => {
    if (path === OPTIONS)
      callback(null as unknown as Error, '{}') // The option is read whether or not it is defined.
    else if (path === DESCRIPTOR) descriptor().then((text) => callback(null as unknown as Error, text), callback)
    else fetch.call(root, path, callback)
  }
  const parser = protobuf.parse as typeof protobuf.parse & { filename: string | null }
  try {
    if (list.length === 0) throw new Error('No file was named')
    root.loading = true
    await root.load(list, { keepCase, alternateCommentMode: true })
    root.loading = false
    if (missing.length > 0) throw new Error(missing.join('; '))
    root.resolveAll()
    return root
  } catch (cause) {
    const { message, code, path } = cause as NodeJS.ErrnoException
    if (code !== undefined && path !== undefined) {
      throw new QbpError('ERR_QBP_BAD_SCHEMA', `${path}: cannot be read (${code}).`, { cause })
    }
    // protobufjs puts the line after its message, and forgets the file's name once it has named it.
    const [tail, file = parser.filename, line] = / \((?:(.*), )?line (\d+)\)$/.exec(message) ?? []
    const bare = /^\S+\.proto\b/.test(message) ? message : `${parser.filename ?? list.join(', ')}: ${message}`
    const text = tail === undefined ? bare : `${file ?? list.join(', ')}:${line}: ${message.slice(0, -tail.length)}`
    throw new QbpError('ERR_QBP_BAD_SCHEMA', `${text}.`, { cause })
  } finally {
    parser.filename = null
  }
}

/** The package of the first file loaded: where its first message, or the first package in it, stands. */
export function firstPackage(root: protobuf.Root, paths: string | readonly string[]): string {
  const first = normalize((typeof paths === 'string' ? paths : paths[0]) ?? '')
  const find = (namespace: protobuf.NamespaceBase): string | undefined => {
    for (const object of namespace.nestedArray) {
      if (object.filename === first) return namespace.fullName.slice(1)
      const found =
        object instanceof protobuf.Namespace && !(object instanceof protobuf.Type) ? find(object) : undefined
      if (found !== undefined) return found
    }
    return undefined
  }
  return find(root) ?? ''
}

/**
 * Describes the schema of files, or of what protobufjs has loaded, whose copy is resolved as protoc would.
 *
 * @throws {QbpError} ERR_QBP_BAD_SCHEMA
 */
export async function describeSource(
  source: string | readonly string[] | protobuf.NamespaceBase,
  options: LoadOptions = {},
): Promise<{ description: Description; package: string }> {
  if (typeof source === 'string' || Array.isArray(source)) {
    const root = await loadSchema(source, options)
    return { description: describe(root), package: firstPackage(root, source) }
  }
  return describeNamespace(source as protobuf.NamespaceBase)
}

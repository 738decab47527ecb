import protobuf from 'protobufjs'
import { QbpError } from '../../base/errors.ts'
import { listed } from '../../base/listed.ts'
import type { OptionNames } from '../../base/options.ts'
import type { Description } from '../description.ts'
import { withDescriptor } from './descriptor-proto.ts'
import { Loader } from './loader.ts'
import { inProtosWords, Located } from './place.ts'
import { describe, describeNamespace } from './reflect.ts'
import { SchemaRoot } from './schema-root.ts'

/** How .proto files are found and read. */
export interface LoadOptions {
  /**
   * Folders in which files and imports are looked up, in their order. Default: the current folder. After them come the
   * folders of the files that were named; an import is never looked for beside a file that was itself imported, as by protoc.
   */
  includeDirs?: readonly string[] | undefined
  /** Leave field names as the .proto has them. Default: camelCase. */
  keepCase?: boolean | undefined
}

export const LOAD_OPTIONS: OptionNames<LoadOptions> = { includeDirs: true, keepCase: true }

/**
 * Loads .proto files with all that they import. `google/protobuf/*.proto` and `qbp/options.proto` need not be there. A file
 * may also be a descriptor set, as `protoc -o all.binpb --include_imports` and `buf build -o all.binpb` write it.
 *
 * Schemas are code: load them when the program starts, never from a peer.
 *
 * @throws {QbpError} ERR_QBP_BAD_SCHEMA with the file and, where it is known, the line.
 */
export async function loadSchema(paths: string | readonly string[], options: LoadOptions = {}): Promise<protobuf.Root> {
  return (await load(paths, options)).root
}

/** `isBrief`: of descriptor.proto only what extensions need is in the root, where that is enough. */
async function load(
  paths: string | readonly string[],
  options: LoadOptions,
  isBrief = false,
): Promise<{ root: SchemaRoot; isBrief: boolean }> {
  const list = typeof paths === 'string' ? [paths] : paths
  const { includeDirs = ['.'], keepCase = false } = options
  if (!Array.isArray(includeDirs) || includeDirs.some((dir) => typeof dir !== 'string'))
    throw new QbpError('ERR_QBP_BAD_OPTION', 'includeDirs may be a list of folders.', { option: 'includeDirs' })
  if (list.length === 0) throw badSchema('No file was named')
  const loader = new Loader(includeDirs, keepCase)
  try {
    for (const path of list) await loader.name(path)
    isBrief = loader.finish(isBrief)
  } catch (cause) {
    throw badSchema(
      cause instanceof Located ? cause.message : placed((cause as Error).message, list, loader.root.files),
      cause,
    )
  }
  return { root: loader.root, isBrief }
}

/** The package of the first file loaded. */
export const firstPackage = (root: protobuf.Root): string => (root instanceof SchemaRoot ? root.mainPackage : '')

const badSchema = (problem: string, cause?: unknown): QbpError =>
  new QbpError('ERR_QBP_BAD_SCHEMA', `${problem}.`, cause === undefined ? {} : { cause })

/** The text of a fault that is of no one file, such as of types that were resolved after all were read. */
const placed = (message: string, list: readonly string[], files: readonly string[]): string =>
  files.some((path) => message.startsWith(`${path}:`))
    ? message
    : `${listed(list.map((path) => protobuf.util.path.normalize(path)))}: ${inProtosWords(message)}`

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
    const { root, isBrief } = await load(source as string | readonly string[], options, true)
    const described = describe(root)
    const description = isBrief ? withDescriptor(described, options.keepCase) : described
    const home = root.mainPackage
    const packages = [...new Set([...description.packages, home])] // One that declares nothing is a package, too.
    return { description: { ...description, packages }, package: home }
  }
  return describeNamespace(source as protobuf.NamespaceBase)
}

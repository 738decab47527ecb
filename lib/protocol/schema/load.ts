import protobuf from 'protobufjs'
import { QbpError } from '../../base/errors.ts'
import { listed } from '../../base/listed.ts'
import type { OptionNames } from '../../base/options.ts'
import type { Description } from '../description.ts'
import { BUNDLED } from './bundled.ts'
import { addOptionMessages, DESCRIPTOR, isDescriptorNamed, withDescriptor } from './descriptor-proto.ts'
import { addDescriptors, isDescriptorSet } from './descriptor-set.ts'
import { files, inProtosWords, Located, placeOf } from './place.ts'
import { describe, describeNamespace } from './reflect.ts'
import { isSameFile, SchemaFiles } from './schema-files.ts'
import { SchemaRoot } from './schema-root.ts'
import { protoText } from './text/proto-text.ts'
import { TextFault } from './text/statements.ts'
import { tokens } from './text/tokens.ts'
import { validateOptions } from './validate/options.ts'
import { type CheckedText, validateText } from './validate/text.ts'

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

const OPTIONS = 'qbp/options.proto'

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
    isBrief = loader.addDescriptor(isBrief)
    loader.root.loading = false
    loader.root.resolveAll()
    loader.validateOptions()
  } catch (cause) {
    throw badSchema(cause instanceof Located ? cause.message : placed((cause as Error).message, list), cause)
  }
  return { root: loader.root, isBrief }
}

/** The package of the first file loaded. */
export const firstPackage = (root: protobuf.Root): string => (root instanceof SchemaRoot ? root.mainPackage : '')

const badSchema = (problem: string, cause?: unknown): QbpError =>
  new QbpError('ERR_QBP_BAD_SCHEMA', `${problem}.`, cause === undefined ? {} : { cause })

/** The text of a fault that is of no one file, such as of types that were resolved after all were read. */
const placed = (message: string, list: readonly string[]): string =>
  /^\S.*?\.\w+(:\d+)?: /.test(message)
    ? message
    : `${listed(list.map((path) => protobuf.util.path.normalize(path)))}: ${inProtosWords(message)}`

/** What gzip has packed; all else as it is. */
async function unzipped(bytes: Uint8Array): Promise<Uint8Array> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes
  const unpacked = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream('gzip'))
  return new Uint8Array(await new Response(unpacked).arrayBuffer())
}

/** Runs a check of a file. @throws {Located} */
function at<T>(path: string, check: () => T): T {
  try {
    return check()
  } catch (fault) {
    throw fault instanceof TextFault ? new Located(`${path}:${fault.line}: ${fault.message}`) : fault
  }
}

class Loader {
  readonly root = new SchemaRoot()
  readonly #files: SchemaFiles
  readonly #keepCase: boolean
  /** What was read, by its place on the disk: a file is one, whatever path leads to it. */
  readonly #seen = new Set<string>()
  #isFirst = true
  /** The texts that were read, for what can only be judged once all are there. */
  readonly #texts: { readonly path: string; readonly package: string; readonly text: CheckedText }[] = []
  /** The files whose imports are being read, each imported by the one before. */
  readonly #open: string[] = []
  /** Whether descriptor.proto was imported, and is none of the caller's files. */
  #importsDescriptor = false

  constructor(includeDirs: readonly string[], keepCase: boolean) {
    this.#files = new SchemaFiles(includeDirs)
    this.#keepCase = keepCase
    this.root.loading = true
  }

  /** Reads a file that the caller named. */
  async name(name: string): Promise<void> {
    if (/[{;\n]/.test(name))
      throw new Located('This is the text of a schema; give the name of its file, or protobufjs.parse(text).root')
    await this.load(this.#files.named(name))
  }

  /** Reads a file, and what it imports. */
  async load(path: string): Promise<void> {
    if (this.#isSeen(path)) return
    let bytes: Uint8Array
    try {
      bytes = await unzipped(await this.#read(path))
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException
      throw new Located(`${path}: cannot be read (${code ?? message})`, { cause })
    }
    if (isDescriptorSet(path, bytes)) {
      let main: string
      try {
        main = await addDescriptors(this.root, path, bytes, this.#keepCase)
      } catch (cause) {
        throw new Located(`${path}: this is no descriptor set: ${(cause as Error).message}`, { cause })
      }
      this.#first(main)
      return
    }
    const text = new TextDecoder().decode(bytes)
    if (path.endsWith('.json')) this.root.addJSON(JSON.parse(text).nested ?? {})
    else await this.#parse(path, text)
  }

  #isSeen(path: string): boolean {
    const place = files?.existsSync(path) ? files.realpathSync(path) : path
    if (this.#seen.has(place)) return true
    this.#seen.add(place)
    this.root.files.push(path)
    return false
  }

  #read(path: string): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const fetch = this.root.fetch as unknown as (
        path: string,
        options: { binary: true },
        callback: (error: Error | null, bytes: Uint8Array) => void,
      ) => void
      fetch(path, { binary: true }, (error, bytes) => (error ? reject(error) : resolve(bytes)))
    })
  }

  #first(name: string): void {
    if (this.#isFirst) this.root.mainPackage = name
    this.#isFirst = false
  }

  async #parse(path: string, source: string): Promise<void> {
    const pieces = tokens(source)
    const { text, moved, groups } = protoText(source, pieces)
    let parsed: protobuf.IParserResult
    try {
      parsed = this.#parsed(path, text)
    } catch (cause) {
      // What is wrong with a statement is said better here, if it is seen here: the parser may fail of it much later.
      at(path, () => validateText(pieces))
      throw new Located(this.#described(path, source, (cause as Error).message), { cause })
    }
    const { package: name = '' } = parsed
    this.#texts.push({ path, package: name, text: at(path, () => validateText(pieces)) })
    this.#first(name)
    const full = (message: string) => `${name === '' ? '' : `${name}.`}${message}`
    for (const group of groups) (this.root.lookupType(full(group)) as { group?: boolean }).group = true
    for (const { message, oneof, field } of moved) {
      const type = this.root.lookupType(full(message))
      const member = type.fields[field]
      const group = type.oneofs?.[this.#keepCase ? oneof : protobuf.util.camelCase(oneof)]
      if (member !== undefined && group !== undefined) group.add(member)
    }
    await this.#importAll(path, parsed)
  }

  /** What protobufjs makes of a text, added to the root. */
  #parsed(path: string, text: string): protobuf.IParserResult {
    const parser = protobuf.parse as typeof protobuf.parse & { filename: string | null }
    try {
      parser.filename = path
      return protobuf.parse(text, this.root, { keepCase: this.#keepCase, alternateCommentMode: true })
    } finally {
      parser.filename = null
    }
  }

  async #importAll(path: string, { imports = [], weakImports = [] }: protobuf.IParserResult): Promise<void> {
    this.#open.push(path)
    for (const target of [...imports, ...weakImports]) await this.#import(path, target)
    this.#open.pop()
  }

  /** Once all files are there, and it is known whether they need descriptor.proto. @returns whether its option messages are enough */
  addDescriptor(isBrief: boolean): boolean {
    if (!this.#importsDescriptor) return false
    if (isBrief && !isDescriptorNamed(this.root)) {
      addOptionMessages(this.root)
      return true
    }
    this.#parsed(DESCRIPTOR, BUNDLED[DESCRIPTOR] as string)
    return false
  }

  /** Once all files are there. */
  validateOptions(): void {
    for (const { path, package: name, text } of this.#texts) at(path, () => validateOptions(this.root, name, text))
  }

  async #import(origin: string, target: string): Promise<void> {
    const own = protobuf.common.get(target)
    if (own !== null) {
      if (!this.#isSeen(target)) this.root.addJSON(own.nested as Record<string, protobuf.AnyNestedObject>)
      return
    }
    const found = this.#files.imported(target)
    const again = found === undefined ? -1 : this.#open.findIndex((path) => isSameFile(path, found))
    if (again >= 0) {
      const circle = [...this.#open.slice(again), target].join(' → ')
      throw new Located(`${placeOf(origin, target)}the file imports itself: ${circle}`)
    }
    if (found !== undefined) return this.load(found)
    if (target === OPTIONS || /(^|\/)\w+_features\.proto$/.test(target)) return // Options are read whether or not they are defined.
    const bundled = BUNDLED[target]
    if (bundled !== undefined) {
      // Not judged again: protoc has.
      if (this.#isSeen(target)) return
      if (target === DESCRIPTOR) this.#importsDescriptor = true
      else await this.#importAll(target, this.#parsed(target, bundled))
      return
    }
    return this.load(this.#files.unseen(origin, target))
  }

  /** What protobufjs says of a file, with the file and the line in front. */
  #described(path: string, source: string, message: string): string {
    const [tail = '', line] = / \((?:.*, )?line (\d+)\)$/.exec(message) ?? []
    const problem = inProtosWords(message.slice(0, message.length - tail.length))
    const [, name] = /^duplicate name '(\w+)'/.exec(message) ?? []
    const spellings = new Set(
      Array.from(source.matchAll(/\w+(?=\s*=)/g), ([each]) => each).filter(
        (each) => name !== undefined && protobuf.util.camelCase(each) === name,
      ),
    )
    const advice =
      spellings.size > 1 && !this.#keepCase
        ? `: ${[...spellings].join(' and ')} are one in camelCase; keepCase (--keep-case) leaves names as the .proto has them`
        : ''
    return `${path}${line === undefined ? '' : `:${line}`}: ${problem}${advice}`
  }
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
    const { root, isBrief } = await load(source as string | readonly string[], options, true)
    const described = describe(root)
    const description = isBrief ? withDescriptor(described, options.keepCase) : described
    const home = root.mainPackage
    const packages = [...new Set([...description.packages, home])] // One that declares nothing is a package, too.
    return { description: { ...description, packages }, package: home }
  }
  return describeNamespace(source as protobuf.NamespaceBase)
}

import protobuf from 'protobufjs'
import { BUNDLED } from './bundled.ts'
import { DESCRIPTOR } from './descriptor-proto.ts'
import { addDescriptors, isDescriptorSet } from './descriptor-set.ts'
import { files, Located, placeOf } from './place.ts'
import { readFile } from './read-file.ts'
import { isSameFile, SchemaFiles } from './schema-files.ts'
import { SchemaRoot } from './schema-root.ts'
import { type Imports, SchemaTexts } from './schema-texts.ts'

const OPTIONS = 'qbp/options.proto'

/** Reads the files of a schema into one root, each once, with all that they import. */
export class Loader {
  readonly root = new SchemaRoot()
  readonly #files: SchemaFiles
  readonly #texts: SchemaTexts
  readonly #keepCase: boolean
  /** What was read, by its place on the disk: a file is one, whatever path leads to it. */
  readonly #seen = new Set<string>()
  #isFirst = true
  /** The files whose imports are being read, each imported by the one before. */
  readonly #open: string[] = []
  /** Whether descriptor.proto was imported, and is none of the caller's files. */
  #importsDescriptor = false

  constructor(includeDirs: readonly string[], keepCase: boolean) {
    this.#files = new SchemaFiles(includeDirs)
    this.#keepCase = keepCase
    this.#texts = new SchemaTexts(this.root, keepCase)
    this.root.loading = true
  }

  /** Reads a file that the caller named. @throws {Located} */
  async name(name: string): Promise<void> {
    if (/[{;\n]/.test(name))
      throw new Located('This is the text of a schema; give the name of its file, or protobufjs.parse(text).root')
    await this.#load(this.#files.named(name))
  }

  /**
   * Resolves and judges what was read.
   *
   * @param isBrief whether of descriptor.proto the messages of options are enough, where nothing names the others.
   * @returns whether they were.
   */
  finish(isBrief: boolean): boolean {
    const wasBrief = this.#importsDescriptor && this.#texts.addDescriptor(isBrief)
    this.root.loading = false
    this.root.resolveAll()
    this.#texts.validateOptions()
    return wasBrief
  }

  /** Reads a file, and what it imports. */
  async #load(path: string): Promise<void> {
    if (this.#isSeen(path)) return
    const bytes = await readFile(path, this.root.fetch.bind(this.root) as never)
    if (isDescriptorSet(path, bytes)) {
      this.#first(await this.#descriptors(path, bytes))
      return
    }
    const text = new TextDecoder().decode(bytes)
    if (path.endsWith('.json')) {
      this.root.addJSON(JSON.parse(text).nested ?? {})
      return
    }
    const { package: name, imports } = this.#texts.parse(path, text)
    this.#first(name)
    await this.#importAll(path, imports)
  }

  async #descriptors(path: string, bytes: Uint8Array): Promise<string> {
    try {
      return await addDescriptors(this.root, path, bytes, this.#keepCase)
    } catch (cause) {
      throw new Located(`${path}: this is no descriptor set: ${(cause as Error).message}`, { cause })
    }
  }

  #isSeen(path: string): boolean {
    const place = files?.existsSync(path) ? files.realpathSync(path) : path
    if (this.#seen.has(place)) return true
    this.#seen.add(place)
    this.root.files.push(path)
    return false
  }

  #first(name: string): void {
    if (this.#isFirst) this.root.mainPackage = name
    this.#isFirst = false
  }

  async #importAll(path: string, imports: Imports): Promise<void> {
    this.#open.push(path)
    for (const target of imports) await this.#import(path, target)
    this.#open.pop()
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
      throw new Located(`${placeOf(this.root, origin, target)}the file imports itself: ${circle}`)
    }
    if (found !== undefined) return this.#load(found)
    if (target === OPTIONS || /(^|\/)\w+_features\.proto$/.test(target)) return // Options are read whether or not they are defined.
    if (BUNDLED[target] !== undefined) {
      if (this.#isSeen(target)) return
      if (target === DESCRIPTOR) this.#importsDescriptor = true
      else await this.#importAll(target, this.#texts.addBundled(target))
      return
    }
    return this.#load(this.#files.unseen(this.root, origin, target))
  }
}

import protobuf from 'protobufjs'
import { BUNDLED } from './bundled.ts'
import { addOptionMessages, DESCRIPTOR, isDescriptorNamed } from './descriptor-proto.ts'
import { inProtosWords, Located, placeIn } from './place.ts'
import type { SchemaRoot } from './schema-root.ts'
import { protoText } from './text/proto-text.ts'
import { TextFault } from './text/statements.ts'
import { tokens } from './text/tokens.ts'
import { validateOptions } from './validate/options.ts'
import { type CheckedText, validateText } from './validate/text.ts'

/** What a text imports, in its order. */
export type Imports = readonly string[]

/** The texts of a schema's files, parsed into its root and judged. */
export class SchemaTexts {
  readonly #root: SchemaRoot
  readonly #keepCase: boolean
  /** Those that were read, for what can only be judged once all are there. */
  readonly #texts: { readonly path: string; readonly package: string; readonly text: CheckedText }[] = []

  constructor(root: SchemaRoot, keepCase: boolean) {
    this.#root = root
    this.#keepCase = keepCase
  }

  /** Adds a text. @returns its package, and what it imports. @throws {Located} */
  parse(path: string, source: string): { package: string; imports: Imports } {
    this.#root.texts.set(path, source)
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
    const full = (message: string) => `${name === '' ? '' : `${name}.`}${message}`
    for (const group of groups) (this.#root.lookupType(full(group)) as { group?: boolean }).group = true
    for (const { message, oneof, field } of moved) {
      const type = this.#root.lookupType(full(message))
      const member = type.fields[field]
      const group = type.oneofs?.[this.#keepCase ? oneof : protobuf.util.camelCase(oneof)]
      if (member !== undefined && group !== undefined) group.add(member)
    }
    return { package: name, imports: importsOf(parsed) }
  }

  /** Adds a text that comes with the package. It is not judged again: protoc has. */
  addBundled(path: string): Imports {
    return importsOf(this.#parsed(path, BUNDLED[path] as string))
  }

  /** Adds descriptor.proto, once all files are there that may name it. @returns whether its option messages were enough. */
  addDescriptor(isBrief: boolean): boolean {
    if (isBrief && !isDescriptorNamed(this.#root)) {
      addOptionMessages(this.#root)
      return true
    }
    this.addBundled(DESCRIPTOR)
    return false
  }

  /** Once all files are there. @throws {Located} */
  validateOptions(): void {
    for (const { path, package: name, text } of this.#texts) at(path, () => validateOptions(this.#root, name, text))
  }

  /** What protobufjs makes of a text, added to the root. */
  #parsed(path: string, text: string): protobuf.IParserResult {
    const parser = protobuf.parse as typeof protobuf.parse & { filename: string | null }
    try {
      parser.filename = path
      return protobuf.parse(text, this.#root, { keepCase: this.#keepCase, alternateCommentMode: true })
    } finally {
      parser.filename = null
    }
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
    return `${placeIn(path, source, line, problem)}${problem}${advice}`
  }
}

/** Runs a check of a file. @throws {Located} */
function at<T>(path: string, check: () => T): T {
  try {
    return check()
  } catch (fault) {
    if (!(fault instanceof TextFault)) throw fault
    const { line, column } = fault.place
    throw new Located(`${path}:${line}:${column}: ${fault.message}`)
  }
}

const importsOf = ({ imports = [], weakImports = [] }: protobuf.IParserResult): Imports => [...imports, ...weakImports]

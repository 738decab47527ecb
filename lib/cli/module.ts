import type { Int64Kind } from '../index.ts'
import { Declarations, key, quote } from './declarations.ts'
import { Namespace, type Root, Type } from './load.ts'
import { Names, type Scope } from './names.ts'
import { select, selectionToJSON } from './selection.ts'

/** How a module is made of a schema. */
export interface ModuleOptions {
  /** The .proto files whose messages it is about, as the `filename` of the objects in the root. */
  readonly files: readonly string[]
  /** The names of messages are relative to it. */
  readonly packageName: string
  /** How 64-bit fields are read. Default 'bigint'. */
  readonly int64?: Int64Kind
  /** Where the module imports its types from. Default 'qbp-stream'. */
  readonly importFrom?: string
}

/** A module in both forms: one TypeScript file, or JavaScript with its declarations. */
export interface GeneratedModule {
  readonly ts: string
  readonly js: string
  readonly dts: string
  /** How many messages it knows. */
  readonly messages: number
}

const WIDTH = 120

/**
 * `value` as source text: JSON's values, and the numbers that JSON lacks (`default = inf` is one that a .proto may hold).
 * `column` is where the text begins, as far as its line break goes.
 */
function literal(value: unknown, column = 0): string {
  if (typeof value === 'string') return quote(value)
  // No names: an enum may be called Infinity.
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return Object.is(value, -0) ? '-0' : String(value)
    return Number.isNaN(value) ? '0 / 0' : `${Math.sign(value)} / 0`
  }
  if (typeof value !== 'object' || value === null) return String(value)
  const list = Array.isArray(value)
  const entries = list
    ? value.map((item): [string, unknown] => ['', item])
    : Object.entries(value)
        .filter(([, item]) => item !== undefined)
        .map(([name, item]): [string, unknown] => [name === '__proto__' ? `['__proto__']: ` : `${key(name)}: `, item])
  const [open, close] = list ? '[]' : '{}'
  if (entries.length === 0) return `${open}${close}`
  const items = entries.map(([name, item]) => name + literal(item, column + 2))
  const line = list ? `[${items.join(', ')}]` : `{ ${items.join(', ')} }`
  if (!line.includes('\n') && column + line.length < WIDTH - 20) return line
  const pad = ' '.repeat(column)
  return `${open}\n${items.map((item) => `${pad}  ${item},\n`).join('')}${pad}${close}`
}

/** Numbers of enums by name, and in objects those of what is nested, as the .proto nests them. */
type Constants = { [name: string]: number | Constants }

function constants(scope: Scope): Constants {
  const result: Constants = {}
  for (const inner of scope.inner) {
    const nested = constants(inner)
    if (Object.keys(nested).length > 0) result[inner.name] = nested
  }
  for (const { object, name } of scope.declared) {
    if (!(object instanceof Type)) result[name] = Object.fromEntries(Object.entries(object.values))
  }
  return result
}

/** The type of constants, each of its own number. */
function constantType(value: number | Constants, column = 0): string {
  if (typeof value === 'number') return literal(value)
  const pad = ' '.repeat(column)
  const items = Object.entries(value).map(
    ([name, item]) => `${pad}  readonly ${key(name)}: ${constantType(item, column + 2)}\n`,
  )
  return items.length > 0 ? `{\n${items.join('')}${pad}}` : '{}'
}

/** The names of messages in a Protocol: relative to the package, or in full outside it. */
function messageNames(types: Iterable<Type>, packageName: string): Map<Type, string> {
  const prefix = packageName === '' ? '.' : `.${packageName}.`
  const isInside = (type: Type) => type.fullName.startsWith(prefix)
  const all = [...types]
  const taken = new Set(all.filter(isInside).map((type) => type.fullName.slice(prefix.length)))
  const named = all.filter((type) => isInside(type) || !taken.has(type.fullName.slice(1)))
  return new Map(named.map((type) => [type, type.fullName.slice(isInside(type) ? prefix.length : 1)]))
}

/**
 * Makes a typed module of a resolved schema.
 *
 * It exports one constant, named after the package, that `Protocol.from` takes; the constants of the enums; and for each
 * message or enum `X` the types `X` (as it is read) and `XInit` (as it may be written).
 *
 * @throws {RangeError} if the schema has no such package, or the files declare nothing.
 */
export function generateModule(
  root: Root,
  { files, packageName, int64 = 'bigint', importFrom = 'qbp-stream' }: ModuleOptions,
): GeneratedModule {
  const home = packageName === '' ? root : root.lookup(packageName)
  if (!(home instanceof Namespace)) throw new RangeError(`the schema has no package '${packageName}'`)
  const selection = select(root, files)
  if (selection.types.size === 0) throw new RangeError('the schema declares no message')

  const names = new Names(root, selection, packageName)
  const messages = messageNames(selection.types, packageName)
  const declarations = new Declarations(names, int64, messages).scope(names.module, 'export ')
  const map = [...messages].map(([type, name]) => {
    const [read, write] = (['name', 'init'] as const).map((side) => names.tagged(type, side))
    return `  ${key(name)}: { read: ${read}; write: ${write} }\n`
  })
  declarations.push(
    `/** All messages, by the name that \`$name\` gives them. */\nexport type ${names.messages} = {\n${map.join('')}}\n`,
    ...[...names.aliases].map(([alias, target]) => `type ${alias} = ${target}\n`),
  )

  const schemaType = `${names.imported('Schema')}<${names.messages}>`
  const schema = literal({ package: packageName, int64, root: selectionToJSON(root, selection) })
  const enums = Object.entries(constants(names.module))
  const title = `// Made by \`qbp generate\`. Changes are lost when it runs again.\n`
  const about = `/** The schema${packageName === '' ? '' : ` of package ${packageName}`}, for \`Protocol.from\`. */\n`
  const imports = `import type ${names.imports} from ${quote(importFrom)}\n`
  const join = (parts: string[]) => parts.join('\n')
  return {
    ts: join([
      title,
      imports,
      `${about}export const ${names.schema}: ${schemaType} = ${schema}\n`,
      ...enums.map(([name, value]) => `export const ${name} = ${literal(value)} as const\n`),
      ...declarations,
    ]),
    js: join([
      title,
      `export const ${names.schema} = ${schema}\n`,
      ...enums.map(([name, value]) => `export const ${name} = ${literal(value)}\n`),
    ]),
    dts: join([
      title,
      imports,
      `${about}export declare const ${names.schema}: ${schemaType}\n`,
      ...enums.map(([name, value]) => `export declare const ${name}: ${constantType(value)}\n`),
      ...declarations,
      // Without it a declaration file exports all that it declares.
      'export {}\n',
    ]),
    messages: messages.size,
  }
}

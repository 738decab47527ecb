import type { ValueForms } from '../../codec/type.ts'
import { type Int64Kind, type PlainForms, plainForms, temporalForms } from '../../index.ts'
import type { Description } from '../../protocol/description.ts'
import { describe } from '../../protocol/schema/reflect.ts'
import { select } from '../options/selection.ts'
import { key, literal, literalType, quote } from '../options/source.ts'
import { codecText } from './codec-text.ts'
import { Declarations } from './declarations.ts'
import { constants } from './enums.ts'
import { Names } from './names.ts'
import { Namespace, type Root, type Type } from './reflection.ts'
import { serviceTexts } from './services.ts'
import { ValueTypes } from './value-types.ts'

/** How a module is made of a schema. */
export interface ModuleOptions {
  /** The .proto files whose messages it is about, as the `filename` of the objects in the root. */
  readonly files: readonly string[]
  /** The names of messages are relative to it. */
  readonly packageName: string
  /** How 64-bit fields are read. Default 'bigint'. */
  readonly int64?: Int64Kind
  /** How enums are read. Default 'numbers'. */
  readonly enums?: 'numbers' | 'names'
  /** How messages of Google's well-known types stand within others. Default 'messages'. */
  readonly wellKnown?: 'messages' | 'plain' | 'temporal'
  /** Where the module imports its types from. Default 'qbp-stream'. */
  readonly importFrom?: string
  /** What of a Protocol's options stands in it. */
  readonly protocol?: { readonly [option in 'header' | 'types' | 'message']?: unknown }
  /** The functions of its layouts, as `layoutsText` writes them. */
  readonly layouts?: string
  /** Whether the functions that read and write its messages stand in it. Default true. */
  readonly codec?: boolean
}

/** A module in both forms: one TypeScript file, or JavaScript with its declarations. */
export interface GeneratedModule {
  readonly ts: string
  readonly js: string
  readonly dts: string
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
 * It exports one constant, named after the package, that `Protocol.from` takes; the constants of the enums; for each
 * message or enum `X` the types `X` (as it is read) and `XInit` (as it may be written); and for each service `S` the
 * constant, with the types `SClient` and `SHandlers`.
 *
 * @throws {RangeError} if the schema has no such package, or the files declare nothing.
 */
export function generateModule(
  root: Root,
  {
    files,
    packageName,
    int64 = 'bigint',
    enums: enumValues = 'numbers',
    wellKnown = 'messages',
    importFrom = 'qbp-stream',
    protocol = {},
    layouts = '',
    codec = true,
  }: ModuleOptions,
): GeneratedModule {
  let home: Namespace = root
  for (const segment of packageName === '' ? [] : packageName.split('.')) {
    const inner = home.get(segment)
    if (!(inner instanceof Namespace)) throw new RangeError(`the schema has no package '${packageName}'`)
    home = inner
  }
  const selection = select(root, files)
  if (selection.types.size + selection.enums.size + selection.services.length === 0)
    throw new RangeError('the schema declares no message, no enum and no service')

  const names = new Names(root, selection, home)
  const messages = messageNames(selection.types, packageName)
  const description = describe(root, { has: (object) => isSelected(object, selection) })
  const forms: ValueForms = { int64, enums: enumValues, wellKnown: FORMS[wellKnown] }
  const bytes = /\/web$/.test(importFrom) ? 'Uint8Array' : 'Buffer'
  const values = new ValueTypes(names, { int64, bytes, plain: plainNames(description), wellKnown })
  const declarations = new Declarations(names, values, messages, enumValues).scope(names.module, 'export ')
  const map = [...messages].map(([type, name]) => {
    const [read, write] = (['name', 'init'] as const).map((side) => names.tagged(type, side))
    const options = Object.keys(type.options ?? {}).filter((option) => option.startsWith('('))
    const own = options.length > 0 ? options.map(quote).join(' | ') : 'never'
    return `  ${key(name)}: { read: ${read}; write: ${write}; options: ${own} }\n`
  })
  const services = serviceTexts(selection.services, names, values)
  declarations.push(
    ...services.flatMap((texts) => texts.declarations),
    `/** All messages, by their \`$name\`: as they are read, and as they may be written. */\nexport type ${names.messages} = {\n${map.join('')}}\n`,
    ...[...names.aliases].map(([alias, target]) => `type ${alias} = ${target}\n`),
  )

  const isOptioned = Object.keys(protocol).length > 0
  const schemaType = `${names.imported('Schema')}<${names.messages}${isOptioned ? `, ${literalType(protocol)}` : ''}>`
  const schema = schemaText(
    {
      package: packageName,
      int64,
      ...(enumValues === 'names' && { enumValues }),
      ...(isOptioned && { options: protocol }),
      ...description,
    },
    {
      ...(wellKnown !== 'messages' && { wellKnown: `$$${wellKnown}Forms` }),
      ...(codec && { codec: codecText(description, forms), layouts }),
    },
  )
  const enums = constants(names.module, enumValues)
  const title = `// Made by \`qbp generate\`. Changes are lost when it runs again.\n`
  // The functions of a codec are JavaScript; what the module exports is typed all the same.
  const unchecked = codec ? '// @ts-nocheck\n' : ''
  const long = int64 === 'long' ? "import $$Long from 'long'\n" : ''
  const plain =
    wellKnown === 'messages' ? '' : `import { ${wellKnown}Forms as $$${wellKnown}Forms } from ${quote(importFrom)}\n`
  const about = `/** The schema${packageName === '' ? '' : ` of package ${packageName}`}, for \`Protocol.from\`. */\n`
  const imports = `import type ${names.imports} from ${quote(importFrom)}\n`
  const join = (parts: string[]) => parts.join('\n')
  return {
    ts: join([
      `${unchecked}${title}`,
      `${long}${plain}${imports}`,
      `${about}export const ${names.schema}: ${schemaType} = ${schema}\n`,
      ...enums.map(({ comment, name, value }) => `${comment}export const ${name} = ${value} as const\n`),
      ...services.map(
        ({ constant: { comment, name, type, value } }) => `${comment}export const ${name}: ${type} = ${value}\n`,
      ),
      ...declarations,
    ]),
    js: join([
      title,
      ...(long + plain === '' ? [] : [long + plain]),
      `export const ${names.schema} = ${schema}\n`,
      ...[...enums, ...services.map(({ constant }) => constant)].map(
        ({ comment, name, value }) => `${comment}export const ${name} = ${value}\n`,
      ),
    ]),
    dts: join([
      title,
      imports,
      `${about}export declare const ${names.schema}: ${schemaType}\n`,
      ...[...enums, ...services.map(({ constant }) => constant)].map(
        ({ comment, name, type }) => `${comment}export declare const ${name}: ${type}\n`,
      ),
      ...declarations,
      // Without it a declaration file exports all that it declares.
      'export {}\n',
    ]),
  }
}

const FORMS = { messages: undefined, plain: plainForms, temporal: withoutRuntime(temporalForms) }

/** A module is made where there may be no Temporal: its types are what is asked for. */
function withoutRuntime(forms: PlainForms): PlainForms {
  return Object.assign((...[name, fields]: Parameters<PlainForms>) => plainForms(name, fields), { kind: forms.kind })
}

/** The messages that may stand as plain values, by their full names. */
const plainNames = ({ messages }: Description): Set<string> =>
  new Set(Object.keys(messages).filter((name) => plainForms(name, messages[name]?.fields ?? [])))

/** What of a schema a module describes: the messages and enums that its own reach, and the services of its files. */
function isSelected(object: unknown, { types, enums, services }: ReturnType<typeof select>): boolean {
  return types.has(object as never) || enums.has(object as never) || services.includes(object as never)
}

/** The schema as source: data, then the functions, and the class of 64-bit integers where the module needs one. */
function schemaText(
  data: Description & { package: string; int64: Int64Kind; enumValues?: 'names'; options?: object },
  functions: Readonly<Record<string, string>>,
): string {
  const text = literal(data)
    .replace(/\s*\}$/, '')
    .replace(/^\{\s*/, '')
    .replace(/,$/, '')
  const long = data.int64 === 'long' ? ',\n  long: $$Long' : ''
  const made = Object.entries(functions).map(([name, code]) => (code === '' ? '' : `,\n  ${name}: ${code}`))
  return `{\n  ${text}${long}${made.join('')},\n}`
}

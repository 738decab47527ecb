import { QbpError } from '../base/errors.ts'
import { knownOptions } from '../base/options.ts'
import { provideLong } from '../codec/int64.ts'
import type { CodecSupport, ValueForms } from '../codec/type.ts'
import type { HeaderLibrary, PlainLayout } from '../framing/plain-header.ts'
import type { Schema } from './description.ts'
import { PROTOCOL_OPTIONS, type ProtocolOptions } from './options.ts'
import { makeTypes, type Types } from './types.ts'

/** The Types of generated modules, by package. */
const shared = new WeakMap<Schema, Map<string, Types>>()

/**
 * The Types of a module. All Protocols of it share them: a module's functions learn in V8 what messages they meet, and with two sets of classes
 * they would meet two kinds of each.
 */
export function typesOf(schema: Schema, packageName: string, support: CodecSupport): Types {
  if (schema.long !== undefined) provideLong(schema.long)
  const byPackage = shared.get(schema) ?? new Map<string, Types>()
  shared.set(schema, byPackage)
  const types = byPackage.get(packageName) ?? makeTypes(schema, packageName, formsOf(schema), support, schema.codec)
  byPackage.set(packageName, types)
  return types
}

const formsOf = ({ int64, enumValues, wellKnown }: Schema): ValueForms => ({ int64, enums: enumValues, wellKnown })

/** Options, and the module's own where these say nothing else; of `types` and `message` a header takes one. */
export function withOwn<O extends { types?: unknown; message?: unknown }>(schema: Schema, options: O): O {
  const { types, message, ...own } = (schema.options ?? {}) as Partial<O>
  const isSaid = options.types !== undefined || options.message !== undefined
  const tables = isSaid ? {} : { ...(types !== undefined && { types }), ...(message !== undefined && { message }) }
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  return { ...own, ...tables, ...given } as O
}

/** The layouts that stand ready made in modules. */
const layouts = new WeakMap<Schema, readonly PlainLayout[]>()

/** A layout that stands ready made in a module, if it does. */
export function layoutOf(schema: Schema | undefined, text: string, library: HeaderLibrary): PlainLayout | undefined {
  if (schema?.layouts === undefined || typeof text !== 'string') return undefined
  const known = layouts.get(schema) ?? schema.layouts(library)
  layouts.set(schema, known)
  const words = text.trim().split(/\s+/).join(' ')
  return known.find((layout) => layout.text === words)
}

/** Checks what `Protocol.from` is given. @throws {QbpError} ERR_QBP_BAD_SCHEMA or ERR_QBP_BAD_OPTION. */
export function checkModule(schema: Schema, options: ProtocolOptions): void {
  knownOptions('Protocol.from', options, PROTOCOL_OPTIONS)
  checkSchema(schema)
  const { int64, enumValues: enums = 'numbers', wellKnown } = schema
  const own = { int64, enums, wellKnown: wellKnown?.kind ?? 'messages' } as const
  for (const option of Object.keys(own) as (keyof typeof own)[]) {
    const given = options[option] ?? own[option]
    if (given === own[option]) continue
    const again = `qbp generate --${option.replace('K', '-k')} ${given}`
    throw new QbpError(
      'ERR_QBP_BAD_OPTION',
      `${option} is '${given}', but the generated module has the types of '${own[option]}': make it again with ${again}.`,
      { option },
    )
  }
}

/** @throws {QbpError} ERR_QBP_BAD_SCHEMA for what no module of `qbp generate` exports. */
function checkSchema(schema: Schema): void {
  const { packages, messages, enums, services } = Object(schema) as Partial<Schema>
  if (Array.isArray(packages) && [messages, enums, services].every((part) => typeof part === 'object' && part !== null))
    return
  const isReflection = typeof Object(schema).toJSON === 'function'
  const found = isReflection ? 'a protobufjs namespace: await Protocol.load(it)' : 'none'
  throw new QbpError(
    'ERR_QBP_BAD_SCHEMA',
    `Protocol.from takes the schema that a module of 'qbp generate' exports, made by this version of it, and this is ${found}.`,
  )
}

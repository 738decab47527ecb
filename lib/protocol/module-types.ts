import { QbpError } from '../base/errors.ts'
import { provideLong } from '../codec/int64.ts'
import type { Schema } from './description.ts'
import { makeTypes, type Types } from './types.ts'

/** The Types of generated modules, by package. */
const shared = new WeakMap<Schema, Map<string, Types>>()

/**
 * The Types of a module. All Protocols of it share them: a module's functions learn in V8 what messages they meet, and with two sets of classes
 * they would meet two kinds of each.
 */
export function typesOf(schema: Schema, packageName: string): Types {
  if (schema.long !== undefined) provideLong(schema.long)
  const byPackage = shared.get(schema) ?? new Map<string, Types>()
  shared.set(schema, byPackage)
  const types = byPackage.get(packageName) ?? makeTypes(schema, packageName, schema.int64, schema.codec)
  byPackage.set(packageName, types)
  return types
}

/** Options, and the module's own where these say nothing else; of `types` and `message` a header takes one. */
export function withOwn<O extends { types?: unknown; message?: unknown }>(schema: Schema, options: O): O {
  const { types, message, ...own } = (schema.options ?? {}) as Partial<O>
  const isSaid = options.types !== undefined || options.message !== undefined
  const tables = isSaid ? {} : { ...(types !== undefined && { types }), ...(message !== undefined && { message }) }
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  return { ...own, ...tables, ...given } as O
}

/** @throws {QbpError} ERR_QBP_BAD_SCHEMA for what no module of `qbp generate` exports. */
export function checkSchema(schema: Schema): void {
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

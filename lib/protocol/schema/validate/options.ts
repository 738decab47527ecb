// Options, held against those that there are: descriptor.proto's, which stand without brackets, and extensions of it.

import protobuf from 'protobufjs'
import { KIND_VALUES, type Kind } from '../../../codec/kind-values.ts'
import { fullNameOf, nameOf } from '../place.ts'
import { type SetOption, TextFault, type Word } from '../text/statements.ts'
import { aggregateProblem } from './aggregate.ts'
import type { CheckedText, OptionScope } from './text.ts'

const TEXT = 'text'
const FLAG = 'flag'
type Value = typeof TEXT | typeof FLAG | readonly string[] | null

/** Of descriptor.proto: what each may be; null for what is not looked at. */
const KNOWN: Readonly<Record<OptionScope, Readonly<Record<string, Value>>>> = {
  File: {
    ...all(
      TEXT,
      'java_package java_outer_classname go_package objc_class_prefix csharp_namespace swift_prefix php_class_prefix',
    ),
    ...all(TEXT, 'php_namespace php_metadata_namespace ruby_package'),
    ...all(
      FLAG,
      'java_multiple_files java_generate_equals_and_hash java_string_check_utf8 cc_generic_services deprecated',
    ),
    ...all(FLAG, 'java_generic_services py_generic_services php_generic_services cc_enable_arenas'),
    optimize_for: ['SPEED', 'CODE_SIZE', 'LITE_RUNTIME'],
  },
  Message: all(
    FLAG,
    'message_set_wire_format no_standard_descriptor_accessor map_entry deprecated deprecated_legacy_json_field_conflicts',
  ),
  Field: {
    ...all(FLAG, 'packed lazy unverified_lazy deprecated weak debug_redact'),
    ...all(null, 'default json_name proto3_optional targets edition_defaults feature_support'),
    ctype: ['STRING', 'CORD', 'STRING_PIECE'],
    jstype: ['JS_NORMAL', 'JS_STRING', 'JS_NUMBER'],
    retention: ['RETENTION_UNKNOWN', 'RETENTION_RUNTIME', 'RETENTION_SOURCE'],
  },
  Oneof: {},
  Enum: all(FLAG, 'allow_alias deprecated deprecated_legacy_json_field_conflicts'),
  EnumValue: { ...all(FLAG, 'deprecated debug_redact'), feature_support: null },
  Service: all(FLAG, 'deprecated'),
  Method: {
    ...all(FLAG, 'deprecated'),
    idempotency_level: ['IDEMPOTENCY_UNKNOWN', 'NO_SIDE_EFFECTS', 'IDEMPOTENT'],
  },
  ExtensionRange: all(null, 'declaration verification'),
}

function all(value: Value, names: string): Record<string, Value> {
  return Object.fromEntries(names.split(' ').map((name) => [name, value]))
}

/** May be set more than once. */
const REPEATED = new Set(['targets', 'edition_defaults', 'declaration'])
/** Read whether or not their file is imported. */
const OWN = new Set(['(qbp.type)', '(qbp.client)', '(qbp.server)'])

/**
 * Holds the options of a file against those that there are.
 *
 * @param packageName the file's.
 * @throws {TextFault} of the first that is unknown, set twice, or no value.
 */
export function validateOptions(root: protobuf.Root, packageName: string, { options, syntax }: CheckedText): void {
  const extensions = extensionsOf(root)
  for (const { scope, path, options: set } of options) {
    const seen = new Set<string>()
    const scopes = [...(packageName === '' ? [] : packageName.split('.')), ...path]
    for (const option of set) {
      const { name, place } = option
      const custom = name.startsWith('(') ? customOf(option, scopes, extensions) : null
      if (custom === null) {
        if (!name.startsWith('(')) validateKnown(option, scope, syntax)
        else if (!OWN.has(name)) throw new TextFault(place, `the option ${name} is not defined, here or in an import`)
      } else validateCustom(option, scope, custom)
      const key = custom?.key ?? name
      const isSet = seen.has(key) || [...seen].some((other) => other.startsWith(`${key}.`))
      if (isSet && !REPEATED.has(name) && !custom?.field.repeated)
        throw new TextFault(place, `the option ${name} is set twice`)
      seen.add(key)
    }
  }
}

function validateKnown({ name, value, place }: SetOption, scope: OptionScope, syntax: string): void {
  if (/^features(\.|$)/.test(name) && /^\d+$/.test(syntax)) return
  const known = KNOWN[scope]
  if (!Object.hasOwn(known, name)) {
    if (/^\d+$/.test(syntax) && Number(syntax) > 2023) return // Later editions have more.
    throw new TextFault(place, `the option ${name} is unknown: one of one's own stands in brackets, (${name})`)
  }
  const allowed = known[name] as Value
  const [first] = value
  const text = value.map((word) => word.text).join('')
  const isRight =
    allowed === null ||
    (allowed === TEXT && first?.kind === 'text') ||
    (allowed === FLAG && /^(true|false)$/.test(text)) ||
    (Array.isArray(allowed) && allowed.includes(text))
  if (isRight) return
  const what = allowed === TEXT ? 'a text' : allowed === FLAG ? 'true or false' : (allowed as string[]).join(', ')
  throw new TextFault(place, `the option ${name} is ${text}; it may be ${what}`)
}

function validateCustom({ name, value, place }: SetOption, scope: OptionScope, { field, extension }: Custom): void {
  const extended = extension.extend?.replace(/^\.?(google\.protobuf\.)?/, '')
  if (extended !== `${scope}Options`)
    throw new TextFault(place, `the option ${name} is of ${extended}, not of ${scope}Options`)
  const problem = problemOf(field, value)
  if (problem !== null)
    throw new TextFault(place, `the option ${name} is ${value.map(({ text }) => text).join('')}; ${problem}`)
}

/** What a value lacks to be one of a field; null for nothing. */
function problemOf(field: protobuf.Field, value: readonly Word[], isText = false): string | null {
  const { resolvedType, type } = field
  const text = value.map((word) => word.text).join('')
  const [first] = value
  if (resolvedType instanceof protobuf.Type)
    return first?.inner === undefined
      ? `it may be a ${type}, in braces`
      : aggregateProblem(resolvedType, first.inner, (inner, words) => problemOf(inner, words, true))
  if (resolvedType instanceof protobuf.Enum)
    return Object.hasOwn(resolvedType.values, text) || (isText && integerOf(text) !== null)
      ? null
      : `it may be ${Object.keys(resolvedType.values).join(', ')}`
  const { family, unsigned } = KIND_VALUES[type as Kind] ?? {}
  switch (family) {
    case 'string':
    case 'bytes':
      return first?.kind === 'text' ? null : 'it may be a text'
    case 'bool':
      return (isText ? /^(true|false|True|False|t|f|[01])$/ : /^(true|false)$/).test(text)
        ? null
        : 'it may be true or false'
    case 'int32':
    case 'int64': {
      const bits = family === 'int32' ? 32n : 64n
      const [least, most] = unsigned ? [0n, 2n ** bits - 1n] : [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n]
      const number = integerOf(text)
      return number !== null && number >= least && number <= most ? null : `it may be an integer of ${least} to ${most}`
    }
    default:
      return /^-?(\.?\d|(inf|nan)f?$|infinityf?$)/i.test(text) ? null : 'it may be a number'
  }
}

function integerOf(text: string): bigint | null {
  const [, sign, digits = ''] = /^(-?)(0[xX][\da-fA-F]+|\d+)$/.exec(text) ?? []
  if (digits === '') return null
  const number = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits)
  return sign === '-' ? -number : number
}

type Extensions = ReadonlyMap<string, protobuf.Field>

/** The full name of an extension as the .proto has it; a group's is its message's in small letters. */
function optionName(extension: protobuf.Field): string {
  const fullName = fullNameOf(extension)
  if ((extension.resolvedType as { group?: boolean } | null)?.group !== true) return fullName
  const begin = fullName.lastIndexOf('.') + 1
  return fullName.slice(0, begin) + fullName.slice(begin).toLowerCase()
}

/** All extensions, by these names. */
function extensionsOf(root: protobuf.NamespaceBase, found = new Map<string, protobuf.Field>()): Extensions {
  for (const object of root.nestedArray) {
    if (object instanceof protobuf.Field) found.set(optionName(object.resolve()), object)
    else if (object instanceof protobuf.Namespace) extensionsOf(object, found)
  }
  return found
}

/** What an option is: an extension, or a field further in. */
interface Custom {
  readonly extension: protobuf.Field
  readonly field: protobuf.Field
  /** One for each, however it is named. */
  readonly key: string
}

/** What `(a.b).c` means, seen from a scope; null for nothing. @throws {TextFault} for a field of a list's message */
function customOf(
  { name: option, place }: SetOption,
  scopes: readonly string[],
  extensions: Extensions,
): Custom | null {
  const extension = extensionOf(option, scopes, extensions)
  if (extension === undefined) return null
  let [field, key] = [extension, fullNameOf(extension)]
  const [, rest = ''] = /^\([^)]*\)(.*)$/.exec(option) ?? []
  for (const [, inner, custom] of rest.matchAll(/\.(?:(\w+)|(\([^)]*\)))/g)) {
    if (field.repeated) throw new TextFault(place, `${option} is a field of a list, which is given in braces`)
    const type = field.resolvedType
    const next =
      custom !== undefined
        ? extensionOf(custom, scopes, extensions)
        : type instanceof protobuf.Type
          ? memberOf(type, inner as string)
          : undefined
    if (next === undefined) return null
    field = next
    key += `.${custom === undefined ? inner : fullNameOf(next)}`
  }
  return { extension, field, key }
}

function extensionOf(option: string, scopes: readonly string[], extensions: Extensions): protobuf.Field | undefined {
  const name = /^\(([^)]*)\)/.exec(option)?.[1] ?? ''
  if (name.startsWith('.')) return extensions.get(name.slice(1))
  const candidates = scopes.map((_, i) => [...scopes.slice(0, scopes.length - i), name].join('.'))
  return [...candidates, name].map((each) => extensions.get(each)).find((each) => each !== undefined)
}

/** By its name in the .proto; a group's is its message's in small letters. */
const memberOf = (type: protobuf.Type, name: string): protobuf.Field | undefined =>
  type.fieldsArray
    .find((field) => {
      const protoName = nameOf(field)
      return (
        protoName === name || (protoName.toLowerCase() === name && field.type.split('.').at(-1)?.toLowerCase() === name)
      )
    })
    ?.resolve()

// What protobufjs gets wrong about a schema before it resolves it: which type a name means, and defaults of 64 bits.

import protobuf from 'protobufjs'
import { nameOf, placeOf, shown, textOf, withoutComments } from './place.ts'
import { validateUnresolved } from './validate/field.ts'
import { validate } from './validate/schema.ts'

/** A schema that resolves as protoc would. */
export class SchemaRoot extends protobuf.Root {
  /** Not before all files are there: protobufjs resolves from a callback, where its error would reach no caller. */
  loading = false
  /** The package of the first file loaded. */
  mainPackage = ''
  /** What was read, by path. */
  readonly texts = new Map<string, string>()
  /** The same without comments, where it was asked for. */
  readonly #bare = new Map<string, string>()

  override resolveAll(): this {
    if (this.loading) return this
    for (const field of fieldsOf(this)) {
      qualify(field)
      restoreDefault(field, (origin) => this.#textOf(origin))
      validateUnresolved(field)
    }
    for (const service of servicesOf(this)) service.methodsArray.forEach(qualifyMethod)
    this.#refuseDeferred()
    super.resolveAll()
    validate(this)
    return this
  }

  /** Extensions of what is not there. */
  #refuseDeferred(): void {
    const [field] = (this as unknown as { deferred?: readonly protobuf.Field[] }).deferred ?? []
    if (field === undefined) return
    const place = placeOf(this, field.filename, `extend ${field.extend}`)
    throw new Error(`${place}extend ${field.extend}: there is no message of that name`)
  }

  /** The text of the .proto that declares a field, comments left out; of all files where protobufjs has not kept which. */
  #textOf({ filename }: protobuf.ReflectionObject): string {
    const names = filename ? [filename] : this.files
    const text = (name: string) => this.#bare.get(name) ?? this.#withoutComments(name)
    return names.map(text).join('\n')
  }

  #withoutComments(name: string): string {
    const text = withoutComments(textOf(this, name))
    this.#bare.set(name, text)
    return text
  }
}

/** All fields of a namespace: of its messages, extensions too. */
function* fieldsOf(namespace: protobuf.NamespaceBase): Generator<protobuf.Field> {
  if (namespace instanceof protobuf.Type) yield* namespace.fieldsArray
  for (const object of namespace.nestedArray) {
    if (object instanceof protobuf.Field) yield object
    else if (object instanceof protobuf.Namespace) yield* fieldsOf(object)
  }
}

/** All services of a namespace. */
function* servicesOf(namespace: protobuf.NamespaceBase): Generator<protobuf.Service> {
  for (const object of namespace.nestedArray) {
    if (object instanceof protobuf.Service) yield object
    else if (object instanceof protobuf.Namespace) yield* servicesOf(object)
  }
}

/**
 * Replaces the name of a field's type by the full one: protoc looks for it from the inside out, and the first part of the
 * name decides; protobufjs would first look into everything further inside.
 */
function qualify(field: protobuf.Field): void {
  if (field.type in protobuf.types.basic) return
  const start = field.declaringField?.parent ?? field.parent
  const isFull = field.type.startsWith('.')
  const found = isFull ? find(field.type.slice(1), start?.root ?? null) : find(field.type, start)
  if (found !== undefined) field.type = found
  // What comes of no .proto, but of protobufjs, has its own, wider rule.
  else if (field.filename || !start?.lookup(field.type, [protobuf.Type, protobuf.Enum]))
    throw new Error(
      `${placeOf(field.root, field.filename, field.type)}there is no type '${field.type}', which ${shown(field)} is of`,
    )
}

/** The same for the two types of a method. */
function qualifyMethod(method: protobuf.Method): void {
  for (const side of ['requestType', 'responseType'] as const) {
    const name = method[side]
    if (name.startsWith('.')) continue
    // The innermost thing of that name counts, though it be a method.
    const isMethod = method.parent instanceof protobuf.Service && Object.hasOwn(method.parent.methods, name)
    const found = isMethod ? undefined : find(name, method.parent)
    if (found === undefined) {
      const owner = `${method.parent?.fullName.slice(1)}/${method.name}`
      throw new Error(
        `${placeOf(method.root, method.filename, name)}there is no type '${name}', which the method ${owner} has`,
      )
    }
    method[side] = found
  }
}

/** The full name of the type that a name means inside `start`. */
function find(name: string, start: protobuf.NamespaceBase | null): string | undefined {
  const path = name.split('.')
  for (let scope = start; scope !== null; scope = scope.parent) {
    let found: protobuf.ReflectionObject | undefined = member(scope, path[0] as string)
    if (path.length === 1 ? !isType(found) : !(found instanceof protobuf.Namespace)) continue
    const isMessage = path.length > 1 && found instanceof protobuf.Type
    for (const part of path.slice(1)) found = found instanceof protobuf.Namespace ? member(found, part) : undefined
    if (isType(found)) return found.fullName
    if (isMessage) return undefined // The innermost that has the first name counts.
  }
  return undefined
}

const isType = (object: protobuf.ReflectionObject | undefined): object is protobuf.Type | protobuf.Enum =>
  object instanceof protobuf.Type || object instanceof protobuf.Enum

function member(scope: protobuf.NamespaceBase, name: string): protobuf.ReflectionObject | undefined {
  const { nested } = scope
  return nested && Object.hasOwn(nested, name) ? nested[name] : undefined
}

/** Sets a default that is no safe integer to its digits in the .proto: protobufjs's parser has made a number of them. */
function restoreDefault(field: protobuf.Field, textOf: (origin: protobuf.FieldBase) => string): void {
  const value: unknown = field.options?.default
  if (typeof value !== 'number' || Number.isSafeInteger(value) || !field.type.endsWith('64')) return
  const origin = field.declaringField ?? field
  const protoName = nameOf(origin)
  const declaration = new RegExp(`\\b${origin.type}\\s+${protoName}\\s*=\\s*${origin.id}\\s*\\[([^\\]]*)\\]`, 'g')
  const defaults = [...textOf(origin).matchAll(declaration)].map(
    ([, options]) => /\bdefault\s*=\s*(-?)\s*(0[xX][\da-fA-F]+|\d+)/.exec(options ?? '') ?? [],
  )
  const found = new Set(defaults.map(([, sign, digits]) => (digits === undefined ? '' : `${sign}${integer(digits)}`)))
  const [text] = found
  if (found.size !== 1 || !text) {
    throw new Error(
      `${placeOf(origin.root, origin.filename, protoName)}the default of ${shown(field)} is beyond 2**53 - 1, and the schema has lost its digits`,
    )
  }
  field.setOption('default', text)
}

/** Digits as a .proto has them: 0x… is hexadecimal, 0… octal. */
const integer = (digits: string): bigint => BigInt(/^0\d/.test(digits) ? `0o${digits.slice(1)}` : digits)

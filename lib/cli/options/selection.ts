import { Enum, Field, Namespace, type ReflectionObject, type Root, Service, Type } from '../generate/reflection.ts'

/** What a generated module holds of a schema. */
export interface Selection {
  readonly types: ReadonlySet<Type>
  readonly enums: ReadonlySet<Enum>
  /** Extensions as they are declared, each beside or inside the `extend` that names its message. */
  readonly extensions: ReadonlySet<Field>
}

/** Field numbers that a message may leave to extensions: all. */
const ANY_NUMBER = [1, 536870911]

/** The messages of descriptor.proto that options extend. */
const OPTIONS = /^\.google\.protobuf\.\w+Options$/

/** Everything below `namespace`, in the order of the files. */
function* everything(namespace: Namespace): Generator<ReflectionObject> {
  for (const object of namespace.nestedArray) {
    yield object
    if (object instanceof Namespace) yield* everything(object)
  }
}

/** The message that an extension adds its field to. */
const extended = (extension: Field): Type | undefined =>
  (extension.extensionField?.parent as Type | null | undefined) ?? undefined

/**
 * What the messages and enums declared in `files` reach.
 *
 * A chosen message brings along the types of its fields, what extends it, and the message that it is nested in: only there
 * it has its edition and its name. descriptor.proto comes along where a field needs it, not for the sake of options. Of the
 * declarations of options those remain whose values are no scalars: an enum-valued option stands in the schema by name, and
 * only the enum knows its number.
 */
export function select(root: Root, files: readonly string[]): Selection {
  const types = new Set<Type>()
  const enums = new Set<Enum>()
  const extensions = new Set<Field>()
  const all = [...everything(root)]
  const declarations = all.filter(
    (object): object is Field => object instanceof Field && extended(object) !== undefined,
  )
  const options = new Set<string>()

  const add = (object: ReflectionObject | null): void => {
    if (object instanceof Enum) {
      enums.add(object)
      for (const values of Object.values(object.valuesOptions ?? {})) note(values)
    } else if (!(object instanceof Type) || types.has(object)) return
    else {
      types.add(object)
      for (const oneof of object.oneofsArray) note(oneof.options)
      for (const field of object.fieldsArray) {
        note(field.options)
        add(field.resolve().resolvedType)
      }
      for (const extension of declarations) if (extended(extension) === object) addExtension(extension)
    }
    note(object.options)
    add(object.parent)
  }
  const addExtension = (extension: Field): void => {
    extensions.add(extension)
    note(extension.options)
    add(extension.resolve().resolvedType)
    add(extension.parent)
  }
  const note = (values: object | undefined): void => {
    for (const key of Object.keys(values ?? {})) {
      const name = /^\(\.?([^)]+)\)/.exec(key)?.[1]
      if (name !== undefined) options.add(name)
    }
  }

  const given = new Set(files)
  for (const object of all) {
    if (object instanceof Namespace && !(object instanceof Type)) note(object.options)
    if (object.filename === null || !given.has(object.filename)) continue
    if (!(object instanceof Field)) add(object)
    else if (!OPTIONS.test(extended(object)?.fullName ?? '')) add(extended(object) ?? null)
  }
  for (const extension of declarations) {
    if (extensions.has(extension) || extension.resolve().resolvedType === null) continue
    const name = `${extension.parent?.fullName}.${extension.protoName ?? extension.name}`
    if ([...options].some((option) => name.endsWith(`.${option}`))) addExtension(extension)
  }
  // In the order of the files, whatever led to them.
  return {
    types: new Set(all.filter((object): object is Type => types.has(object as Type))),
    enums: new Set(all.filter((object): object is Enum => enums.has(object as Enum))),
    extensions,
  }
}

/** A schema or a part of it in protobufjs's JSON form. */
type Json = Record<string, unknown> & { nested?: Record<string, Json> }

/**
 * The selection in protobufjs's JSON form, for `Root.fromJSON`.
 *
 * Types are named in full there: what was left out cannot change what a relative name means.
 */
export function selectionToJSON(root: Root, { types, enums, extensions }: Selection): Json {
  const fieldJson = (field: Field): Json => {
    const json = field.toJSON() as unknown as Json
    if (field.resolvedType !== null) json.type = field.resolvedType.fullName
    if (field.extend !== undefined) json.extend = extended(field)?.fullName
    return json
  }
  const objectJson = (object: ReflectionObject): Json | null => {
    if (object instanceof Enum) return enums.has(object) ? (object.toJSON() as unknown as Json) : null
    if (object instanceof Field) return extensions.has(object) ? fieldJson(object) : null
    if (object instanceof Service || !(object instanceof Namespace)) return null
    if (object instanceof Type) {
      if (!types.has(object)) return null
      const { nested: _, ...json } = object.toJSON() as unknown as Json
      const fields = object.fieldsArray.filter((field) => field.declaringField === null)
      json.fields = Object.fromEntries(fields.map((field) => [field.name, fieldJson(field)]))
      return { ...json, ...nestedJson(object) }
    }
    const { nested } = nestedJson(object)
    if (nested === undefined) return null
    return { ...(object.options && { options: object.options }), nested }
  }
  const nestedJson = (namespace: Namespace): { nested?: Record<string, Json> } => {
    const entries = namespace.nestedArray.map((object) => [object.name, objectJson(object)] as const)
    const kept = entries.filter((entry): entry is [string, Json] => entry[1] !== null)
    return kept.length > 0 ? { nested: Object.fromEntries(kept) } : {}
  }

  const json: Json = { ...(root.options && { options: root.options }), ...nestedJson(root) }
  // protobufjs refuses an extension of nothing, so the extended message of an option stands there without its fields.
  for (const extension of extensions) {
    const type = extended(extension) as Type
    if (types.has(type)) continue
    let scope = json
    for (const name of type.fullName.slice(1).split('.')) {
      scope.nested ??= {}
      scope.nested[name] ??= {}
      scope = scope.nested[name]
    }
    Object.assign(scope, { edition: 'proto2', fields: {}, extensions: [ANY_NUMBER] })
  }
  return json
}

import {
  Enum,
  Field,
  type Method,
  Namespace,
  type ReflectionObject,
  type Root,
  Service,
  Type,
} from '../generate/reflection.ts'

/** What a generated module holds of a schema. */
export interface Selection {
  readonly types: ReadonlySet<Type>
  readonly enums: ReadonlySet<Enum>
  /** Those of the files. */
  readonly services: readonly Service[]
  /** Extensions as they are declared, each beside or inside the `extend` that names its message. */
  readonly extensions: ReadonlySet<Field>
}

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
 * What the messages, enums and services declared in `files` reach.
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
  const services: Service[] = []
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
    if (object instanceof Service) {
      services.push(object)
      for (const { resolvedRequestType, resolvedResponseType } of object.methodsArray.map(
        (each) => each.resolve() as Method,
      )) {
        add(resolvedRequestType)
        add(resolvedResponseType)
      }
    } else if (!(object instanceof Field)) add(object)
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
    services,
    extensions,
  }
}

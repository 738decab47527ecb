import { reflection } from '../../protocol/schema/reflect.ts'

// What the command knows of protobufjs: the classes that a loaded schema is made of.
export const { Enum, Field, MapField, Namespace, Service, Type } = reflection
export type Enum = reflection.Enum
export type Field = reflection.Field
export type MapField = reflection.MapField
export type Method = reflection.Method
export type Namespace = reflection.Namespace
export type OneOf = reflection.OneOf
export type ReflectionObject = reflection.ReflectionObject
export type Root = reflection.Root
export type Service = reflection.Service
export type Type = reflection.Type

/** The name that a file has in the schema, as the `filename` of the objects that it declares. */
export const fileName = (path: string): string => reflection.util.path.normalize(path)

/**
 * The features of an edition as they hold for an object, however they came to: by its own option, by its file's, or by what proto2 and
 * proto3 are. protobufjs resolves them, but its types keep them to itself.
 */
export const featuresOf = (object: reflection.ReflectionObject): Features =>
  (object as unknown as { _features: Features })._features

interface Features {
  readonly enum_type?: string
  readonly field_presence?: string
  readonly utf8_validation?: string
}

/** The package of the first message, enum or service that these files declare, by the `filename` of the objects; undefined where they declare none. */
export function packageOf(root: reflection.Root, files: readonly string[]): string | undefined {
  const within = (namespace: reflection.NamespaceBase): string | undefined => {
    for (const object of namespace.nestedArray) {
      const isDeclared = object instanceof Type || object instanceof Enum || object instanceof Service
      if (isDeclared && object.filename !== null && files.includes(object.filename)) return namespace.fullName.slice(1)
      const inner = isDeclared || !(object instanceof Namespace) ? undefined : within(object)
      if (inner !== undefined) return inner
    }
    return undefined
  }
  return within(root)
}

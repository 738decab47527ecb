import { reflection } from '../../protocol/schema.ts'

// What the command knows of protobufjs: the classes that a loaded schema is made of.
export const { Enum, Field, MapField, Namespace, Service, Type } = reflection
export type Enum = reflection.Enum
export type Field = reflection.Field
export type MapField = reflection.MapField
export type Namespace = reflection.Namespace
export type OneOf = reflection.OneOf
export type ReflectionObject = reflection.ReflectionObject
export type Root = reflection.Root
export type Type = reflection.Type

/** The name that a file has in the schema, as the `filename` of the objects that it declares. */
export const fileName = (path: string): string => reflection.util.path.normalize(path)

import { doc, indent, key, quote } from '../options/source.ts'
import type { Declared, Names, Scope } from './names.ts'
import { type Enum, type Field, type OneOf, Type } from './reflection.ts'
import { listOf, type ValueTypes } from './value-types.ts'

/** Beyond so many variants of one message, made by several oneofs, they narrow nothing: tsc multiplies them out. */
const MAX_VARIANTS = 1000

/** The types of a module: what is read and what may be written of every message and enum. */
export class Declarations {
  #names: Names
  #values: ValueTypes
  #messageNames: ReadonlyMap<Type, string>
  #enums: 'numbers' | 'names'

  constructor(
    names: Names,
    values: ValueTypes,
    messageNames: ReadonlyMap<Type, string>,
    enums: 'numbers' | 'names' = 'numbers',
  ) {
    this.#names = names
    this.#values = values
    this.#messageNames = messageNames
    this.#enums = enums
  }

  /** Everything declared in `scope`, and in the namespaces inside it. `prefix` stands before each declaration. */
  scope(scope: Scope, prefix = ''): string[] {
    const texts: string[] = []
    for (const { object, name, init } of scope.declared) {
      const declared = { object, name, init } as Declared<Type> & Declared<Enum>
      const text = object instanceof Type ? this.#message(declared, scope, prefix) : this.#enum(declared, prefix)
      texts.push(...text)
      for (const inner of scope.inner) if (inner.name === name) texts.push(this.#namespace(inner, prefix))
    }
    const own = new Set(scope.declared.map((declared) => declared.name))
    for (const inner of scope.inner) if (!own.has(inner.name)) texts.push(this.#namespace(inner, prefix))
    return texts
  }

  #namespace(scope: Scope, prefix: string): string {
    const declare = prefix === '' ? 'namespace' : 'export declare namespace'
    return `${declare} ${scope.name} {\n${indent(this.scope(scope).join('\n'))}}\n`
  }

  #enum({ object, name, init }: Declared<Enum>, prefix: string): string[] {
    const numbers = [...new Set(Object.values(object.values))]
    // An open enum (proto3's) hands on numbers that this schema does not know.
    const open = (object as unknown as { _features: { enum_type?: string } })._features.enum_type !== 'CLOSED'
    const unknown = open ? ['(number & {})'] : []
    const head = doc(object.comment, object.getOption('deprecated'))
    if (this.#enums === 'names') {
      const union = [...[...firstNames(object)].map(quote), ...unknown].join(' | ')
      const written = [`keyof typeof ${this.#names.value(object)}`, ...(open ? [] : numbers.map(String))].join(' | ')
      return [
        `${head}${prefix}type ${name} = ${union}\n`,
        `/** A name of {@link ${name}}, or its number. */\n${prefix}type ${init} = ${name} | ${written}\n`,
      ]
    }
    const union = [...numbers.map(String), ...unknown].join(' | ')
    return [
      `${head}${prefix}type ${name} = ${union}\n`,
      `/** A number of {@link ${name}}, or its name. */\n${prefix}type ${init} = ${name} | keyof typeof ${this.#names.value(object)}\n`,
    ]
  }

  #message({ object, name, init }: Declared<Type>, scope: Scope, prefix: string): string[] {
    const head = doc(object.comment, object.getOption('deprecated'))
    const oneofs = object.oneofsArray.filter((oneof) => !oneof.isProto3Optional)
    const narrowing: OneOf[] = []
    let variants = 1
    for (const oneof of oneofs) {
      const count = 1 + oneof.fieldsArray.filter((field) => field.resolvedType instanceof Type).length
      if (count === 1 || variants * count > MAX_VARIANTS) continue
      narrowing.push(oneof)
      variants *= count
    }

    const read = object.fieldsArray.map(
      (field) => `${this.#doc(field)}${key(field.name)}: ${this.#read(field, scope)}\n`,
    )
    for (const oneof of oneofs) {
      const names = [...oneof.oneof.map(quote), 'undefined']
      const comment = doc(oneof.comment ?? 'The one that is set.')
      read.push(`${comment}readonly ${key(oneof.name)}: ${names.join(' | ')}\n`)
    }
    const exclusive = this.#exclusive(oneofs)
    const apart = new Set(exclusive.flatMap(({ fieldsArray }) => fieldsArray))
    const write = object.fieldsArray
      .filter((field) => !apart.has(field))
      .map((field) => `${this.#doc(field)}${this.#write(field, scope)}\n`)
    const chosen = exclusive.map((oneof) => this.#oneOf(oneof, scope))
    const body = (members: string[]) => (members.length > 0 ? `{\n${indent(members.join(''))}}` : '{}')

    const union = narrowing.map((oneof) => ` & (\n${indent(this.#variants(oneof, scope))})`).join('')
    const declaration = union === '' ? `interface ${name} ${body(read)}` : `type ${name} = ${body(read)}${union}`
    const framed = `${this.#names.imported('Framed')}<${quote(this.#messageNames.get(object) ?? name)}>`
    // tsc is quick with a union of many messages as long as they are interfaces; an intersection costs it milliseconds
    // at each use. No name of a .proto begins with a $.
    const named =
      union === '' ? `interface $${name} extends ${name}, ${framed} {}` : `type $${name} = ${name} & ${framed}`
    // What was read may be written, though it has a value for each member.
    const writable =
      chosen.length === 0
        ? `interface ${init} ${body(write)}`
        : `type ${init} = (${[...(write.length > 0 ? [body(write)] : []), ...chosen].join(' & ')}) | ${name}`
    const writableNamed =
      chosen.length === 0 ? `interface $${init} extends ${init}, ${framed} {}` : `type $${init} = ${init} & ${framed}`
    return [
      `${head}${prefix}${declaration}\n`,
      `/** What may be written as {@link ${name}}. */\n${prefix}${writable}\n`,
      `${prefix}${named}\n${prefix}${writableNamed}\n`,
    ]
  }

  /** The oneofs of which tsc is to see that one member at most is written. */
  #exclusive(oneofs: readonly OneOf[]): OneOf[] {
    let variants = 1
    return oneofs.filter(({ fieldsArray }) => {
      if (fieldsArray.length < 2 || variants * (fieldsArray.length + 1) > MAX_VARIANTS) return false
      variants *= fieldsArray.length + 1
      return true
    })
  }

  /** The members of a oneof, of which one may be written. */
  #oneOf({ fieldsArray }: OneOf, scope: Scope): string {
    const members = fieldsArray.map(
      (field) => `${this.#doc(field)}${key(field.name)}: ${this.#writeValue(field, scope)}\n`,
    )
    return `${this.#names.imported('OneOf')}<{\n${indent(members.join(''))}}>`
  }

  /** A message in a oneof is there if it is the one that is set. */
  #variants(oneof: OneOf, scope: Scope): string {
    const messages = oneof.fieldsArray.filter((field) => field.resolvedType instanceof Type)
    const others = oneof.fieldsArray.filter((field) => !messages.includes(field)).map((field) => quote(field.name))
    const which = (names: string) => `| { readonly ${key(oneof.name)}: ${names}`
    const texts = messages.map(
      (field) => `${which(quote(field.name))}; ${key(field.name)}: ${this.#values.read(field, scope)} }\n`,
    )
    return `${texts.join('')}${which([...others, 'undefined'].join(' | '))} }\n`
  }

  #doc(field: Field): string {
    return doc(field.comment ?? field.declaringField?.comment, field.getOption('deprecated'))
  }

  #read(field: Field, scope: Scope): string {
    const value = this.#values.read(field, scope)
    if (field.map) return `{ readonly [key: string]: ${value} }`
    if (field.repeated) return listOf(value)
    if (this.#values.takesNull(field)) return field.required ? value : `${value} | undefined`
    return field.resolvedType instanceof Type && !field.required ? `${value} | null` : value
  }

  #write(field: Field, scope: Scope): string {
    const value = this.#writeValue(field, scope)
    return field.required ? `${key(field.name)}: ${value}` : `${key(field.name)}?: ${value} | null | undefined`
  }

  #writeValue(field: Field, scope: Scope): string {
    let value = this.#values.write(field, scope)
    if (field.map) value = `{ readonly [key: string]: ${value} }`
    else if (field.repeated) value = listOf(value)
    // An object literal has these already, and they would not fit the field.
    return field.name in {} ? `${value} | ${this.#names.global('Object')}[${quote(field.name)}]` : value
  }
}

/** The name that each number is read as: of aliases the first. */
function firstNames({ values }: Enum): Iterable<string> {
  const names = new Map<number, string>()
  for (const [name, number] of Object.entries(values)) if (!names.has(number)) names.set(number, name)
  return names.values()
}

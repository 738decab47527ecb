import { doc, indent, key, quote } from '../options/source.ts'
import type { Scope } from './names.ts'
import { Type } from './reflection.ts'

/** A constant of the module: its doc comment, and the two ways to say what it is. */
export interface Constant {
  readonly comment: string
  readonly name: string
  readonly value: string
  readonly type: string
}

const braces = (items: string[]): string => (items.length > 0 ? `{\n${indent(items.join(''))}}` : '{}')

/**
 * The enums of `scope` as objects of numbers, or of the names that are read, and those further in as objects of such objects: nested as in the .proto.
 *
 * They are constants of the module only, none of a namespace, which would have code then.
 */
export function constants(scope: Scope, values: 'numbers' | 'names' = 'numbers'): Constant[] {
  const enums = scope.declared.flatMap(({ object, name }): Constant[] => {
    if (object instanceof Type) return []
    const names = new Map<number, string>()
    const items = Object.entries(object.values).map(([value, number]) => {
      if (!names.has(number)) names.set(number, value) // Of aliases the first is read.
      const text = values === 'names' ? quote(names.get(number) as string) : String(number)
      return {
        comment: doc(object.comments[value], object.valuesOptions?.[value]?.deprecated),
        name: key(value),
        value: text,
        type: text,
      }
    })
    return [{ comment: doc(object.comment, object.getOption('deprecated')), name, ...objectOf(items) }]
  })
  const inner = scope.inner.map((each) => ({ comment: '', name: each.name, parts: constants(each, values) }))
  const filled = inner.filter(({ parts }) => parts.length > 0)
  return [...enums, ...filled.map(({ parts, ...rest }) => ({ ...rest, ...objectOf(parts) }))]
}

const objectOf = (parts: readonly Constant[]): Pick<Constant, 'value' | 'type'> => ({
  value: braces(parts.map(({ comment, name, value }) => `${comment}${name}: ${value},\n`)),
  type: braces(parts.map(({ comment, name, type }) => `${comment}readonly ${name}: ${type}\n`)),
})

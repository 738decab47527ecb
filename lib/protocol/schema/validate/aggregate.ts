// The value of an option in braces: text format, held against the message that it is of. https://protobuf.dev/reference/protobuf/textformat-spec

import protobuf from 'protobufjs'
import { nameOf } from '../place.ts'
import type { Word } from '../text/statements.ts'

/** What is wrong with a value of a field that is no message; null for nothing. */
type Judge = (field: protobuf.Field, value: readonly Word[]) => string | null

const isOpen = (word: Word | undefined): boolean => word?.text === '{' || word?.text === '<'
const isClose = (word: Word | undefined): boolean => word?.text === '}' || word?.text === '>'

/** What is wrong with the words between the braces; null for nothing. What is of an extension, or of an Any, is not looked at. */
export function aggregateProblem(type: protobuf.Type, words: readonly Word[], judge: Judge): string | null {
  let i = 0
  const seen = new Set<string>()
  /** The words of a value, up to the field that follows. */
  const value = (): Word[] => {
    const begin = i
    if (isOpen(words[i]) || words[i]?.text === '[') {
      for (let depth = 0; i < words.length; i++) {
        if (isOpen(words[i]) || words[i]?.text === '[') depth++
        if ((isClose(words[i]) || words[i]?.text === ']') && --depth === 0) break
      }
      i++
    } else {
      if (words[i]?.text === '-') i++
      const isText = words[i]?.kind === 'text'
      i++
      while (isText && words[i]?.kind === 'text') i++
    }
    return words.slice(begin, i)
  }
  while (i < words.length) {
    if (/^[,;]$/.test(words[i]?.text ?? '')) {
      i++
      continue
    }
    let name: string | null = null
    if (words[i]?.text === '[') while (i < words.length && words[i++]?.text !== ']');
    else name = words[i++]?.text ?? ''
    const hasColon = words[i]?.text === ':'
    if (hasColon) i++
    const given = value()
    if (name === null) continue
    const field = fieldOf(type, name)
    if (field === undefined) return `${type.name} has no field '${name}'`
    if (seen.has(name) && !field.repeated && !field.map) return `its ${name} is given twice`
    seen.add(name)
    if (!hasColon && !field.map && !(field.resolvedType instanceof protobuf.Type)) return `its ${name} lacks a colon`
    const items = given[0]?.text === '[' ? itemsOf(given.slice(1, -1)) : [given]
    if (given[0]?.text === '[' && !field.repeated && !field.map) return `its ${name} is no list`
    for (const item of items) {
      const problem =
        field.resolvedType instanceof protobuf.Type && !(field instanceof protobuf.MapField)
          ? isOpen(item[0])
            ? aggregateProblem(field.resolvedType, item.slice(1, -1), judge)
            : `its ${name} is no message in braces`
          : field instanceof protobuf.MapField
            ? null
            : judge(field, item)
      if (problem !== null) return problem.startsWith('it ') ? `its ${name} ${problem.slice(3)}` : problem
    }
  }
  const missing = type.fieldsArray.find(({ required, name }) => required && !seen.has(name))
  return missing === undefined ? null : `its ${missing.name} is required and missing`
}

/** What commas separate. */
function itemsOf(words: readonly Word[]): Word[][] {
  const items: Word[][] = [[]]
  let depth = 0
  for (const word of words) {
    if (isOpen(word) || word.text === '[') depth++
    if (isClose(word) || word.text === ']') depth--
    if (word.text === ',' && depth === 0) items.push([])
    else items.at(-1)?.push(word)
  }
  return words.length === 0 ? [] : items
}

/** By its name in the .proto; a group goes by its message's. */
const fieldOf = (type: protobuf.Type, name: string): protobuf.Field | undefined =>
  type.fieldsArray
    .find((field) => {
      const isGroup = (field.resolve().resolvedType as { group?: boolean } | null)?.group === true
      return isGroup ? field.resolvedType?.name === name : nameOf(field) === name
    })
    ?.resolve()

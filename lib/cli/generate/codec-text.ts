import { codecLibrary } from '../../codec/codec-library.ts'
import { codecSource, compiling } from '../../codec/codec-source.ts'
import type { ValueForms } from '../../codec/type.ts'
import type { Description } from '../../protocol/description.ts'
import { makeTypes } from '../../protocol/types.ts'
import { quote } from '../options/source.ts'
import { usedNames } from './used-names.ts'

/**
 * The codecs of a schema as source: what is compiled at run time where a module has none, from the same text. A function of the library that gives
 * a function of each Type.
 */
export function codecText(description: Description, forms: ValueForms): string {
  const { types } = makeTypes(description, '', forms, compiling)
  const nested = new Set([...types.values()].flatMap(({ fields }) => fields.map(({ message }) => message)))
  const codecs = [...types.values()].map(
    (type) => `    ${quote(type.fullName)}: ${lines(codecSource(type, nested.has(type)))},\n`,
  )
  const text = codecs.join('')
  const used = usedNames(Object.keys(codecLibrary(forms.int64 === 'long' ? 'bigint' : forms.int64)), text)
  return `(library) => {\n  const { ${used.join(', ')} } = library\n  return {\n${text}  }\n}`
}

/** The same without indentation: nobody reads it. */
const lines = (source: string): string => source.replace(/\s*\n\s*/g, '\n')

import type { Role } from '../../base/role.ts'
import type { FrameHeader } from '../../framing/frame-header.ts'
import { headerSource, plainFacts, plainParts } from '../../framing/header-code.ts'
import { headerLibrary } from '../../framing/header-library.ts'
import { literal } from '../options/source.ts'
import { usedNames } from './used-names.ts'

/**
 * The layouts of a protocol as source, ready made: a function of the library that gives those that are plain, as `PlainLayout`s. Empty where none is:
 * such a layout is read when a Protocol is made.
 */
export function layoutsText(headers: { readonly [R in Role]: FrameHeader }): string {
  const layouts = [...new Set([headers.client, headers.server])].flatMap(({ text, parts }) => {
    const plain = plainParts(parts)
    if (plain === null) return []
    const facts = literal(plainFacts(text, plain))
      .replace(/^\{\s*/, '')
      .replace(/,?\s*\}$/, '')
    const code = headerSource(plain).replace(/^\{\s*/, '')
    return [`{ ${facts},\n${code}`.replace(/\s*\n\s*/g, '\n')]
  })
  if (layouts.length === 0) return ''
  const text = layouts.join(',\n')
  return `(library) => {\n  const { ${usedNames(Object.keys(headerLibrary), text).join(', ')} } = library\n  return [\n${text},\n  ]\n}`
}

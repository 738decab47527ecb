import { fieldsOf, type Layout } from './layout.ts'
import { readWords } from './read-words.ts'
import { RowMaker } from './row-maker.ts'

/** @throws {QbpError} ERR_QBP_BAD_LAYOUT with the column of the fault, counted from 1 in the message, from 0 as `offset`. */
export function parseLayout(text: string): Layout {
  const words = readWords(text)
  return {
    text: words.text,
    preamble: words.preamble === null ? null : new RowMaker(text, words.preamble, true).make(),
    frame: new RowMaker(text, words.frame, false).make(),
  }
}

/** Whether frames of the layout carry a type. @throws {QbpError} ERR_QBP_BAD_LAYOUT */
export const hasType = (text: string): boolean =>
  parseLayout(text).frame.parts.some((part) => fieldsOf(part).some(({ role }) => role === 'type'))

/** The messages that a layout has as sections, those of its preamble too. @throws {QbpError} ERR_QBP_BAD_LAYOUT */
export function sectionsIn(text: string): string[] {
  const { preamble, frame } = parseLayout(text)
  return [...(preamble?.parts ?? []), ...frame.parts].flatMap((part) => (part.kind === 'section' ? [part.name] : []))
}

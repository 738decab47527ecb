import type { Type } from '../../codec/type.ts'
import type { Piece } from '../../framing/row-reader.ts'
import { leaf, type Span } from './span.ts'
import { spansOf } from './spans.ts'

/** The parts of a frame's header, and of what follows its body, by where they lie. */
export function headerSpans(
  pieces: readonly Piece[],
  bytes: Uint8Array,
  section: (name: string) => Type | null,
): Span[] {
  return pieces.flatMap(({ part, start, end, values }): Span[] => {
    if (part.kind === 'constant') return [leaf('constant', part.text, null, start, end, start)]
    if (part.kind === 'integer') return [leaf(part.field.text, part.of.name, values[0], start, end, start)]
    if (part.kind === 'bits') {
      return part.fields.map(({ text, bits }, i) =>
        leaf(text, `${bits} of ${part.of.name}`, values[i], start, end, start),
      )
    }
    if (part.kind === 'bytes') return [leaf(part.name, 'bytes', bytes.subarray(start, end), start, end, start)]
    if (part.kind !== 'section') return []
    const children = spansOf(section(part.name), bytes, start, end)
    return [{ ...leaf(part.name, 'section', null, start, end, start), children }]
  })
}

/** A field among the bytes. Positions are offsets into the bytes walked. */
export interface Span {
  /** The field's name, `tags[2]` for an entry of a list, `#7` for a field that the schema lacks. */
  readonly name: string
  /** As a .proto has it: `string`, `Said`, `Color`, `packed int32`; or `unknown`, `malformed`, `header`, `raw`. */
  readonly kind: string
  /** The field's, where the schema has it. */
  readonly number?: number
  /** A number, bigint, boolean, text or bytes; null where there are children instead. */
  readonly value: unknown
  /** What the value stands for: the name of an enum's number, or what is wrong. */
  readonly note?: string
  /** The whole field, with its tag: `bytes[start..end)`. */
  readonly start: number
  readonly end: number
  /** Where the value begins, after tag and length. */
  readonly valueStart: number
  readonly children: readonly Span[]
}

/** A span without children. */
export const leaf = (
  name: string,
  kind: string,
  value: unknown,
  start: number,
  end: number,
  valueStart: number,
  note?: string,
): Span => ({ name, kind, value, start, end, valueStart, children: [], ...(note !== undefined && { note }) })

/** The innermost span around the byte, with those around it, from the outside in; empty where there is none. */
export function pathTo(spans: readonly Span[], offset: number): Span[] {
  const around = spans.find(({ start, end }) => offset >= start && offset < end)
  return around === undefined ? [] : [around, ...pathTo(around.children, offset)]
}

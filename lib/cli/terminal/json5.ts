/** Like JSON.parse. */
type Parse = (text: string) => unknown

let parser: Promise<Parse> | undefined

/**
 * Parses JSON5, which is what people type: `{text: 'hi'}`. It takes the package json5, which is small, complete and has
 * not needed a change in years; where it was not installed (`npm install --omit=optional`), JSON alone is taken.
 *
 * @throws {SyntaxError} with the place in the text.
 */
export async function parseJson5(text: string): Promise<unknown> {
  parser ??= import('json5').then(
    ({ default: json5 }) => json5.parse,
    () => JSON.parse,
  )
  return (await parser)(text)
}

/** A value of JSON as it would be typed: no quotes around names. */
export function looseJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(looseJson).join(', ')}]`
  const entries = Object.entries(value).map(
    ([key, item]) => `${/^[$A-Za-z_][$\w]*$/.test(key) ? key : JSON.stringify(key)}: ${looseJson(item)}`,
  )
  return entries.length === 0 ? '{}' : `{${entries.join(', ')}}`
}

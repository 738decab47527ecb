// What a peer sends may not move the cursor, paint, or turn the direction of a line on the terminal that shows it.

/**
 * C0, DEL and C1 controls; marks that turn the direction of text (U+202E), that are not seen (U+200B) or that break a line
 * (U+2028); tags (U+E0020), which are not seen either.
 */
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udc7f]/g

const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`

/** The text with such characters as escapes, `\u202e`. JSON stays the same JSON. */
export const printable = (text: string): string =>
  text.replaceAll(UNSAFE, (found) => [...found.split('')].map(escaped).join(''))

/** A value as a line of JSON that any terminal shows as it is. */
export const jsonLine = (value: unknown): string => printable(JSON.stringify(value))

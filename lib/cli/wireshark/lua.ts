/** Text as a literal of Lua: names of a schema are code, its strings are not. */
export function lua(text: string): string {
  const escaped = text
    .replaceAll(/[\\']/g, '\\$&')
    .replaceAll(/[^ -~]/gu, (character) =>
      [...Buffer.from(character)].map((byte) => `\\${String(byte).padStart(3, '0')}`).join(''),
    )
  return `'${escaped}'`
}

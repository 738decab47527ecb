/** Those of a library's names that generated code calls. They stand nowhere but where they are meant: a field's name stands in quotes. */
export const usedNames = (names: readonly string[], text: string): string[] =>
  names.filter((name) => new RegExp(`(?<![\\w.'"])${name}(?![\\w'"])`).test(text))

import protobuf from 'protobufjs'

/** protobufjs's own door to the file system: closed in a browser, where schemas come as modules. */
export const files = protobuf.util.fs as {
  existsSync(path: string): boolean
  readFileSync(path: string, encoding: 'utf8'): string
  realpathSync(path: string): string
} | null

/** Comments become spaces, so that lines keep their numbers. */
export const withoutComments = (text: string): string =>
  text.replace(/("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (match, text?: string) =>
    text === undefined ? match.replace(/[^\n]/g, ' ') : match,
  )

/** `file:line: ` of the first line that has the word, as far as they are known. */
export function placeOf(filename: string | null | undefined, word: string): string {
  if (!filename) return ''
  const text = files?.existsSync(filename) ? withoutComments(files.readFileSync(filename, 'utf8')) : ''
  const line = text.split('\n').findIndex((each) => each.includes(word))
  return line < 0 ? `${filename}: ` : `${filename}:${line + 1}: `
}

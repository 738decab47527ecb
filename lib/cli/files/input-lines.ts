import { Fault } from '../command/fault.ts'

/** The longest line, in characters: a body of 64 MiB in base64 and more. Without it a file of zeros would end the process. */
const MOST_CHARACTERS = 2 ** 28

/**
 * The lines of a stream of UTF-8, without their ends (LF or CRLF), and without a byte-order mark before the first.
 *
 * node:readline is for people who type: it also ends a line at U+2028, which may stand in a string of JSON; its iterator keeps the
 * stream's fault to itself; and a line beyond the longest string is an uncaught exception there.
 *
 * @throws the stream's own fault. {@link Fault} for a line that is too long.
 */
export async function* inputLines(input: AsyncIterable<unknown>, most = MOST_CHARACTERS): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let number = 1
  let waiting: string[] = []
  let length = 0
  const line = (end: string): string => {
    const text = waiting.length === 0 ? end : waiting.join('') + end
    waiting = []
    length = 0
    number++
    return text.endsWith('\r') ? text.slice(0, -1) : text
  }
  for await (const chunk of input) {
    const text = typeof chunk === 'string' ? chunk : decoder.decode(chunk as Uint8Array, { stream: true })
    let start = 0
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      yield line(text.slice(start, end))
      start = end + 1
    }
    if (start === text.length) continue
    waiting.push(text.slice(start))
    length += text.length - start
    if (length > most) throw new Fault(`line ${number} is longer than ${most} characters: these are no lines of text.`)
  }
  const rest = decoder.decode()
  if (rest !== '' || length > 0) yield line(rest)
}

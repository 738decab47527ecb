// JSON text to values, where JSON.parse would lose what ProtoJSON needs: an integer beyond 2**53 keeps its digits, as a bigint, and
// a key that stands twice is refused, since of two values one would be dropped without a word.

/**
 * Parses JSON text.
 *
 * @throws {SyntaxError} with the position of the fault, counted from 0.
 */
export function parseJson(text: string): unknown {
  const state = { text, pos: 0 }
  const value = parseValue(state, 0)
  skipSpace(state)
  if (state.pos < text.length) throw unexpected(state)
  return value
}

interface State {
  readonly text: string
  pos: number
}

/** The deepest nesting: protobuf's own limit is 100 messages, and a list of a Value takes two levels a message. */
const MAX_DEPTH = 1000

const SPACE = /[ \t\n\r]*/y
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y
const WORD = /true|false|null/y

function match(state: State, pattern: RegExp): RegExpExecArray | null {
  pattern.lastIndex = state.pos
  const found = pattern.exec(state.text)
  if (found !== null) state.pos = pattern.lastIndex
  return found
}

function skipSpace(state: State): void {
  match(state, SPACE)
}

function unexpected({ text, pos }: State): SyntaxError {
  const found = pos < text.length ? JSON.stringify(text[pos]) : 'the end'
  return new SyntaxError(`Unexpected ${found} at position ${pos} of the JSON`)
}

function take(state: State, char: string): boolean {
  skipSpace(state)
  if (state.text[state.pos] !== char) return false
  state.pos++
  return true
}

function parseValue(state: State, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new SyntaxError(`The JSON is nested deeper than ${MAX_DEPTH}`)
  if (take(state, '{')) return parseObject(state, depth)
  if (take(state, '[')) return parseList(state, depth)
  if (state.text[state.pos] === '"') return parseText(state)
  const word = match(state, WORD)
  if (word !== null) return word[0] === 'null' ? null : word[0] === 'true'
  const number = match(state, NUMBER)
  if (number === null) throw unexpected(state)
  const value = Number(number[0])
  const isInteger = number[1] === undefined && number[2] === undefined
  return isInteger && !Number.isSafeInteger(value) && number[0].length < 40 ? BigInt(number[0]) : value
}

/** The closing quote is the next one with an even number of backslashes before it; what is between is JSON.parse's. */
function parseText(state: State): string {
  skipSpace(state)
  const { text, pos } = state
  if (text[pos] !== '"') throw unexpected(state)
  let end = pos
  let backslashes: number
  do {
    end = text.indexOf('"', end + 1)
    if (end < 0) throw new SyntaxError(`The text at position ${pos} of the JSON does not end`)
    for (backslashes = 0; text[end - backslashes - 1] === '\\'; backslashes++);
  } while (backslashes % 2 === 1)
  state.pos = end + 1
  try {
    return JSON.parse(text.slice(pos, end + 1))
  } catch {
    throw new SyntaxError(`The text at position ${pos} of the JSON has a control character, or an escape that is none`)
  }
}

function parseObject(state: State, depth: number): object {
  const object: Record<string, unknown> = {}
  if (take(state, '}')) return object
  do {
    skipSpace(state)
    const start = state.pos
    const key = parseText(state)
    if (!take(state, ':')) throw unexpected(state)
    if (Object.hasOwn(object, key))
      throw new SyntaxError(
        `The key ${JSON.stringify(key)} at position ${start} of the JSON stands there for the second time`,
      )
    Object.defineProperty(object, key, {
      value: parseValue(state, depth + 1),
      configurable: true,
      enumerable: true,
      writable: true,
    })
  } while (take(state, ','))
  if (!take(state, '}')) throw unexpected(state)
  return object
}

function parseList(state: State, depth: number): unknown[] {
  const list: unknown[] = []
  if (take(state, ']')) return list
  do list.push(parseValue(state, depth + 1))
  while (take(state, ','))
  if (!take(state, ']')) throw unexpected(state)
  return list
}

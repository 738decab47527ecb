// Source text, of JavaScript and TypeScript alike.

/** `text` as a string literal that is safe in any script. */
export function quote(text: string): string {
  const escaped = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")
  return `'${escaped.replace(/[\u007f-\u009f\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)}'`
}

/** `name` as the key of a property of a type. */
export const key = (name: string): string => (/^[A-Za-z_]\w*$/.test(name) ? name : quote(name))

/** `text` one level further in. */
export const indent = (text: string): string => text.replace(/^(?=.)/gm, '  ')

/** A comment of the .proto, with what else is to be said, as a doc comment. No text can end it early. */
export function doc(comment: string | null | undefined, deprecated?: unknown): string {
  const lines = comment
    ? comment.split(/\r?\n|[\r\u2028\u2029]/).map((line) => line.trimEnd().replaceAll('*/', '*\\/'))
    : []
  if (deprecated === true) lines.push('@deprecated')
  if (lines.length === 0) return ''
  if (lines.length === 1) return `/** ${lines[0]} */\n`
  return `/**\n${lines.map((line) => ` * ${line}`.trimEnd()).join('\n')}\n */\n`
}

/** Lines are no longer, as far as that is possible. */
const WIDTH = 100

/**
 * `value` as source text: JSON's values, and the numbers that JSON lacks (`default = inf` is one that a .proto may hold).
 * `column` is where the text begins, as far as its line break goes.
 */
export function literal(value: unknown, column = 0): string {
  if (typeof value === 'string') return quote(value)
  // No names: an enum may be called Infinity.
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return Object.is(value, -0) ? '-0' : String(value)
    return Number.isNaN(value) ? '0 / 0' : `${Math.sign(value)} / 0`
  }
  if (typeof value !== 'object' || value === null) return String(value)
  const list = Array.isArray(value)
  const entries = list
    ? value.map((item): [string, unknown] => ['', item])
    : Object.entries(value)
        .filter(([, item]) => item !== undefined)
        .map(([name, item]): [string, unknown] => [name === '__proto__' ? `['__proto__']: ` : `${key(name)}: `, item])
  const [open, close] = list ? '[]' : '{}'
  if (entries.length === 0) return `${open}${close}`
  const items = entries.map(([name, item]) => name + literal(item, column + 2))
  const line = list ? `[${items.join(', ')}]` : `{ ${items.join(', ')} }`
  if (!line.includes('\n') && column + line.length < WIDTH) return line
  const pad = ' '.repeat(column)
  return `${open}\n${items.map((item) => `${pad}  ${item},\n`).join('')}${pad}${close}`
}

/** The type of `value` and of nothing else, all of it readonly. */
export function literalType(value: unknown): string {
  if (typeof value === 'string') return quote(value)
  if (Array.isArray(value)) return `readonly [${value.map(literalType).join(', ')}]`
  if (typeof value !== 'object' || value === null) return String(value)
  const entries = Object.entries(value).filter(([, item]) => item !== undefined)
  return `{ ${entries.map(([name, item]) => `readonly ${key(name)}: ${literalType(item)}`).join('; ')} }`
}

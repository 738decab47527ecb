import { lines, significant, type Token } from './tokens.ts'

/** Texts as protobufjs reads them: those of `bytes` with octal escapes, all others as the characters that their bytes are in UTF-8. */
export function unescapeTexts(list: Token[]): void {
  let statement: string[] = []
  for (let i = 0; i < list.length; i++) {
    const token = list[i] as Token
    if (token.kind === 'blank') continue
    if (/^[;{}]$/.test(token.text)) statement = []
    else if (token.kind !== 'text') statement.push(token.text)
    else {
      let [whole, last, isEscaped] = [token.text.slice(1, -1), i, token.text.includes('\\')]
      for (let next = significant(list, i + 1); list[next]?.kind === 'text'; next = significant(list, next + 1)) {
        const more = list[next] as Token
        whole += more.text.slice(1, -1)
        isEscaped ||= more.text.includes('\\')
        last = next
      }
      const isBytes = statement.slice(-2).join(' ') === 'default =' && statement.slice(0, 2).includes('bytes')
      if (!isEscaped && !isBytes) continue
      token.text = isBytes ? octal(bytesOf(whole)) : quoted(new TextDecoder().decode(bytesOf(whole)))
      if (last > i) token.text += ' '
      for (let j = i + 1; j <= last; j++) (list[j] as Token).text = lines((list[j] as Token).text)
    }
  }
}

const ESCAPES: Record<string, number> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11 }

/** The bytes of a text as a .proto has it, between its quotes. */
function bytesOf(text: string): Uint8Array {
  const parts: number[] = []
  const pattern = /\\([0-7]{1,3}|[xX][\da-fA-F]{1,2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|[\s\S])|[^\\]+/g
  for (const [all, escaped] of text.matchAll(pattern)) {
    if (escaped === undefined) parts.push(...new TextEncoder().encode(all))
    else if (/^[0-7]/.test(escaped)) parts.push(Number.parseInt(escaped, 8) & 255)
    else if (/^[xX]./.test(escaped)) parts.push(Number.parseInt(escaped.slice(1), 16))
    else if (/^[uU]./.test(escaped)) parts.push(...new TextEncoder().encode(character(escaped.slice(1))))
    else parts.push(...(escaped in ESCAPES ? [ESCAPES[escaped] as number] : new TextEncoder().encode(escaped)))
  }
  return Uint8Array.from(parts)
}

function character(digits: string): string {
  const code = Number.parseInt(digits, 16)
  return code > 0x10ffff ? '\ufffd' : String.fromCodePoint(code)
}

const octal = (bytes: Uint8Array): string =>
  `"${Array.from(bytes, (byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')}"`
const quoted = (text: string): string =>
  `"${text.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\0', '\\000')}"`

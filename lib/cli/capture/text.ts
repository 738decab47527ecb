// Bytes written down as text: hex in any of its usual forms, and base64.

import { Fault } from '../command/fault.ts'
import { DUMP_LINE } from './format.ts'

type Chunks = AsyncIterable<Uint8Array>

/** Lines of text, the last without its end, too. */
async function* linesOf(chunks: Chunks): AsyncGenerator<string> {
  const decoder = new TextDecoder('latin1')
  let rest = ''
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
    // One endless line of hex is read in pieces, too.
    if (rest.length < 2 ** 16 || !/^[\da-f]*$/i.test(rest)) continue
    const even = rest.length - (rest.length % 2)
    yield rest.slice(0, even)
    rest = rest.slice(even)
  }
  if (rest !== '') yield rest
}

/** The bytes of hex: digits with or without spaces, colons and 0x, or a dump with places before the bytes and text after them. */
export async function* fromHex(chunks: Chunks): AsyncGenerator<Uint8Array> {
  let dump: boolean | undefined
  let bytes = 0
  let number = 0
  let line: Uint8Array = new Uint8Array(0)
  let repeats = false
  for await (const text of linesOf(chunks)) {
    number++
    if (/^\s*(#.*)?$/.test(text)) continue
    const found = DUMP_LINE.exec(text)?.groups
    dump ??= found !== undefined
    if (dump && text.trim() === '*') {
      repeats = true
      continue
    }
    if (dump) {
      const offset = Number.parseInt(found?.offset ?? text.trim(), 16)
      // What hexdump leaves out is the line before, again.
      for (; repeats && line.length > 0 && bytes + line.length <= offset; bytes += line.length) yield line
      repeats = false
      if (found === undefined && /^[\da-f]+:?$/i.test(text.trim())) continue // The end's place, by itself.
    }
    const digits = dump ? bytesColumn(found?.rest ?? '?') : text.replaceAll(/0x|[\s:,]/gi, '')
    if (!/^(?:[\da-f]{2})*$/i.test(digits)) throw new Fault(`line ${number} is no hex: ${text.slice(0, 60)}`)
    line = Buffer.from(digits, 'hex')
    bytes += line.length
    yield line
  }
}

/** The digits of a dump's line, without the text beside them. */
function bytesColumn(rest: string): string {
  const canonical = /^([\da-f ]*?)\s*\|.*$/i.exec(rest)?.[1]
  return (canonical ?? rest.split(/ {2,}|\t/, 1)[0] ?? '').replaceAll(/\s/g, '')
}

/** The bytes of base64, of either alphabet, in lines or not. */
export async function* fromBase64(chunks: Chunks): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder('latin1')
  let rest = ''
  for await (const chunk of chunks) {
    const text = rest + decoder.decode(chunk, { stream: true }).replaceAll(/\s/g, '')
    if (!/^[\w+/-]*=*$/.test(text)) throw new Fault('it is no base64.')
    const whole = text.length - (text.length % 4)
    rest = text.slice(whole)
    yield Buffer.from(text.slice(0, whole), 'base64')
  }
  if (rest !== '') yield Buffer.from(rest, 'base64')
}

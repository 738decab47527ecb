// A row of constants and integers, with one length and the body at its end, to functions: those that most protocols have.
// Interpreted, a varint header would cost more than a body. Other rows are read by row-reader.ts.

import { compile } from '../base/compile.ts'
import { headerLibrary } from './header-library.ts'
import { mostNumber } from './layout/integer-kind.ts'
import { code } from './layout/integer-kinds.ts'
import { type Bits, type Constant, type Field, fieldsOf, fixedSize, type Integer, type Part } from './layout/layout.ts'
import type { HeaderCode, PlainLayout } from './plain-header.ts'

/** The part of a plain row: a constant, an integer, or bits of up to 32. */
export type PlainPart = Constant | Integer | Bits

/** The parts before the body, if the row is plain: nothing but constants and integers, one of them a length. */
export function plainParts(parts: readonly Part[]): readonly PlainPart[] | null {
  const body = parts.length - 1
  const header = parts.slice(0, body)
  const isPlain = (part: Part): part is PlainPart =>
    part.kind === 'constant' ||
    (part.kind === 'integer' && part.checksum === null) ||
    (part.kind === 'bits' && (part.of.width as number) <= 4)
  if (parts[body]?.kind !== 'body' || !header.every(isPlain)) return null
  const lengths = header.flatMap(fieldsOf).filter(({ role }) => role === 'length')
  const [length] = lengths
  if (lengths.length !== 1 || length === undefined) return null
  const { all, parts: counted } = length.counted
  return all !== null || (counted.length === 1 && counted[0] === body) ? header : null
}

/** The one length of a plain row, and the part that it is in. */
export function lengthOf(parts: readonly PlainPart[]): { part: Integer | Bits; field: Field; index: number } {
  for (const [index, part] of parts.entries()) {
    const field = fieldsOf(part).find(({ role }) => role === 'length')
    if (field !== undefined && part.kind !== 'constant') return { part, field, index }
  }
  throw new Error('A plain row has a length.')
}

/**
 * The source of a plain layout's functions, an object of them. It is the same whether it is compiled when a Protocol is made or stands in a module of
 * `qbp generate`; the names of the header library must be in view.
 */
export function headerSource(parts: readonly PlainPart[]): string {
  return `{
    read: ${reader(parts)},
    size: ${sizer(parts)},
    write: ${writer(parts)},
    check: ${checker(parts)},
  }`
}

/** What is known of a plain layout, beside its functions. */
export function plainFacts(text: string, parts: readonly PlainPart[]): Omit<PlainLayout, keyof HeaderCode> {
  const kinds = new Set(Array.from(headerSource(parts).matchAll(/\bkinds\.(\w+)/g), ([, name]) => name as string))
  const fields = parts.flatMap(fieldsOf)
  const { part, field } = lengthOf(parts)
  const most = parts.reduce((sum, each) => sum + (each.kind === 'constant' ? each.bytes.length : each.of.maxWidth), 0)
  const typed = parts.find((each) => fieldsOf(each).some(({ role }) => role === 'type'))
  const [first] = parts
  return {
    text,
    hasType: typed !== undefined,
    maxType: typed === undefined ? 0 : mostOf(typed, fieldsOf(typed).find(({ role }) => role === 'type') as Field),
    fieldNames: fields.flatMap(({ role, name }) => (role === 'own' ? [name] : [])),
    start: first?.kind === 'constant' ? first.bytes : [],
    safeLength: mostOf(part, field) - most - Math.abs(field.counted.plus),
    kinds: [...kinds],
  }
}

/** @throws {QbpError} ERR_QBP_NO_CODEGEN where the process forbids functions from strings. */
export function compilePlain(text: string, parts: readonly PlainPart[]): PlainLayout {
  return { ...plainFacts(text, parts), ...compile<HeaderCode>(headerSource(parts), headerLibrary) }
}

/** The most that a length or a type can be in its part. */
function mostOf(part: PlainPart, field: Field): number {
  if (part.kind === 'constant') return 0
  return part.kind === 'bits' ? 2 ** ((field as { bits?: number }).bits ?? 0) - 1 : mostNumber(part.of)
}

/** Statements that leave the part's values in variables of their names, after a $, and `pos` after it. */
function readPart(part: PlainPart): string {
  if (part.kind === 'constant') return readConstant(part)
  const after = fieldsOf(part).some(({ role }) => role === 'length') ? 'afterLength = pos' : ''
  if (part.kind === 'bits') {
    const cells = part.fields.map(({ name, bits, shift }) => {
      const shifted = `bits >>> ${shift}`
      return `$${name} = ${bits === 32 ? shifted : `(${shifted}) & ${2 ** bits - 1}`}`
    })
    return `${code(part.of).read('bits', 'bits')}; ${cells.join('; ')}; ${after}`
  }
  const { field, of } = part
  const { name, role } = field
  const checks = role === 'own' ? '' : typeof of.most === 'bigint' ? `$${name} = safeNumber('${name}', $${name})` : ''
  return `${code(of).read(`$${name}`, name)}
    ${checks}
    ${role === 'type' && of.least < 0 ? `if ($type < 0) wrongNumber('type', $type, 0)` : ''}
    ${after}`
}

/** Each byte by itself: a fault shows at the first wrong one. */
function readConstant({ bytes, text }: Constant): string {
  return bytes
    .map((byte, i) => {
      return `if (pos === end) return more(head, start, pos + 1)
        if (buf[pos] !== ${byte}) wrongConstant(${JSON.stringify(text)}, ${i}, ${byte}, buf[pos]); pos++`
    })
    .join('\n')
}

function reader(parts: readonly PlainPart[]): string {
  const fields = parts.flatMap(fieldsOf)
  const own = fields.filter(({ role }) => role === 'own')
  const { all, plus } = lengthOf(parts).field.counted
  const counted = `${all === null ? '0' : all === 'rest' ? 'pos - afterLength' : 'pos - start'}${plus === 0 ? '' : ` + ${plus}`}`
  return `(buf, pos, end, head) => {
    const start = pos
    let bits = 0, afterLength = 0, ${fields.map(({ name }) => `$${name} = 0`).join(', ')}
    ${parts.map(readPart).join('\n')}
    const body = $length - (${counted})
    if (body < 0) wrongNumber('length', $length, ${counted})
    head.type = ${fields.some(({ role }) => role === 'type') ? '$type' : '0'}
    head.length = body
    head.start = pos
    if (body > head.maxBodyBytes) tooLong(head, body)
    head.fields = ${own.length === 0 ? 'null' : `{ ${own.map(({ name }) => `${name}: $${name}`).join(', ')} }`}
    if (end - pos < body) {
      head.needs = pos - start + body
      head.isEndKnown = true
      return -1
    }
    return pos + body
  }`
}

function valueCode({ name, role, initial }: Field): string {
  if (role !== 'own') return name
  const value = typeof initial === 'bigint' ? `${initial}n` : String(initial)
  return `(fields === null ? ${value} : fields.${name} ?? ${value})`
}

/** The sum of the bytes that parts take, a length of varying size left out. */
function sum(parts: readonly PlainPart[]): string {
  const sizes = parts.map((part) => {
    const fixed = fixedSize(part)
    if (fixed !== undefined) return String(fixed)
    const { field, of } = part as Integer
    return field.role === 'length' ? '0' : code(of).size(valueCode(field))
  })
  return ['0', ...sizes].join(' + ')
}

/** Statements that make `length`, the body's, what the field must say; the field's own size may be counted in it. */
function adjust(parts: readonly PlainPart[]): string {
  const { part, field, index } = lengthOf(parts)
  const { all, plus } = field.counted
  const more = plus === 0 ? '' : `length += ${plus};`
  if (all === null) return more
  if (all === 'rest') return `length += ${sum(parts.slice(index + 1))};${more}`
  if (part.of.width !== undefined) return `length += ${sum(parts)};${more}`
  const size = code(part.of).size('length + own')
  return `length += ${sum(parts)};${more} let own = 1; while (${size} > own) own++; length += own;`
}

function sizer(parts: readonly PlainPart[]): string {
  const { part, field } = lengthOf(parts)
  const own = part.of.width === undefined ? ` + ${code(part.of).size(valueCode(field))}` : ''
  return `(type, length, fields) => { ${adjust(parts)} return ${sum(parts)}${own} }`
}

function writer(parts: readonly PlainPart[]): string {
  const steps = parts.map((part) => {
    if (part.kind === 'constant') return part.bytes.map((byte) => `buf[pos++] = ${byte}`).join('; ')
    if (part.kind === 'integer') return code(part.of).write(valueCode(part.field))
    const cells = part.fields.map((field) => `${valueCode(field)} << ${field.shift}`)
    return code(part.of).write(`(${cells.join(' | ')}) >>> 0`)
  })
  return `(buf, pos, type, length, fields) => { let value; ${adjust(parts)} ${steps.join('\n')} }`
}

/** Throws unless each field can hold what it must say. */
function checker(parts: readonly PlainPart[]): string {
  const steps = parts.flatMap((part) =>
    part.kind === 'constant' ? [] : fieldsOf(part).map((field) => fits(part, field)),
  )
  return `(type, length, fields) => { const bodyBytes = length; let value; ${adjust(parts)} ${steps.join('\n')} }`
}

function fits(part: Integer | Bits, field: Field): string {
  const isWhole = field.role === 'own' && part.kind === 'integer'
  const least = isWhole ? part.of.least : 0
  const most = isWhole ? part.of.most : mostOf(part, field)
  const kind = part.kind === 'bits' ? `${(field as { bits?: number }).bits} bits` : part.of.name
  const [from, to] = [least, most].map((value) => (typeof value === 'bigint' ? `${value}n` : String(value)))
  const is64 = typeof most === 'bigint' ? `typeof value === 'bigint' || ` : ''
  const { name, text, role } = field
  return `value = ${valueCode(field)}
    if (!((${is64}Number.isSafeInteger(value)) && value >= ${from} && value <= ${to})) throw overflow(${JSON.stringify({ name, text, role })}, value, ${JSON.stringify(kind)}, ${from}, ${to}, bodyBytes)`
}

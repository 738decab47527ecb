// The parts of a layout as tables of Lua: what framing/layout/layout.ts knows of them, with places counted from 1.

import type { FrameHeader } from '../../framing/frame-header.ts'
import { type Field, fieldsOf, type Part, type Row, type Size } from '../../framing/layout/layout.ts'
import { parseLayout } from '../../framing/layout/parse-layout.ts'
import { placesIn } from '../../framing/section-places.ts'
import { type Protocol, QbpError } from '../../index.ts'
import { lua } from './lua.ts'

/** Statements that give a way, CLIENT or SERVER, its row and its preamble. */
export function rowTables({ text }: FrameHeader, protocol: Protocol, way: string): string[] {
  const { preamble, frame } = parseLayout(text)
  const table = (name: string, row: Row) => [
    `${way}.${name} = {`,
    ...row.parts.map((part) => `  { ${partTable(part, row, protocol)} },`),
    '}',
    `table.insert(ROWS, ${way}.${name})`,
  ]
  return [...(preamble === null ? [] : table('preamble', preamble)), ...table('row', frame)]
}

function partTable(part: Part, row: Row, protocol: Protocol): string {
  if (part.kind === 'constant') return `kind = 'constant', bytes = { ${part.bytes.join(', ')} }`
  if (part.kind === 'group') return `kind = 'group', last = ${part.end}`
  if (part.kind === 'body') return `kind = 'body', ${sizeTable(part.size)}`
  if (part.kind === 'bytes') return `kind = 'bytes', name = ${lua(part.name)}, ${sizeTable(part.size)}`
  const shown = lengthShown(row)
  if (part.kind === 'section') {
    const of = protocol.messageType(part.name).fullName
    return `kind = 'section', name = ${lua(part.name)}, of = ${lua(of)}, ${sizeTable(part.size)}`
  }
  const cells = `cells = { ${fieldsOf(part)
    .map((field) => `{ ${cellTable(field, field === shown)} }`)
    .join(', ')} }`
  if (part.kind === 'place') {
    const section = row.parts[part.section] as Part & { kind: 'section' }
    const path = fieldNumbers(protocol, section.name, part)
    return `kind = 'place', section = ${part.section + 1}, ${path}, ${cells}`
  }
  const { width, order } = part.of
  const facts = [width === undefined ? '' : `width = ${width}, `, `order = ${lua(order)}, `]
  return `kind = 'number', ${facts.join('')}${cells}`
}

/** The numbers of the fields that lead to a length or a type. */
function fieldNumbers(protocol: Protocol, section: string, part: Part & { kind: 'place' }): string {
  let type = protocol.messageType(section)
  const fail = (problem: string) => new QbpError('ERR_QBP_BAD_LAYOUT', problem)
  const { path, field } = placesIn(type, part, fail)
  const steps = path.map((name) => {
    const step = type.fields.find((each) => each.name === name)
    if (step?.message) type = step.message
    return `{ id = ${step?.id}, kind = ${lua(step?.kind ?? '')} }`
  })
  return `path = { ${steps.join(', ')} }, isText = ${field.kind === 'string'}`
}

/** The one length that is shown, as that of the body. */
function lengthShown(row: Row): Field | undefined {
  const lengths = row.parts.flatMap(fieldsOf).filter(({ role }) => role === 'length')
  return (
    lengths.find(({ counted }) => counted.parts.includes(row.body)) ??
    lengths.find(({ counted }) => counted.all !== null)
  )
}

const keyOf = ({ text }: Field): string => lua(text)

function cellTable(field: Field & { bits?: number; shift?: number }, isShown: boolean): string {
  const { name, role, counted, bits, shift } = field
  const facts = [`name = ${lua(name)}`, `key = ${keyOf(field)}`, `role = ${lua(role)}`]
  if (role === 'length' && counted.all !== null) facts.push(`all = ${lua(counted.all)}, plus = ${counted.plus}`)
  if (isShown) facts.push('shows = true')
  if (bits !== undefined) facts.push(`bits = ${bits}, shift = ${shift}`)
  return facts.join(', ')
}

function sizeTable(size: Size): string {
  if (size.by === 'fixed') return `size = { by = 'fixed', bytes = ${size.bytes} }`
  const others = (size.by === 'length' ? size.others : size.after).map((place) => place + 1)
  const facts = size.by === 'length' ? `key = ${keyOf(size.length)}, plus = ${size.length.counted.plus}, ` : ''
  return `size = { by = ${lua(size.by)}, ${facts}others = { ${others.join(', ')} } }`
}

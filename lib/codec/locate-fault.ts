// Where a body is at fault. Decoders report what is wrong and not where: a throw from one large function through another
// costs V8 microseconds for each (up to a hundred, for it looks its place up in their code), and a hostile peer would
// choose to have it paid. So a body that was refused is gone through once more, from the outside in.

import { QbpError } from '../base/errors.ts'
import type { Type } from './type.ts'
import { at, MAX_DEPTH, Malformed, skip, tag } from './wire.ts'

/** The error of the body `buf[start..end)`, which its type's decoder has refused with `cause`. One of this side's own passes. */
export function bodyFault(
  cause: unknown,
  type: Type,
  buf: Uint8Array,
  start: number,
  end: number,
  facts: { messageName: string; type?: number | string },
): Error {
  if (!isOfBody(cause)) return cause as Error // Of this side, such as a decoder that could not be compiled: the body is not to blame.
  const path = locate(type, buf, start, end, 0) ?? ''
  const place = path === '' ? facts.messageName : `${facts.messageName}.${path}`
  const problem = cause instanceof Malformed ? cause.problem : (cause as Error).message
  return new QbpError('ERR_QBP_INVALID_BODY', `The body of ${place} does not decode: ${problem}.`, {
    ...facts,
    ...(path === '' ? {} : { field: path }),
    ...(cause instanceof Malformed ? {} : { cause }),
  })
}

/** V8 refuses what is too much for it, such as text of over 512 MiB. */
const isOfBody = (cause: unknown): boolean =>
  cause instanceof Malformed ||
  cause instanceof RangeError ||
  (cause as NodeJS.ErrnoException)?.code === 'ERR_STRING_TOO_LONG'

/** The path of the first field at fault: empty for the message itself, null if none of them is by itself. */
function locate(type: Type, buf: Uint8Array, pos: number, end: number, depth: number): string | null {
  if (depth > MAX_DEPTH) return ''
  const seen = new Set<number>()
  while (pos < end) {
    const start = pos
    let fieldTag = 0
    try {
      fieldTag = tag(buf, pos, end)
      pos = at.pos
      const content = pos
      pos = skip(buf, pos, end, fieldTag, depth)
      const field = type.fields.find(({ id }) => id === fieldTag >>> 3)
      if (field === undefined) continue
      seen.add(field.id)
      const wireType = fieldTag & 7
      if (field.message === null || field.key !== null || wireType !== (field.group ? 3 : 2)) {
        type.decode(new type.Message(), buf, start, pos, depth, true, 0)
        continue
      }
      const inner = locate(field.message, buf, field.group ? content : afterVarint(buf, content), pos, depth + 1)
      if (inner !== null) return inner === '' || field.form !== null ? field.name : `${field.name}.${inner}`
      if (field.form !== null) type.decode(new type.Message(), buf, start, pos, depth, true, 0)
    } catch (fault) {
      if (fault instanceof Malformed && fault.missing) continue // In a field by itself another one is.
      return nameOf(type, fieldTag >>> 3)
    }
  }
  const missing = type.fields.find(({ id, required }) => required && !seen.has(id))
  return missing === undefined ? null : missing.name
}

function afterVarint(buf: Uint8Array, pos: number): number {
  while ((buf[pos++] as number) > 127);
  return pos
}

const nameOf = (type: Type, id: number): string =>
  id === 0 ? '' : (type.fields.find((field) => field.id === id)?.name ?? `#${id}`)

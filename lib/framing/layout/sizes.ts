import type { QbpError } from '../../base/errors.ts'
import { nearest } from '../../base/nearest.ts'
import {
  type At,
  type Body,
  type Bytes,
  type Field,
  fieldsOf,
  fixedSize,
  type Part,
  type Section,
  type Size,
} from './layout.ts'

/** How parts of varying size get theirs: by a length that stands before them, or by the frame's end. */
export class Sizes {
  readonly #parts: readonly Part[]
  readonly #fail: (column: number, problem: string) => QbpError

  constructor(parts: readonly Part[], fail: (column: number, problem: string) => QbpError) {
    this.#parts = parts
    this.#fail = fail
  }

  /** Whether a part of the group `inner` is there only if one of `outer` is. */
  #encloses(outer: number, inner: number): boolean {
    for (let group = inner; ; group = (this.#parts[group] as Part).group) {
      if (group === outer) return true
      if (group < 0) return false
    }
  }

  /** The lengths that have been read where the part begins, in wire order. */
  lengthsBefore(part: At): Field[] {
    return this.#parts
      .filter(({ index, group }) => index < part.index && this.#encloses(group, part.group))
      .flatMap((each) => fieldsOf(each).filter(({ role }) => role === 'length'))
  }

  /** The length that counts nothing but the part, if it has been read where another part begins. */
  #direct(part: At, before: At): Field | undefined {
    return this.lengthsBefore(before).find(({ counted: { parts } }) => parts.length === 1 && parts[0] === part.index)
  }

  /** @throws {QbpError} ERR_QBP_BAD_LAYOUT where nothing says it. */
  of(part: Section | Bytes | Body): Size {
    if (part.kind === 'bytes' && part.size.by === 'fixed' && part.size.bytes > 0) return part.size
    const direct = this.#direct(part, part)
    if (direct !== undefined) return { by: 'length', length: direct, others: [] }
    /** Whether the size of another part is known where this one begins. */
    const isKnown = (other: Part) =>
      (other.index < part.index && this.#encloses(other.group, part.group)) ||
      (other.kind === 'bytes' && other.size.by === 'fixed' && other.size.bytes > 0) ||
      (other.kind !== 'section' && other.kind !== 'bytes' && other.kind !== 'body' && fixedSize(other) !== undefined) ||
      this.#direct(other, part) !== undefined
    const lengths = this.lengthsBefore(part)
    for (const length of lengths) {
      const { counted } = length
      const others = counted.parts.filter((each) => each !== part.index)
      if (others.length === counted.parts.length || !others.every((each) => isKnown(this.#parts[each] as Part)))
        continue
      return { by: 'length', length, others }
    }
    const after = this.#parts.slice(part.index + 1)
    if (lengths.some(({ counted }) => counted.all !== null)) {
      const group = after.find(({ kind }) => kind === 'group')
      if (group === undefined && after.every(isKnown)) return { by: 'end', after: after.map(({ index }) => index) }
    }
    throw this.#unknown(part)
  }

  #unknown(part: Section | Bytes | Body): QbpError {
    const name = part.kind === 'body' ? 'body' : part.name
    const lengths = this.#parts.flatMap(fieldsOf).filter(({ role }) => role === 'length')
    if (part.kind === 'body' && lengths.length === 0) {
      const misspelt = this.#parts.find((each) =>
        fieldsOf(each).some((field) => field.role === 'own' && nearest(field.name, ['length'])),
      )
      const found = misspelt === undefined ? '' : fieldsOf(misspelt)[0]?.name
      if (misspelt !== undefined)
        throw this.#fail(misspelt.column, `it has no length; '${found}': did you mean length?`)
      return this.#fail(part.column, 'it has no length')
    }
    const remedy = name === 'body' ? 'length:u32' : `length(${name}):u32`
    return this.#fail(
      part.column,
      `nothing before it says how long ${name === 'body' ? 'the body' : name} is: put a ${remedy} before it, or a length(rest) that leaves nothing else open`,
    )
  }
}

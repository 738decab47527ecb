// When checksums are verified on read, and computed on write.

import type { QbpError } from '../../base/errors.ts'
import type { Integer, Part, Row } from './layout.ts'

type Fail = (column: number, problem: string) => QbpError

/** @throws {QbpError} ERR_QBP_BAD_LAYOUT for checksums that cover each other. */
export function checksumsOf(parts: readonly Part[], fail: Fail): Pick<Row, 'verify' | 'verifyLast' | 'checksums'> {
  const sums = parts.filter((part): part is Integer => part.kind === 'integer' && part.checksum !== null)
  const verify = new Map<number, number[]>()
  const verifyLast: number[] = []
  for (const sum of sums) {
    const place = verifiedAt(sum, parts)
    if (place < 0) verifyLast.push(sum.index)
    else verify.set(place, [...(verify.get(place) ?? []), sum.index])
  }
  return { verify, verifyLast, checksums: inOrder(sums, fail) }
}

/** The place of the part after which everything that a checksum covers has been read; -1 for the frame's end. */
function verifiedAt({ index, group, field: { counted } }: Integer, parts: readonly Part[]): number {
  if (counted.all !== null) return -1
  return counted.parts.every((each) => parts[each]?.group === group) ? Math.max(index, ...counted.parts) : -1
}

/** The places of checksums, each after those that it covers. */
function inOrder(sums: readonly Integer[], fail: Fail): number[] {
  const covers = ({ index, field: { counted } }: Integer, inner: Integer): boolean => {
    if (index === inner.index) return false
    return counted.all === null ? counted.parts.includes(inner.index) : counted.all === 'frame' || inner.index > index
  }
  const order: number[] = []
  let left = sums
  while (left.length > 0) {
    const next = left.find((each) => !left.some((other) => covers(each, other)))
    if (next === undefined) throw fail((left[0] as Integer).column, 'checksums cover each other')
    order.push(next.index)
    left = left.filter((each) => each !== next)
  }
  return order
}

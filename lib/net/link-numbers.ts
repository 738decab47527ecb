import { QbpError } from '../base/errors.ts'
import { nearest } from '../base/nearest.ts'
import { countLimit } from '../base/options.ts'
import type { FrameHeader } from '../framing/frame-header.ts'

// The numbers of a link go round. A number that comes again within a window is that of a message sent twice, and after it that of a new one:
//
//        known again               may wait for an answer
//   ├───── remembered ─────┼────────── maxPending ──────────┤   no more than maxNumber in all
//                           oldest that waits        next

/** The greatest number that is used, whatever the field holds. */
const MOST = 2 ** 32 - 1
/** How many numbers may wait, and are known again, where nobody says so. */
const WINDOW = 256

/** How a link numbers, as far as it was said. */
export interface NumberOptions {
  maxNumber?: number | undefined
  maxPending?: number | undefined
  remembered?: number | undefined
}

/** The numbers of one end's messages. */
export class LinkNumbers {
  readonly maxPending: number
  /** How many of the peer's last numbers are known again. */
  readonly remembered: number
  readonly #most: number
  #last = 0

  /** @throws {QbpError} ERR_QBP_BAD_OPTION for a limit that is none, or a field that the header does not have. */
  constructor(header: FrameHeader, fields: readonly string[], options: NumberOptions) {
    const holds = Math.min(...fields.map((field) => mostIn(header, field)))
    this.#most = Math.min(countLimit('maxNumber', options.maxNumber, holds), holds)
    const remembered = countLimit('remembered', options.remembered, WINDOW)
    this.remembered = Math.min(remembered, Math.max(1, Math.floor(this.#most / 2)))
    const maxPending = countLimit('maxPending', options.maxPending, WINDOW)
    this.maxPending = Math.min(maxPending, Math.max(1, this.#most - this.remembered))
  }

  /** The next number, if it is not too far from the oldest that waits for its answer; else 0. */
  next(oldest: number | undefined): number {
    const next = this.#last >= this.#most ? 1 : this.#last + 1
    if (oldest !== undefined && (next - oldest + this.#most) % this.#most >= this.maxPending) return 0
    this.#last = next
    return next
  }
}

/** The greatest number that a field of the header holds, of those that are used. */
function mostIn(header: FrameHeader, field: string): number {
  const { fieldNames, parts, plain } = header
  if (!fieldNames.includes(field)) {
    const meant = nearest(field, [...fieldNames])
    const advice =
      meant === undefined ? `it has ${fieldNames.join(', ') || 'none of its own'}` : `did you mean ${meant}?`
    throw new QbpError(
      'ERR_QBP_BAD_OPTION',
      `The header '${header.text}' has no field ${field} to number by: ${advice}`,
      {
        option: field,
      },
    )
  }
  for (const part of parts) {
    if (part.kind === 'integer' && part.field.name === field) return Math.min(Number(part.of.most), MOST)
    const bits = part.kind === 'bits' ? part.fields.find(({ name }) => name === field) : undefined
    if (bits !== undefined) return Math.min(2 ** bits.bits - 1, MOST)
  }
  if (plain === null) return MOST
  // A generated header has no parts, but says what it does not hold.
  let [most, over] = [0, MOST + 1]
  while (over - most > 1) {
    const middle = Math.floor((most + over) / 2)
    if (isHeld(() => plain.check(0, 0, { [field]: middle }))) most = middle
    else over = middle
  }
  return most
}

function isHeld(check: () => void): boolean {
  try {
    check()
    return true
  } catch {
    return false
  }
}

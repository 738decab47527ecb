import { Room } from '../codec/body.ts'
import type { Output } from '../codec/type.ts'
import { copy } from '../codec/wire.ts'

/** The room of a longer frame is not kept. */
const KEPT_BYTES = 65_536

let spare: Room | null = null

/**
 * The frame that `write` writes at 0 of an output, as bytes of its own.
 *
 * @param write returns the position after the frame. A message's getter may write another message meanwhile, in room of its own.
 * @throws what `write` throws.
 */
export function singleFrame(write: (output: Output) => number): Uint8Array {
  const output = spare ?? new Room()
  spare = null
  try {
    const end = write(output)
    return copy(output.buf, 0, end)
  } finally {
    if (output.buf.length <= KEPT_BYTES) spare = output
  }
}

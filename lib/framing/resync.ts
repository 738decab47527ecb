// What comes between frames that begin with a constant, such as lines of text for people on a serial port: it is dropped, up to
// the next constant. A frame that turns out to be none was such bytes, too: its first byte is dropped, and the search goes on.
//
//   ┌───────┬────────────────┬───────┬─────────────────┐
//   │ frame │ "rebooting…\n" │ 94 c3 │ … the next frame │
//   └───────┴────────────────┴───────┴─────────────────┘
//            dropped          read on

import { QbpError } from '../base/errors.ts'
import type { Role } from '../base/role.ts'
import type { FrameHeader } from './frame-header.ts'

/** Bytes of a frame that cost nothing to be looked at again. */
const CHEAP = 64

/** The way back into step. */
export class Resync {
  /** Bytes dropped so far. */
  dropped = 0
  /** Is called with what is dropped, a view that is valid for the call, and its place in the stream. */
  onDrop: ((bytes: Uint8Array, offset: number) => void) | null = null
  readonly #constant: readonly number[]
  /** Up to here, in the stream, bytes have been part of a frame that was none. */
  #lookedAt = 0

  constructor(constant: readonly number[]) {
    this.#constant = constant
  }

  /**
   * Where a frame may begin after the one at `start`, which is none.
   *
   * A frame's bytes may be looked at again as those of others: once. Else a row of constants, each the beginning of a frame that fails
   * at its end, would cost its length each time.
   *
   * @param offset of the frame in the stream.
   * @param reached up to where its bytes were looked at before it failed.
   */
  after(buf: Uint8Array, start: number, offset: number, reached: number): number {
    const size = reached - start
    const isAgain = size > CHEAP && offset < this.#lookedAt
    if (size > CHEAP) this.#lookedAt = Math.max(this.#lookedAt, offset + size)
    const next = this.#find(buf, isAgain ? reached : start + 1)
    this.dropped += next - start
    this.onDrop?.(buf.subarray(start, next), offset)
    return next
  }

  /** The next constant, or the beginning of one at the end of the bytes; their end if there is none. */
  #find(buf: Uint8Array, from: number): number {
    const constant = this.#constant
    const first = constant[0] as number
    for (let at = buf.indexOf(first, from); at >= 0; at = buf.indexOf(first, at + 1)) {
      const length = Math.min(constant.length, buf.length - at)
      let i = 1
      while (i < length && buf[at + i] === constant[i]) i++
      if (i === length) return at
    }
    return buf.length
  }
}

/** @throws {QbpError} ERR_QBP_BAD_OPTION for headers whose frames do not begin with a constant, or a protocol that carries calls. */
export function checkResync(headers: Readonly<Record<Role, FrameHeader>>, hasCalls: boolean): void {
  const bare = [headers.client, headers.server].find(({ start }) => start.length === 0)
  if (bare === undefined && !hasCalls) return
  const problem =
    bare === undefined
      ? 'the protocol carries calls, of which none may be lost'
      : `frames of '${bare.text}' do not begin with a constant, by which the next one could be found`
  throw new QbpError('ERR_QBP_BAD_OPTION', `resync is true; ${problem}.`, { option: 'resync' })
}

/** For a MessageReader: what begins at these bytes. */
export const resyncFrom = (start: readonly number[]): Resync => new Resync(start)

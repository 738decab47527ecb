import type { Type } from '../codec/type.ts'
import type { FrameHeader } from '../framing/frame-header.ts'
import { Header } from '../framing/header.ts'

/**
 * A layout that the module was not made with, or one that is more than a row of integers. It is read part by part: nothing is compiled, and a program
 * that does not import this has none of the code.
 *
 *     Protocol.from(chat, { header: layout('length:varint type:varint') })
 *
 * @throws {QbpError} ERR_QBP_BAD_LAYOUT, when the Protocol is made.
 */
export function layout(text: string): string {
  const read = {
    header: (section?: (name: string) => Type): FrameHeader =>
      new Header(text, { isInterpreted: true, ...(section && { section }) }),
  }
  return read as unknown as string
}

import type { ReadFrame } from '../../framing/frame-reader.ts'
import type { Protocol, Role } from '../../index.ts'
import { type FrameJson, frameToJson } from '../../protojson/frame-json.ts'
import { base64 } from '../../protojson/scalars.ts'
import { errorText } from '../command/fault.ts'

/** A frame that was read, as far as a line shows it. */
export type ShownFrame = Pick<ReadFrame, 'name' | 'type' | 'offset' | 'length' | 'bytes'> & {
  message?: object
  error?: Error
}

/**
 * The line of any frame. A body that does not decode, or whose message has no JSON, stands in base64 beside the error:
 * `qbp encode` makes the same frame of it.
 */
export function frameLine(protocol: Protocol, sender: Role, frame: ShownFrame): FrameJson {
  const { name, type, offset, length, message } = frame
  let { error } = frame
  if (error === undefined && message !== undefined) {
    try {
      return frameToJson(protocol, sender, { name, type, offset, length, message, body: bodyOf(frame) })
    } catch (fault) {
      error = fault as Error
    }
  }
  const place = { name, ...(protocol.header.hasType && { type }), offset, length }
  return { ...place, body: base64(bodyOf(frame)), ...(error !== undefined && { error: errorText(error) }) }
}

/** The bytes of a frame's body. */
const bodyOf = ({ bytes, length }: ShownFrame): Uint8Array => bytes.subarray(bytes.length - length)

import type { QbpError } from '../base/errors.ts'
import type { Role } from '../base/role.ts'
import type { ReadFrame } from '../framing/frame-reader.ts'
import { fieldsToJson } from './fields-json.ts'
import { type Conversation, type FrameJson, frameToJson } from './frame-json.ts'
import { base64 } from './scalars.ts'

/** A frame that was read, as far as a line shows it. */
export type ShownFrame = Pick<ReadFrame, 'name' | 'type' | 'offset' | 'length' | 'bytes'> & {
  message?: object
  error?: Error
  /** Where the body begins in the frame; without it the body is its end. */
  bodyStart?: number
}

/** What a line needs of a Protocol. */
export interface LineProtocol extends Conversation {
  readonly unknown: string
}

/**
 * The line of any frame, as `qbp decode` prints it. A body that does not decode, or whose message has no JSON, stands in base64 beside
 * the error: `qbp encode` makes the same frame of it.
 *
 * @param textOf an error's text, for whoever reads the line.
 */
export function frameLine(
  protocol: LineProtocol,
  sender: Role,
  frame: ShownFrame,
  textOf: (error: Error) => string = ({ message }) => message,
): FrameJson {
  const { name, type, offset, length, message } = frame
  let error = faultOf(protocol, frame)
  if (error === undefined && message !== undefined) {
    try {
      return byFields(
        protocol,
        frameToJson(protocol, sender, { name, type, offset, length, message, body: bodyOf(frame) }),
        frame,
      )
    } catch (fault) {
      error = fault as Error
    }
  }
  const place = { name, ...(protocol.headers[sender].hasType && { type }), offset, length }
  const line = { ...place, body: base64(bodyOf(frame)), ...(error !== undefined && { error: textOf(error) }) }
  return byFields(protocol, line, frame)
}

/** The body of a message that the schema lacks by its fields, if it reads as protobuf. */
function byFields({ unknown }: LineProtocol, line: FrameJson, frame: ShownFrame): FrameJson {
  const isKnown = line.name !== null && (unknown !== 'raw' || line.body === undefined)
  if (isKnown) return line
  const fields = fieldsToJson(bodyOf(frame))
  if (fields === undefined) return line
  const { body: _, error, ...rest } = line
  return { ...rest, fields, ...(error !== undefined && { error }) }
}

/** What is wrong with a frame. Where there is no schema, it is no fault that a type is in no table. */
export function faultOf({ unknown }: Pick<LineProtocol, 'unknown'>, { error }: { error?: Error }): Error | undefined {
  return unknown === 'raw' && (error as Partial<QbpError>)?.code === 'ERR_QBP_UNKNOWN_TYPE' ? undefined : error
}

/** The bytes of a frame's body. */
const bodyOf = ({ bytes, length, bodyStart = bytes.length - length }: ShownFrame): Uint8Array =>
  bytes.subarray(bodyStart, bodyStart + length)

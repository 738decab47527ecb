import type { Role } from '../base/role.ts'
import type { Position } from '../bus/contract.ts'
import { MessageReader, NONE } from '../framing/message-reader.ts'
import type { MessageWriter } from '../framing/message-writer.ts'
import { readFrame } from '../framing/read-frame.ts'
import { WITHOUT_LIMITS } from '../framing/without-limits.ts'
import type { Incoming, Outgoing } from '../protocol/message-types.ts'
import type { Protocol } from '../protocol/protocol.ts'
import type { Stamp } from './log-delivery.ts'

export type Other<R extends Role> = R extends 'server' ? 'client' : 'server'

/** As long as a position gets: a message has to fit with any. */
export const LONGEST_POSITION: Position = { epoch: '0'.repeat(64), offset: 2n ** 63n - 1n, mark: '0'.repeat(40) }

/** Frames go to clients as they are. */
export function asIs(frame: Uint8Array): Uint8Array {
  return frame
}

/** Reads a frame, lets `stamp` say its place in it, and writes it again. */
export function stamping<P extends Protocol, R extends Role>(
  protocol: P,
  role: R,
  stamp: (message: Incoming<P, Other<R>>, position: Position) => Outgoing<P, R>,
  framer: MessageWriter,
): Stamp {
  const [header, table] = [protocol.headers[role], protocol.sent[role]]
  const { body } = protocol
  return (frame, position) => {
    const messages = new MessageReader({ ...WITHOUT_LIMITS, header, table, body, unknown: 'skip' }, false)
    const message = readFrame(messages, Buffer.from(frame.buffer, frame.byteOffset, frame.length))
    return message === NONE ? frame : framer.frame(stamp(message as Incoming<P, Other<R>>, position))
  }
}

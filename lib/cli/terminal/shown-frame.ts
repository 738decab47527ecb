import type { Protocol, Role } from '../../index.ts'
import type { FrameJson } from '../../protojson/frame-json.ts'
import { frameLine, type ShownFrame } from '../../protojson/frame-line.ts'
import { errorText } from '../command/fault.ts'

/** The line of any frame, its error in the words of the command. */
export const shownFrame = (protocol: Protocol, sender: Role, frame: ShownFrame): FrameJson =>
  frameLine(protocol, sender, frame, errorText)

import type { MessageReader, None } from './message-reader.ts'

/**
 * The message of a frame by itself, the counterpart of `frame` of a MessageWriter; NONE if a policy drops it.
 *
 * @throws {QbpError} as `take`, and ERR_QBP_TRUNCATED for bytes that are no whole frame, or more than one.
 */
export function readFrame(messages: MessageReader, frame: Uint8Array): object | None {
  messages.frames.feed(frame)
  const message = messages.take()
  messages.frames.finish()
  return message
}

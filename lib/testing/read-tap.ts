// What `qbp tap --record` has written, as messages: lines of JSON, of which those with bytes are
//
//   {"at":1795399741000.9,"connection":1,"direction":"client","kind":"bytes","bytes":"AAMAAAAA"}

import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { QbpError } from '../base/errors.ts'
import type { Role } from '../base/role.ts'
import { MessageReader, NONE } from '../framing/message-reader.ts'
import { WITHOUT_LIMITS } from '../framing/without-limits.ts'
import type { Incoming } from '../protocol/message-types.ts'
import type { Protocol } from '../protocol/protocol.ts'

/** A message of a recording. */
export type TapMessage<P extends Protocol> = {
  /** When the last of its bytes passed the tap: milliseconds since 1970. */
  readonly at: number
  /** The connection's number in the recording. */
  readonly connection: number
} & (
  | { readonly role: 'client'; readonly message: Incoming<P, 'server'> }
  | { readonly role: 'server'; readonly message: Incoming<P, 'client'> }
)

/**
 * The messages of a recording of `qbp tap --record`, in the order in which they passed; `role` is whose message it is.
 *
 *   for await (const { at, connection, role, message } of readTap('session.tap', protocol)) …
 *
 * @param source a file's path, or its bytes.
 * @throws {QbpError} ERR_QBP_BAD_OPTION for what is no recording; the faults of a reader, for bytes that are no frames. Messages before
 * them come first.
 */
export async function* readTap<P extends Protocol>(
  source: string | AsyncIterable<Uint8Array>,
  protocol: P,
): AsyncGenerator<TapMessage<P>, void, undefined> {
  const readers = new Map<string, MessageReader>()
  for await (const { at, connection, direction: role, bytes } of readLines(source)) {
    const key = `${connection} ${role}`
    const reader = readers.get(key) ?? readerOf(protocol, role)
    readers.set(key, reader)
    reader.frames.feed(bytes)
    for (let message = reader.take(); message !== NONE; message = reader.take())
      yield { at, connection, role, message } as TapMessage<P>
  }
}

function readerOf({ headers, sent, body, unknown, invalid }: Protocol, role: Role): MessageReader {
  return new MessageReader({ ...WITHOUT_LIMITS, header: headers[role], table: sent[role], body, unknown, invalid })
}

interface Passed {
  readonly at: number
  readonly connection: number
  readonly direction: Role
  readonly bytes: Buffer
}

async function* readLines(source: string | AsyncIterable<Uint8Array>): AsyncGenerator<Passed> {
  const input = typeof source === 'string' ? createReadStream(source) : Readable.from(source, { objectMode: false })
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })
  input.once('error', () => lines.close()) // readline's iterator keeps it to itself.
  let number = 0
  for await (const line of lines) {
    const entry = parsed(line)
    if (++number === 1 && entry?.recording !== 1) throw noRecording(source)
    const { at, connection, direction, kind, bytes } = entry ?? {} // The last line, of a tap that was killed, may be cut.
    if (kind === 'bytes' && direction !== 'client' && direction !== 'server') throw noRecording(source)
    if (kind === 'bytes')
      yield { at, connection, direction, bytes: Buffer.from(String(bytes), 'base64') } as unknown as Passed
  }
  if (input.errored) throw input.errored
  if (number === 0) throw noRecording(source)
}

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function noRecording(source: unknown): QbpError {
  const name = typeof source === 'string' ? source : 'What was given'
  return new QbpError('ERR_QBP_BAD_OPTION', `${name} is no recording of qbp tap --record.`)
}

// What can be watched from outside: the channels of node:diagnostics_channel, and the lines of NODE_DEBUG=qbp. Both cost
// nothing while nobody watches. Here are those of messages, in net/diagnostics those of connections; `ChannelEvents` has the
// channels' types, docs/observability.md lists them.

import { type Channel, channel } from 'node:diagnostics_channel'
import { type DebugLogger, debuglog } from 'node:util'
import { codeOf } from '../base/errors.ts'
import { shown } from '../base/shown.ts'
import { isError } from '../base/thrown.ts'

const bytesDropped = channel('qbp:bytes:dropped')
const messageRefused = channel('qbp:message:refused')
/** For the paths of every message: to be asked for `hasSubscribers` before anything is made to be published. */
export const messageIn: Channel = channel('qbp:message:in')
export const messageOut: Channel = channel('qbp:message:out')

/** Writes a line, where NODE_DEBUG asks for it. Bun's says by itself whether it does, but has no `enabled`. */
export const log: DebugLogger = debuglog('qbp')
if (log.enabled === undefined) Object.assign(log, { enabled: process.env.NODE_DEBUG !== undefined })

/** What the lines call a connection: its `id`. */
export function numberOf(connection: { readonly id?: number } | null): string {
  return connection === null ? 'a stream' : `#${connection.id}`
}

/** A fault in a line: its code, and what it says. */
export function describeFault(fault: unknown): string {
  return isError(fault) ? `${codeOf(fault)}: ${fault.message}` : `${codeOf(fault)} ${shown(fault)}`
}

/** A reader dropped bytes that are no frame. They are a view of what came. */
export function droppedBytes(connection: object | null, reader: object, bytes: Uint8Array, offset: number): void {
  if (log.enabled) log('%s dropped %d bytes at %d, which are no frame', numberOf(connection), bytes.length, offset)
  if (bytesDropped.hasSubscribers) bytesDropped.publish({ connection, reader, bytes: Buffer.from(bytes), offset })
}

/** A writer refused a message: nothing of it was sent. */
export function refusedMessage(
  connection: { readonly id?: number } | null,
  writer: object,
  message: unknown,
  fault: unknown,
): void {
  if (log.enabled) log('%s refused a message: %s', numberOf(connection), describeFault(fault))
  if (messageRefused.hasSubscribers) messageRefused.publish({ connection, writer, message, fault })
}

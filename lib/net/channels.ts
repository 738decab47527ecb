import type { Role } from '../base/role.ts'
import type { EndedCall } from '../calls/host.ts'
import type { QbpReadable } from '../streams/readable.ts'
import type { QbpWritable } from '../streams/writable.ts'
import type { QbpConnection } from './connection.ts'
import type { QbpServer } from './server.ts'

/**
 * What the channels of node:diagnostics_channel carry, by the channel's name.
 *
 * The objects are those that the program itself works with, not copies: a subscriber looks, and changes nothing. What it
 * throws is an uncaught exception, as with every channel of Node's.
 */
export interface ChannelEvents {
  /** A connection was made on an open duplex. */
  'qbp:connection:open': { connection: QbpConnection; role: Role | null }
  /** It has closed: `fault` is what `closed` resolves with. */
  'qbp:connection:close': { connection: QbpConnection; fault: Error | null }
  /** A server turned one away before there was a connection: one beyond maxConnections, or a failed TLS handshake. */
  'qbp:connection:refused': { server: QbpServer; fault: Error }
  /** A message was read, and is about to be handed out. `name` is that of the table, null for an unlisted type; `bytes` the frame's. */
  'qbp:message:in': {
    connection: QbpConnection | null
    reader: QbpReadable
    name: string | null
    bytes: number
    message: object
  }
  /** A message was written. */
  'qbp:message:out': {
    connection: QbpConnection | null
    writer: QbpWritable
    name: string | null
    bytes: number
    message: object
  }
  /** A call has ended, of either side: `code` is 'OK' or one of the sixteen, `ms` its time on this side. */
  'qbp:call:end': { connection: QbpConnection } & EndedCall
  /** Bytes were no frame, and dropped as the protocol's `resync` says. They are a copy; `offset` is their place in the stream. */
  'qbp:bytes:dropped': { connection: QbpConnection | null; reader: QbpReadable; bytes: Buffer; offset: number }
  /** A message was refused on write: nothing of it was sent. */
  'qbp:message:refused': { connection: QbpConnection | null; writer: QbpWritable; message: unknown; fault: unknown }
}

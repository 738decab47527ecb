/**
 * Typed protobuf messages over any Node byte stream.
 *
 * @module
 */
export { type ConnectOptions, connect } from './client.ts'
export { type ConnectionStats, QbpConnection } from './connection.ts'
export type { DeadlineOptions, Heartbeat } from './deadline.ts'
export { type ErrorCode, type ErrorFacts, QbpError } from './errors.ts'
export { headers } from './header.ts'
export type { Int64, Int64Kind, Long } from './int64.ts'
export { type Policy, Protocol, type ProtocolOptions } from './protocol.ts'
export { QbpReadable, type ReadableOptions, type ReadOptions } from './readable.ts'
export { type Connections, connections, type ReconnectOptions } from './reconnect.ts'
export type { LoadOptions, MessageMap, Schema, SchemaSource } from './schema.ts'
export { createServer, type Handler, QbpServer, type ServerOptions, type ServerStats } from './server.ts'
export type { CloseOptions, ConnectionOptions } from './settings.ts'
export { type EntryForm, type OnlyForm, RawMessage, type Role, type TableForm } from './table.ts'
export type { TlsOptions } from './tls.ts'
export { Message } from './type.ts'
export type { AnyMessage, Framed, Incoming, Outgoing, UnlistedMessage } from './typing.ts'
export { QbpWritable, type WritableOptions, type WriteOptions } from './writable.ts'

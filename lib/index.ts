/**
 * Typed protobuf messages over any Node byte stream.
 *
 * @module
 */

export type { BusOptions, RetentionOptions } from './bus/base.ts'
export type * from './bus/bus.ts'
export { type LocalBus, type LocalBusOptions, LocalHub, type LocalHubOptions, localBus } from './bus/local.ts'
export { formatPosition, parsePosition } from './bus/position.ts'
export { BusGroup, type BusGroupOptions, type JoinOptions } from './bus-group.ts'
export type { ChannelEvents } from './channels.ts'
export { type ConnectOptions, connect } from './client.ts'
export { type CloseOptions, type ConnectionOptions, type ConnectionStats, QbpConnection } from './connection.ts'
export type { DeadlineOptions, Heartbeat } from './deadline.ts'
export { type ErrorCode, type ErrorFacts, QbpError } from './errors.ts'
export { type BroadcastOptions, Group, type GroupOptions, type Member } from './group.ts'
export type { Int64, Int64Kind, Long } from './int64.ts'
export { headers } from './layout.ts'
export type { LoadOptions } from './load.ts'
export type { Presence } from './presence.ts'
export { type Policy, Protocol, type ProtocolOptions } from './protocol.ts'
export { QbpReadable, type ReadableOptions, type ReadOptions } from './readable.ts'
export { type Connections, connections, type ReconnectOptions } from './reconnect.ts'
export type { MessageMap, Schema, SchemaSource } from './schema.ts'
export { createServer, type Handler, QbpServer, type ServerOptions, type ServerStats } from './server.ts'
export type { Session } from './session.ts'
export { Sessions, type SessionsOptions } from './sessions.ts'
export { type EntryForm, type OnlyForm, RawMessage, type Role, type TableForm } from './table.ts'
export type { Traffic } from './tally.ts'
export type { TlsOptions } from './tls.ts'
export { Message } from './type.ts'
export type { AnyMessage, Framed, Incoming, Outgoing, UnlistedMessage } from './typing.ts'
export { QbpWritable, type WritableOptions, type WriteOptions } from './writable.ts'

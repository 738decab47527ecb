/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Typed protobuf messages over any Node byte stream.
 *
 * @module
 */

export { type ErrorCode, type ErrorFacts, QbpError } from './base/errors.ts'
export type { Role } from './base/role.ts'
export type { BusChannelEvents } from './bus/bus-channels.ts'
export type { BusOptions, LogLimits, RetentionOptions } from './bus/bus-options.ts'
export type * from './bus/contract.ts'
export {
  type HubFileOptions,
  type LocalBus,
  type LocalBusOptions,
  LocalHub,
  type LocalHubOptions,
  localBus,
} from './bus/local/local-bus.ts'
export { decodePosition, encodePosition, formatPosition, parsePosition } from './bus/position.ts'
export {
  CALL_CODES,
  type CallCode,
  type CallDetail,
  CallError,
  type CallErrorFacts,
  type Metadata,
} from './calls/call-error.ts'
export type { CallSettings } from './calls/call-settings.ts'
export type { ClientOptions } from './calls/client.ts'
export { Health, type HealthMethods, type ServingStatus } from './calls/health.ts'
export type { EndedCall } from './calls/host.ts'
export type { InterceptedCall, Interceptor } from './calls/interceptor.ts'
export type { LastingClientOptions } from './calls/lasting-client.ts'
export type { CallOptions } from './calls/limits.ts'
export type { ServeOptions } from './calls/serve.ts'
export type { CallContext } from './calls/served-method.ts'
export type { CallStats, CallTraffic } from './calls/stats.ts'
export type { Answers, AnyClient, AnyHandlers, Client, Handlers } from './calls/typed.ts'
export { BusGroup } from './cluster/bus-group.ts'
export type { BusGroupEvents, BusGroupOptions, JoinOptions } from './cluster/bus-group-options.ts'
export type { Joined, Joining } from './cluster/join-all.ts'
export type { Presence } from './cluster/roster.ts'
export type { Session } from './cluster/session.ts'
export { Sessions, type SessionsOptions } from './cluster/sessions.ts'
export type { Int64, Int64Kind, Long, LongClass } from './codec/int64.ts'
export { Message } from './codec/message-class.ts'
export { plain } from './codec/plain.ts'
export {
  type JsonObject,
  type JsonValue,
  type PlainField,
  type PlainForm,
  type PlainForms,
  plainForms,
} from './codec/plain-forms.ts'
export { temporalForms } from './codec/temporal-forms.ts'
export type { BodyHook } from './framing/body-hook.ts'
export type { Frame } from './framing/frame.ts'
export type { HeaderFields } from './framing/head.ts'
export type { Policy } from './framing/message-reader.ts'
export { headers } from './framing/presets.ts'
export { RawMessage } from './framing/table.ts'
export type { Traffic } from './framing/traffic.ts'
export type { ChannelEvents } from './net/channels.ts'
export { type ConnectOptions, connect } from './net/client.ts'
export { type ConnectionEvents, QbpConnection } from './net/connection.ts'
export { type BroadcastOptions, Group, type GroupOptions } from './net/group.ts'
export type { Member, Slow } from './net/group-member.ts'
export type { Handler, ServerConnection } from './net/handlers.ts'
export { Link, type LinkOptions, type Unnumbered } from './net/link.ts'
export { type Connections, connections, type ReconnectOptions } from './net/reconnect.ts'
export { createServer, QbpServer } from './net/server.ts'
export type { AttachOptions, ServerOptions, ServerStats } from './net/server-options.ts'
export type { CloseOptions, ConnectionOptions, GoOnOptions } from './net/settings.ts'
export type { DeadlineOptions, Heartbeat } from './net/time-limits.ts'
export type { TlsOptions } from './net/tls.ts'
export type { FieldIn, NameIn, Peeked, ReadMessage, WrittenMessage } from './protocol/body-types.ts'
export type { CallDialect, CallForm } from './protocol/call-forms.ts'
export type {
  Description,
  EnumDescription,
  FieldDescription,
  GeneratedCodec,
  GeneratedLayouts,
  MessageDescription,
  MessageMap,
  MethodDescription,
  Schema,
  ServiceDescription,
} from './protocol/description.ts'
export { dispatch, type MessageHandlers } from './protocol/dispatch.ts'
export type { EntryForm, OnlyForm, PerRole, TableForm } from './protocol/forms.ts'
export type {
  AnyMessage,
  Directions,
  Framed,
  Incoming,
  IncomingPreamble,
  Merged,
  OneOf,
  Outgoing,
  OutgoingPreamble,
  Sent,
  UnlistedMessage,
  Untyped,
} from './protocol/message-types.ts'
export type { MethodType, ServiceType } from './protocol/method.ts'
export type { ProtocolOptions } from './protocol/options.ts'
export { Protocol } from './protocol/protocol.ts'
export type { LoadOptions } from './protocol/schema/load.ts'
export type { MethodMap, Service } from './protocol/service.ts'
export type { JsonOptions } from './protojson/proto-json.ts'
export type { ConnectionStats } from './stats/counts.ts'
export { QbpReadable, type ReadOptions } from './streams/readable.ts'
export type { ReadableOptions, WritableOptions } from './streams/settings.ts'
export { QbpWritable, type Writable, type WriteOptions } from './streams/writable.ts'

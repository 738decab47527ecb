/// <reference lib="esnext.disposable" preserve="true" />
// `qbp-stream/web`: for browsers, Workers, and wherever there is a WebSocket or a pair of web streams. No module of Node's, no Buffer, no code from text.

export { type ErrorCode, type ErrorFacts, QbpError } from '../base/errors.ts'
export type { Role } from '../base/role.ts'
export {
  CALL_CODES,
  type CallCode,
  type CallDetail,
  CallError,
  type CallErrorFacts,
  type Metadata,
} from '../calls/call-error.ts'
export type { CallSettings } from '../calls/call-settings.ts'
export type { ClientOptions } from '../calls/client.ts'
export { Health, type HealthMethods, type ServingStatus } from '../calls/health.ts'
export type { InterceptedCall, Interceptor } from '../calls/interceptor.ts'
export type { LastingClientOptions } from '../calls/lasting-client.ts'
export type { CallOptions } from '../calls/limits.ts'
export type { ServeOptions } from '../calls/serve.ts'
export type { CallContext } from '../calls/served-method.ts'
export type { CallStats, CallTraffic } from '../calls/stats.ts'
export type { Answers, AnyClient, AnyHandlers, Client, Handlers } from '../calls/typed.ts'
export type { Int64, Int64Kind, Long, LongClass } from '../codec/int64.ts'
export { Message } from '../codec/message-class.ts'
export { plain } from '../codec/plain.ts'
export {
  type JsonObject,
  type JsonValue,
  type PlainField,
  type PlainForm,
  type PlainForms,
  plainForms,
} from '../codec/plain-forms.ts'
export { temporalForms } from '../codec/temporal-forms.ts'
export type { BodyHook } from '../framing/body-hook.ts'
export type { HeaderFields } from '../framing/head.ts'
export type { Policy } from '../framing/message-reader.ts'
export { headers } from '../framing/presets.ts'
export { RawMessage } from '../framing/table.ts'
export type { Traffic } from '../framing/traffic.ts'
export type { FieldIn, NameIn, Peeked, ReadMessage, WrittenMessage } from '../protocol/body-types.ts'
export type { CallDialect, CallForm } from '../protocol/call-forms.ts'
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
} from '../protocol/description.ts'
export { dispatch, type MessageHandlers } from '../protocol/dispatch.ts'
export type { EntryForm, OnlyForm, PerRole, TableForm } from '../protocol/forms.ts'
export { fromJson, toJson } from '../protocol/json.ts'
export type {
  AnyMessage,
  Directions,
  Framed,
  Incoming,
  Merged,
  OneOf,
  Outgoing,
  Sent,
  UnlistedMessage,
  Untyped,
} from '../protocol/message-types.ts'
export type { ProtocolOptions } from '../protocol/options.ts'
export { peek } from '../protocol/peek.ts'
export type { MethodMap, Service } from '../protocol/service.ts'
export type { JsonOptions } from '../protojson/proto-json.ts'
export type { ConnectionStats } from '../stats/counts.ts'
export { bodyHook } from './body-hook.ts'
export { calls } from './calls.ts'
export { type ConnectOptions, connect, type Target } from './connect.ts'
export type { CloseOptions, WebConnection } from './connection.ts'
export { type ConnectionsWithClients, withClients } from './lasting.ts'
export { layout } from './layout.ts'
export type { ConnectionOptions, Heartbeat, StatsSupport } from './options.ts'
export { Protocol } from './protocol.ts'
export type { ReadOptions, WebReader } from './reader.ts'
export { connections, type ReconnectOptions } from './reconnect.ts'
export { resync } from './resync.ts'
export { stats } from './stats.ts'
export type { StreamPair } from './stream-carrier.ts'
export type { AnyWebSocket } from './web-socket-carrier.ts'
export type { WebWriter } from './writer.ts'

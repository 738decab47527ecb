// `qbp-stream/ws`: a server for WebSockets, on the package `ws`.

export type { Origins } from './origin.ts'
export {
  createWebSocketServer,
  QbpWebSocketServer,
  requestOf,
  type UpgradingServer,
  type WebSocketServerOptions,
} from './web-socket-server.ts'

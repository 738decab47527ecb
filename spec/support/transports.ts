import { once } from 'node:events'
import { rmSync } from 'node:fs'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import WebSocket, { createWebSocketStream, WebSocketServer } from 'ws'
import {
  type ConnectOptions,
  connect,
  createServer,
  type Handler,
  type Protocol,
  QbpConnection,
  type QbpServer,
  type ServerOptions,
} from '../../lib/index.ts'
import { duplexPair } from '../../lib/testing/index.ts'
import { certificates } from './certificates.ts'
import { protocol as chat } from './chat.ts'

type Options = Omit<ServerOptions, 'tls'>

/** A server, and clients of it, over one kind of byte stream. */
export interface Link<P extends Protocol = typeof chat> extends AsyncDisposable {
  readonly server: QbpServer<P>
  connect(options?: Partial<ConnectOptions>): Promise<QbpConnection<P, 'client'>>
}

/** Where the address stands that a server listens on. */
export const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port

/** A server that listens on a loopback port of its own choice. */
export const serve = (options: ServerOptions, handler: Handler<typeof chat>): Promise<QbpServer<typeof chat>> =>
  listening(chat, options, handler)

async function listening<P extends Protocol>(
  protocol: P,
  options: ServerOptions,
  handler: Handler<P>,
): Promise<QbpServer<P>> {
  const server = createServer(protocol, options, handler)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function linkOf<P extends Protocol>(server: QbpServer<P>, open: Link<P>['connect'], close?: () => unknown): Link<P> {
  const clients: QbpConnection<P, 'client'>[] = []
  return {
    server,
    async connect(options) {
      const client = await open(options)
      clients.push(client)
      return client
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.destroy()
      await server.close({ graceMs: 1_000 })
      await close?.()
    },
  }
}

/** Over a duplex for each client, whose other end the server gets. */
function attached<P extends Protocol>(
  protocol: P,
  options: Options,
  handler: Handler<P>,
  pair: (server: QbpServer<P>) => Promise<Duplex>,
  begin: (server: QbpServer<P>) => void = () => {},
  close?: () => unknown,
): Link<P> {
  const server = createServer(protocol, options, handler)
  begin(server)
  return linkOf(
    server,
    async (own = {}) => new QbpConnection(protocol, await pair(server), { ...own, role: 'client' as const }),
    close,
  )
}

type Open<P extends Protocol> = (options: Options, handler: Handler<P>) => Promise<Link<P>>

/** Every kind of byte stream, for one protocol. */
export const transportsOf = <P extends Protocol>(protocol: P): Record<string, Open<P>> => ({
  async TCP(options, handler) {
    const server = await listening(protocol, options, handler)
    return linkOf(server, (own) => connect(protocol, { ...own, port: portOf(server), host: '127.0.0.1' }))
  },
  async TLS(options, handler) {
    const { ca, server: identity } = await certificates()
    const server = await listening(protocol, { ...options, tls: identity }, handler)
    return linkOf(server, (own) => connect(protocol, { ...own, port: portOf(server), host: '127.0.0.1', tls: { ca } }))
  },
  async 'a Unix socket'(options, handler) {
    const path = join(tmpdir(), `qbp-${process.pid}-${Math.random().toString(36).slice(2)}.sock`)
    const server = createServer(protocol, options, handler).listen(path)
    await once(server, 'listening')
    return linkOf(
      server,
      (own) => connect(protocol, { ...own, path }),
      () => rmSync(path, { force: true }),
    )
  },
  async 'an in-memory pair'(options, handler) {
    return attached(protocol, options, handler, async (server) => {
      const [left, right] = duplexPair()
      server.attach(left)
      return right
    })
  },
  async 'an HTTP/2 stream'(options, handler) {
    const web = http2.createServer()
    web.listen(0, '127.0.0.1')
    await once(web, 'listening')
    const session = http2.connect(`http://127.0.0.1:${(web.address() as AddressInfo).port}`)
    const begin = (server: QbpServer<P>) =>
      web.on('stream', (stream) => {
        stream.respond({ ':status': 200 })
        server.attach(stream)
      })
    const open = async () => {
      const stream = session.request({ ':method': 'POST' }, { endStream: false })
      await once(stream, 'response')
      return stream
    }
    return attached(protocol, options, handler, open, begin, () => {
      session.destroy()
      return new Promise((resolve) => web.close(resolve))
    })
  },
  async 'a WebSocket stream'(options, handler) {
    const web = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    await once(web, 'listening')
    const begin = (server: QbpServer<P>) =>
      web.on('connection', (socket) => server.attach(createWebSocketStream(socket)))
    const open = async () => {
      const socket = new WebSocket(`ws://127.0.0.1:${(web.address() as AddressInfo).port}`)
      const stream = createWebSocketStream(socket)
      await once(socket, 'open')
      return stream
    }
    return attached(protocol, options, handler, open, begin, () => {
      for (const socket of web.clients) socket.terminate()
      return new Promise((resolve) => web.close(resolve))
    })
  },
})

export const transports: Record<string, Open<typeof chat>> = transportsOf(chat)

import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { EventEmitter } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { createServer, type Description, type Protocol, type Role } from '../index.ts'
import { pageAssets } from './assets.ts'
import { Feed, type Introduction } from './feed.ts'
import { language } from './language.ts'
import { Entry, type EntryInit, type Send, Side } from './messages.ts'
import { type ObservedEvent, Sums } from './observed.ts'
import { Ring } from './ring.ts'
import { createWebSocketStream, WebSocketServer } from './websocket.ts'

/** How a window is opened. */
export interface WindowOptions {
  /** The observed protocol's schema, which the page decodes by: and its package. */
  schema: Description & { readonly package: string }
  /** What is tapped, for people: `127.0.0.1:7000 → chat.example:7000`. */
  title?: string
  /** The options by which the command line names this protocol, for commands that the page shows: `--schema chat.proto`. */
  options?: string
  /** It is a recording: nothing more comes than what is there. Default: false. */
  recorded?: boolean
  /** Sends frames on a connection, in a side's name; what it throws is shown. Default: pages may only look. */
  send?: (connection: number, from: Role, bytes: Uint8Array) => void
  /** The field by which requests and answers are paired. */
  pair?: string
  /** The port on loopback. Default: 0, any that is free. */
  port?: number
  /** The most events that are kept for pages to come, the oldest giving way. Default: 50,000. */
  maxEvents?: number
  /** The most bytes of frames that are kept. Default: 64 MiB. */
  maxBytes?: number
}

/** A window that is open. */
export interface OpenWindow {
  /** Where the page is, with the token that lets it in. */
  readonly url: string
  /** From here on frames are of this protocol, which was not known before; `options` name it on the command line. */
  speak(protocol: Protocol, options: string): void
  /** Shuts it, and every page's connection. Resolves when all is closed. */
  close(): Promise<void>
}

const HOST = '127.0.0.1'
const TOKEN_BYTES = 24
/** The longest message that a page may send: it has the frames that it sends on. */
const MAX_PAGE_BYTES = 16 * 2 ** 20

const HEADERS = {
  // Header layouts and schemas are compiled to functions, hence unsafe-eval; nothing but the page's own files is run.
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self'; img-src data:; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Cache-Control': 'no-store',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
}

/**
 * Serves a page on loopback that shows what passes through a tap, as it passes.
 *
 * Only someone with the URL gets in: its token is asked for with every file and for the WebSocket; and only under a name of
 * loopback, so that no other site can come in through DNS. A slow page never slows the tap: what it has no room for is
 * dropped, the oldest first, and counted.
 *
 * @param tap emits 'event' with an {@link ObservedEvent}.
 * @throws if the port is taken.
 */
export async function openWindow(
  tap: EventEmitter,
  protocol: Protocol,
  {
    schema: observed,
    title = '',
    options = '',
    recorded = false,
    send,
    pair = '',
    port = 0,
    maxEvents = 50_000,
    maxBytes = 64 * 2 ** 20,
  }: WindowOptions,
): Promise<OpenWindow> {
  const assets = await pageAssets()
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  const introduction = (protocol: Protocol, options: string): Introduction => ({
    $name: 'Hello',
    title,
    header: protocol.headers.client.text,
    serverHeader: protocol.headers.server === protocol.headers.client ? '' : protocol.headers.server.text,
    package: observed.package,
    schema: JSON.stringify(observed),
    options,
    recorded,
    sends: send !== undefined,
    pair,
    calls: callsOf(protocol),
    client: entries(protocol, 'client'),
    server: entries(protocol, 'server'),
  })
  let hello = introduction(protocol, options)

  const ring = new Ring<ObservedEvent>(maxEvents, maxBytes, ({ bytes }) => bytes?.length ?? 0)
  const sums = new Sums(2_000)
  const feeds = new Set<Feed>()
  const see = (event: ObservedEvent) => {
    ring.push(event)
    sums.add(event)
    for (const feed of feeds) feed.wake()
  }

  const pages = createServer(
    language,
    { maxBodyBytes: Number.POSITIVE_INFINITY },
    async (reader, writer, connection) => {
      const feed = new Feed(ring, sums, connection, hello)
      feeds.add(feed)
      try {
        const taken = async () => {
          for await (const message of reader) {
            if (message.$name === 'Taken') feed.took(message.bytes)
            else if (message.$name === 'Send')
              writer.write({ $name: 'Answer', id: message.id, error: sendFor(send, message) })
          }
        }
        // Both together: a page that goes away while frames load fails both, and neither may be left without a listener.
        await Promise.all([taken().finally(() => feed.stop()), feed.run()])
      } finally {
        feeds.delete(feed)
      }
    },
  )
  pages.on('clientError', () => {}) // A page that goes away, or one that sends something else: gone either way.

  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_PAGE_BYTES, perMessageDeflate: false })
  const server = http.createServer({ requestTimeout: 10_000 }, (request, response) => {
    const { status, path } = admit(request, token)
    const asset = status === 200 ? assets[path] : undefined
    const refused = status === 200 && asset === undefined ? 404 : status
    if (asset === undefined || !['GET', 'HEAD'].includes(request.method ?? '')) {
      response.writeHead(asset === undefined ? refused : 405, { ...HEADERS, 'Content-Type': 'text/plain' })
      response.end(
        `${http.STATUS_CODES[asset === undefined ? refused : 405]}: the address is the one that qbp tap printed.\n`,
      )
      return
    }
    response.writeHead(200, { ...HEADERS, 'Content-Type': asset.contentType })
    response.end(request.method === 'HEAD' ? '' : asset.text)
  })
  server.on('upgrade', (request: http.IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    const { status, path } = admit(request, token)
    const { origin, host } = request.headers
    if (status !== 200 || path !== 'frames' || origin !== `http://${host}`) {
      socket.end(`HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
      return
    }
    sockets.handleUpgrade(request, socket, head, (page) => {
      try {
        pages.attach(createWebSocketStream(page))
      } catch {
        page.terminate() // The window is being closed.
      }
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, HOST, () => {
      server.off('error', reject)
      resolve()
    })
  })
  tap.on('event', see)
  const { port: bound } = server.address() as AddressInfo
  return {
    url: `http://${HOST}:${bound}/${token}/`,
    speak(protocol, options) {
      hello = introduction(protocol, options)
      for (const feed of feeds) feed.introduce(hello)
    },
    async close() {
      tap.off('event', see)
      for (const feed of feeds) feed.stop()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      await pages.close({ graceMs: 500 })
      for (const page of sockets.clients) page.terminate()
      server.closeAllConnections()
      await closed
    },
  }
}

/** Sends what a page asks for. Returns why not, if so. */
function sendFor(send: WindowOptions['send'], { connection, from, bytes }: Send): string {
  try {
    if (send === undefined) return 'this window only looks.'
    send(connection, from === Side.CLIENT ? 'client' : 'server', bytes)
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

/** Whether a request may come in, and the path after the token. */
function admit(
  { url = '', headers: { host = '' }, socket }: http.IncomingMessage,
  token: string,
): { status: number; path: string } {
  const { localPort } = socket
  // A page of another site that made its name point to 127.0.0.1 still says its own name here.
  if (![`${HOST}:${localPort}`, `localhost:${localPort}`].includes(host)) return { status: 403, path: '' }
  const [, given = '', path = ''] = /^\/([^/?]*)\/([^/?]*)$/.exec(url) ?? []
  const [a, b] = [Buffer.from(given), Buffer.from(token)]
  return { status: a.length === b.length && timingSafeEqual(a, b) ? 200 : 403, path }
}

const CALL_NAMES = ['qbp.Call', 'qbp.Reply', 'ttrpc.Request', 'ttrpc.Response', 'ttrpc.Data']

/** The option `calls` of `Protocol.load`, as text. */
const callsOf = ({ calls, sent }: Protocol): string =>
  calls === 'qbp' ? String(sent.client.byName('qbp.Call')?.type) : (calls ?? '')

function entries(protocol: Protocol, role: 'client' | 'server'): EntryInit[] {
  // Those of calls the page makes by itself.
  const own = protocol.sent[role].entries.filter(({ name }) => protocol.calls === null || !CALL_NAMES.includes(name))
  return own.map(({ name, type, body }) => {
    const entry = typeof type === 'string' ? { name, typeText: type } : { name, type }
    if (body === 'raw') return { ...entry, body: Entry.Body.RAW }
    if (body === 'empty') return { ...entry, body: Entry.Body.EMPTY }
    return { ...entry, message: body.fullName }
  })
}

// A bridge to browsers: the market of examples/feed.ts, reduced to one symbol, over WebSocket.
//
//   npm run example -- websocket
//
// It ends by itself. A WebSocket client of Node's stands in for the browser, and does what a page would: it uses the
// WebSocket interface of browsers, and of lib/ only the floors that know no module of Node's (bytes ↔ messages; see
// spec/floors.spec.ts), which a bundler takes into a page as they are, as the window of `qbp tap --ui` shows.

import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { createWebSocketStream, WebSocket, WebSocketServer } from 'ws'
import { MessageReader, NONE, WITHOUT_LIMITS } from '../lib/framing/message-reader.ts'
import { MessageWriter } from '../lib/framing/message-writer.ts'
import { createServer } from '../lib/index.ts'
import type { Incoming, Outgoing } from '../lib/protocol/message-types.ts'
import { Protocol } from '../lib/protocol/protocol.ts'
import { feed } from '../schemas/feed.ts'

const protocol = Protocol.from(feed)
type Message = Incoming<typeof protocol>

// ---- the page's side

/** Messages over a browser's WebSocket. Frames may be cut by WebSocket's messages anywhere, or come many in one. */
class MessageSocket {
  onmessage: (message: Message) => void = () => {}
  readonly #socket: WebSocket
  readonly #messages = new MessageReader({
    ...WITHOUT_LIMITS,
    header: protocol.header,
    table: protocol.table('client', 'incoming'),
    maxBodyBytes: 2 ** 20,
  })
  readonly #framer = new MessageWriter(protocol.header, protocol.table('client', 'outgoing'), 2 ** 20)

  constructor(url: string) {
    this.#socket = new WebSocket(url)
    this.#socket.binaryType = 'arraybuffer'
    this.#socket.onmessage = ({ data }) => {
      this.#messages.frames.feed(new Uint8Array(data as ArrayBuffer))
      for (let message = this.#messages.take(); message !== NONE; message = this.#messages.take()) {
        this.onmessage(message as Message)
      }
    }
  }

  get opened(): Promise<unknown> {
    return new Promise((resolve) => {
      this.#socket.onopen = resolve
    })
  }

  get closed(): Promise<unknown> {
    return new Promise((resolve) => {
      this.#socket.onclose = resolve
    })
  }

  send(message: Outgoing<typeof protocol>): void {
    this.#socket.send(this.#framer.frame(message))
  }

  close(): void {
    this.#socket.close()
  }
}

// ---- the server's side

const server = createServer(protocol, async (reader, writer) => {
  for await (const message of reader) {
    if (message.$name !== 'Subscribe') throw new Error(`a page sent ${message.$name}`)
    const [symbol = 'ACME'] = message.symbols
    await writer.writeMessage({ $name: 'Snapshot', quotes: [{ symbol, bid: 99.5, ask: 100.5 }] })
    for (let sequence = 1; sequence <= 50; sequence++) {
      await writer.writeMessage({ $name: 'Quote', symbol, sequence, bid: 99.5 + sequence, ask: 100.5 + sequence })
      if (sequence % 10 === 0) await wait(5)
    }
  }
})

async function main(): Promise<void> {
  const http = createHttpServer((_request, response) => response.writeHead(426).end('WebSocket only\n'))
  const sockets = new WebSocketServer({ server: http, maxPayload: 2 ** 20 })
  sockets.on('connection', (socket) => server.attach(createWebSocketStream(socket)))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}`
  console.log(`The bridge listens on ${url}.`)

  const page = new MessageSocket(url)
  let quotes = 0
  const done = new Promise<void>((resolve) => {
    page.onmessage = (message) => {
      if (message.$name === 'Snapshot') console.log(`Snapshot: ${JSON.stringify(message.quotes)}`)
      if (message.$name !== 'Quote') return
      quotes++
      if (message.sequence % 10 === 0) console.log(`${message.symbol} ${message.bid} / ${message.ask}`)
      if (message.sequence === 50) resolve()
    }
  })
  await page.opened
  page.send({ $name: 'Subscribe', symbols: ['ACME'] })
  await done
  const { closed } = page
  page.close()
  await closed
  await server.close()
  http.close()
  const { byName } = server.stats()
  console.log(`${quotes} of ${byName.out.Quote?.messages} quotes reached the page. All closed.`)
}

void main()

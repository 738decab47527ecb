import net from 'node:net'
import { type Browser, chromium } from 'playwright-core'
import { Tap } from '../../lib/cli/tap/proxy.ts'
import { connect, createServer, Protocol, type QbpConnection } from '../../lib/index.ts'
import { type OpenWindow, openWindow, type WindowOptions } from '../../lib/window/server.ts'
import { chat, type Said } from '../../schemas/chat.ts'
import type { Peer } from './peers.ts'

/** Debian's Chromium: Playwright's own is a download that this place has not. */
export const chromiumPeer: Peer = { needs: ['/usr/bin/chromium'], apt: 'chromium' }

/** A browser without a window, and without anything that it would say to its maker. */
export function launchChromium(): Promise<Browser> {
  const quiet = ['--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update']
  return chromium.launch({
    executablePath: chromiumPeer.needs[0] as string,
    args: ['--no-sandbox', '--disable-gpu', '--disable-sync', ...quiet],
  })
}

export const chatProtocol = Protocol.from(chat)
export type ChatConnection = QbpConnection<typeof chatProtocol>

/** A chat server, a tap before it, and a window on the tap. */
export interface TappedChat {
  readonly tap: Tap
  readonly window: OpenWindow
  /** The row that tells that the server was reached. */
  readonly reached: string
  /** Through the tap. */
  client(): Promise<ChatConnection>
  /** Bytes of any kind, through the tap. */
  socket(): net.Socket
  close(): Promise<void>
}

export async function tapChat(options: Partial<WindowOptions> = {}): Promise<TappedChat> {
  const history: Said[] = []
  const members = new Map<QbpConnection<typeof chatProtocol, 'server'>, string>()
  const server = createServer(chatProtocol, async (reader, writer, connection) => {
    try {
      for await (const message of reader) {
        const { $name } = message
        if ($name === 'Join') {
          if ([...members.values()].includes(message.name)) {
            const text = `${message.name} is here already.`
            await writer.writeMessage({ $name: 'Refused', reason: 'NAME_TAKEN', text, room: message.room })
            continue
          }
          for (const other of members.keys())
            other.writer.write({ $name: 'Joined', room: message.room, name: message.name })
          members.set(connection, message.name)
          const here = [...members.values()]
          await writer.writeMessage({ $name: 'Welcome', room: message.room, members: here, history: history.slice(-3) })
        } else if ($name === 'Say') {
          const name = members.get(connection) ?? ''
          const at = BigInt(Date.now())
          history.push({ room: message.room, name, text: message.text, at, position: '' })
          for (const member of members.keys()) {
            member.writer.write({ $name: 'Said', room: message.room, name, text: message.text, at })
          }
        }
      }
    } finally {
      const name = members.get(connection)
      members.delete(connection)
      if (name !== undefined) {
        for (const other of members.keys()) other.writer.write({ $name: 'Left', room: 'lobby', name })
      }
    }
  })
  server.on('clientError', () => {})
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', () => resolve(null)))
  const target = (server.address() as net.AddressInfo).port
  const tap = new Tap(chatProtocol as unknown as Protocol, {
    connect: () => net.connect({ port: target, host: '127.0.0.1', allowHalfOpen: true }),
  })
  tap.listen({ port: 0, host: '127.0.0.1' })
  await new Promise((resolve) => tap.once('listening', () => resolve(null)))
  const { port } = tap.address() as net.AddressInfo
  const window = await openWindow(tap, chatProtocol as unknown as Protocol, {
    schema: chat,
    title: `127.0.0.1:${port} → 127.0.0.1:${target}`,
    ...options,
  })
  return {
    tap,
    window,
    reached: `reached 127.0.0.1:${target}`,
    client: () => connect(chatProtocol, { port, host: '127.0.0.1' }),
    socket: () => net.connect({ port, host: '127.0.0.1' }),
    async close() {
      await window.close()
      await tap.close()
      await server.close({ graceMs: 50 })
    },
  }
}

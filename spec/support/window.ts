import { EventEmitter } from 'node:events'
import net from 'node:net'
import { type Browser, chromium } from 'playwright-core'
import { Tap } from '../../lib/cli/tap/proxy.ts'
import { connect, createServer, Protocol, type QbpConnection, type Role } from '../../lib/index.ts'
import { describeSource } from '../../lib/protocol/schema/load.ts'
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
    options: '--schema schemas/chat.proto',
    send: (connection, from, bytes) => tap.send(connection, from, bytes),
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

/** A window on a conversation that strains its page: long names, a text of 3,000 characters, 30 levels, a fault, unknown fields. */
export async function strainedWindow(): Promise<{ window: OpenWindow; longText: string; close(): Promise<void> }> {
  const path = 'spec/protos/long.proto'
  const protocol = await Protocol.load(path, { includeDirs: ['schemas'] })
  const { description, package: home } = await describeSource([path], { includeDirs: ['schemas'] })
  const tap = new EventEmitter()
  const window = await openWindow(tap, protocol, {
    schema: { package: home, ...description },
    title: '127.0.0.1:7001 → a-name-of-a-host-as-clouds-give-them.eu-central-1.compute.internal.example:7000',
    options: `--schema ${path}`,
    send: () => {},
  })
  const longText = `${'Word after word, '.repeat(180).slice(0, 2990)}[the end]`
  const tree = Array.from({ length: 30 }).reduce<object>((inner, _, i) => ({ name: `level ${30 - i}`, inner }), {
    name: 'the innermost',
  })
  const [long = '', short = ''] = protocol.sent.client.entries.map(({ name }) => name)
  const message = {
    $name: long,
    theFullyQualifiedIdentifierOfTheOriginatingSubsystemComponentInstance: `urn:example:${'component:'.repeat(20)}7`,
    text: longText,
    tree,
    labelsOfTheDeploymentEnvironmentByTheirFullyQualifiedNames: { [`region.${'of.the.world.'.repeat(9)}`]: 'eu' },
    measuredDurationsInNanosecondsSinceThePreviousConfigurationReload: [-1n, 2n ** 62n, 7n],
    signature: new Uint8Array(300).map((_, i) => i),
    reasonOfTheConfigurationUpdateNotification: 1,
  }
  const frame = (type: number, body: Uint8Array) => {
    const head = Buffer.alloc(6)
    head.writeUInt16BE(type)
    head.writeUInt32BE(body.length, 2)
    return Buffer.concat([head, body])
  }
  const at = Date.now()
  const sent = { client: 0, server: 0 }
  const send = (connection: number, direction: Role, bytes: Buffer, error?: string) => {
    tap.emit('event', { at, connection, direction, kind: 'frame', bytes, offset: sent[direction], error })
    sent[direction] += bytes.length
  }
  for (const connection of [1, 2]) {
    tap.emit('event', {
      at,
      connection,
      direction: 'client',
      kind: 'open',
      peer: '[2001:db8:85a3::8a2e:370:7334]:58214',
    })
    tap.emit('event', { at, connection, direction: 'server', kind: 'open', peer: '203.0.113.17:7000' })
    send(connection, 'client', frame(1, protocol.encode(long, message)))
    send(connection, 'server', frame(2, protocol.encode(short, { ok: true })))
    // Fields that the schema lacks: a number, a text, a message, bytes.
    send(connection, 'server', frame(2, Buffer.from('0801' + '3807' + '4203616e6e' + '4a021005' + '5203ff00fe', 'hex')))
    send(connection, 'client', frame(7, Buffer.from('0801', 'hex')))
    send(connection, 'server', frame(2, Buffer.from('08', 'hex')), 'a varint is cut')
  }
  tap.emit('event', { at, connection: 2, direction: 'client', kind: 'close', error: 'read ECONNRESET' })
  tap.emit('event', { at, connection: 2, direction: 'server', kind: 'close' })
  return { window, longText, close: () => window.close() }
}

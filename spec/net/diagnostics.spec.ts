import { execFile } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { type ChannelEvents, connect, createServer, QbpReadable, QbpWritable } from '../../lib/index.ts'
import { connectionPair } from '../../lib/testing/index.ts'
import { protocol } from '../support/chat.ts'
import { settled } from '../support/settled.ts'
import { turnedAway } from '../support/turned-away.ts'

const ROOT = join(__dirname, '..', '..')
const NAMES = [
  'qbp:connection:open',
  'qbp:connection:close',
  'qbp:connection:refused',
  'qbp:message:in',
  'qbp:message:out',
  'qbp:message:refused',
] as const satisfies (keyof ChannelEvents)[]

type Reported = { [N in keyof ChannelEvents]: [N, ChannelEvents[N]] }[keyof ChannelEvents]

/** Everything that the channels carry while `act` runs. */
async function watched(act: () => Promise<void>): Promise<Reported[]> {
  const reported: Reported[] = []
  const listeners = NAMES.map((name) => [name, (event: unknown) => reported.push([name, event] as Reported)] as const)
  for (const [name, listener] of listeners) subscribe(name, listener)
  try {
    await act()
  } finally {
    for (const [name, listener] of listeners) unsubscribe(name, listener)
  }
  return reported
}

const only = <N extends keyof ChannelEvents>(reported: Reported[], name: N): ChannelEvents[N][] =>
  reported.flatMap(([channel, event]) => (channel === name ? [event as ChannelEvents[N]] : []))

const say = { $name: 'Say', room: 'hall', text: 'hi' } as const

describe(
  'the diagnostics channels',
  settled(() => {
    it('report connections and messages, with the objects themselves', async () => {
      const server = createServer(protocol, async (reader, writer) => {
        for await (const message of reader) await writer.writeMessage(message)
      })
      const reported = await watched(async () => {
        server.listen(0, '127.0.0.1')
        await once(server, 'listening')
        const client = await connect(protocol, { port: (server.address() as AddressInfo).port })
        await client.writer.writeMessage(say)
        await client.reader.readMessage()
        await client.close()
        await server.close()
      })
      expect(reported.map(([name]) => name).sort()).to.deep.equal(
        [
          ...Array(2).fill('qbp:connection:close'),
          ...Array(2).fill('qbp:connection:open'),
          ...Array(2).fill('qbp:message:in'),
          ...Array(2).fill('qbp:message:out'),
        ].sort(),
      )
      const opened = only(reported, 'qbp:connection:open')
      expect(opened.map(({ role }) => role).sort()).to.deep.equal(['client', 'server'])
      const client = opened.find(({ role }) => role === 'client')?.connection
      const [written] = only(reported, 'qbp:message:out')
      expect(written).to.include({ connection: client, writer: client?.writer, name: 'Say', bytes: 16, message: say })
      const read = only(reported, 'qbp:message:in')[1]
      expect(read).to.include({ connection: client, reader: client?.reader, name: 'Say', bytes: 16 })
      expect(read?.message).to.deep.include(say)
      for (const { connection, fault } of only(reported, 'qbp:connection:close')) {
        expect(fault).to.equal(null)
        expect(connection.stats()).to.include({ messagesIn: 1, messagesOut: 1 })
      }
    })

    it('report streams that no connection owns', async () => {
      const reported = await watched(async () => {
        const writer = new QbpWritable(protocol)
        const reader = new QbpReadable(protocol)
        writer.pipe(reader)
        writer.end(say)
        for await (const message of reader) void message
      })
      expect(reported.map(([name, event]) => [name, (event as { connection: unknown }).connection])).to.deep.equal([
        ['qbp:message:out', null],
        ['qbp:message:in', null],
      ])
    })

    it('report faults: a message refused, a connection refused, a connection that ended by one', async () => {
      const server = createServer(protocol, { maxConnections: 1 }, async (reader) => {
        for await (const message of reader) throw new TypeError(message.$name)
      })
      server.on('clientError', () => {})
      let port = 0
      const reported = await watched(async () => {
        server.listen(0, '127.0.0.1')
        await once(server, 'listening')
        port = (server.address() as AddressInfo).port
        const client = await connect(protocol, { port })
        await turnedAway(port)
        expect(() => client.writer.write({ $name: 'None' } as never)).to.throw()
        await client.writer.writeMessage(say)
        await client.closed
        await server.close()
      })
      const [refused] = only(reported, 'qbp:connection:refused')
      expect(refused?.server).to.equal(server)
      expect(refused?.fault).to.have.property('code', 'ERR_QBP_TOO_MANY_CONNECTIONS')
      const [message] = only(reported, 'qbp:message:refused')
      expect(message?.message).to.deep.equal({ $name: 'None' })
      expect(message?.fault).to.have.property('code', 'ERR_QBP_INVALID_MESSAGE')
      const faults = only(reported, 'qbp:connection:close').map(({ fault }) => fault?.name)
      expect(faults).to.include('TypeError')
      expect(only(reported, 'qbp:connection:open')).to.have.length(2)
    })

    it('are silent once nobody listens any more', async () => {
      const reported = await watched(async () => {})
      const { client, server } = connectionPair(protocol)
      client.writer.write(say)
      await server.reader.readMessage()
      await Promise.all([client.close(), server.close()])
      expect(reported).to.deep.equal([])
    })
  }),
)

describe('NODE_DEBUG=qbp', () => {
  const program = `
    const { connectionPair } = require('./lib/testing/index.ts')
    const { createServer, connect } = require('./lib/index.ts')
    const { protocol } = require('./spec/support/chat.ts')
    const server = createServer(protocol, { maxConnections: 1 }, async (reader) => {
      for await (const message of reader) throw new TypeError('no ' + message.$name)
    }).listen(0, '127.0.0.1', async () => {
      server.on('clientError', () => {})
      const { port } = server.address()
      const client = await connect(protocol, { port })
      await connect(protocol, { port }).then((second) => second.close(), () => {})
      try { client.writer.write({ $name: 'Say', text: 5 }) } catch {}
      client.writer.write({ $name: 'Leave' })
      await client.closed
      await server.close()
      await connect(protocol, { port }).catch(() => {})
    })`
  const run = async (): Promise<string[]> => {
    const { stderr } = await promisify(execFile)(process.execPath, ['-r', 'ts-node/register', '-e', program], {
      cwd: ROOT,
      env: { ...process.env, NODE_DEBUG: 'qbp' },
    })
    return stderr.split('\n').filter((line) => line !== '')
  }

  it('reports connections, faults with code and place, and limits', async function () {
    this.timeout(20_000)
    const lines = (await run()).map((line) => line.replace(/^QBP \d+: /, ''))
    const has = (pattern: RegExp) =>
      expect(
        lines.some((line) => pattern.test(line)),
        `${pattern} in ${lines.join('\n')}`,
      )
    has(/^#\d opened: server, 127\.0\.0\.1:\d+ with 127\.0\.0\.1:\d+$/).to.equal(true)
    has(/^#\d opened: client, /).to.equal(true)
    has(/^a connection was refused: ERR_QBP_TOO_MANY_CONNECTIONS: 1 connections are open/).to.equal(true)
    has(/^#\d refused a message: ERR_QBP_INVALID_MESSAGE: .*text/).to.equal(true)
    has(/^#\d closed: TypeError: no Leave; in 1 messages \(6 bytes\), out 0 messages \(0 bytes\)$/).to.equal(true)
    has(/^not connected: ECONNREFUSED: /).to.equal(true)
  })
})

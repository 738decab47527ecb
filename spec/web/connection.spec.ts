import { setTimeout as wait } from 'node:timers/promises'
import { expect } from 'chai'
import { WebSocket } from 'ws'
import { Protocol as NodeProtocol, type QbpError } from '../../lib/index.ts'
import {
  bodyHook,
  connect,
  connections,
  fromJson,
  layout,
  Protocol,
  peek,
  resync,
  toJson,
  type WebConnection,
} from '../../lib/web/index.ts'
import { createWebSocketServer, type QbpWebSocketServer, requestOf } from '../../lib/ws/index.ts'
import { chat } from '../../schemas/chat.ts'
import { webPair } from '../support/web-pair.ts'

const protocol = Protocol.from(chat)

/** A client over a pair of streams, and the bare other end of it. */
async function bare(options: object = {}) {
  const [client, server] = webPair()
  const connection = await connect(protocol, client, options)
  return { connection, writer: server.writable.getWriter(), reader: server.readable.getReader() }
}

const frame = (message: object): Uint8Array => NodeProtocol.from(chat).frame(message as never).bytes
const rejection = (promise: Promise<unknown>): Promise<QbpError> =>
  promise.then(
    () => expect.fail('it resolved'),
    (fault) => fault,
  )

describe('qbp-stream/web', () => {
  describe('over a pair of web streams', () => {
    let ends: [WebConnection<typeof protocol>, WebConnection<typeof protocol>]
    beforeEach(async () => {
      const [client, server] = webPair()
      ends = await Promise.all([connect(protocol, client), connect(protocol, server, { role: 'server' })])
    })
    afterEach(() => {
      for (const end of ends) end.destroy()
    })

    it('passes messages both ways, and ends', async () => {
      const [client, server] = ends
      await client.writer.writeMessage({ $name: 'Say', room: 'hall', text: 'grüße' })
      expect(await server.reader.readMessage()).to.deep.include({ $name: 'Say', text: 'grüße' })
      for (let at = 1n; at <= 1000n; at++) server.writer.write({ $name: 'Said', at })
      server.writer.end()
      const read: unknown[] = []
      for await (const message of client.reader) read.push(message.$name === 'Said' && message.at)
      expect(read).to.deep.equal(Array.from({ length: 1000 }, (_, i) => BigInt(i + 1)))
      expect(await client.reader.readMessage()).to.equal(null)
      expect(await Promise.all([client.close(), server.close()])).to.deep.equal([null, null])
    })

    it('refuses what is no message, with the code and the path of the main entry', async () => {
      const [client, server] = ends
      const refusal = await rejection(client.writer.writeMessage({ $name: 'Say', text: 5 } as never))
      expect([refusal.code, refusal.field]).to.deep.equal(['ERR_QBP_INVALID_MESSAGE', 'text'])
      client.writer.write({ $name: 'Say', text: 'still there' })
      expect(await server.reader.readMessage()).to.include({ text: 'still there' })
    })

    it('lets one read at a time, by time or signal', async () => {
      const [client, server] = ends
      const first = client.reader.readMessage({ timeoutMs: 5 })
      expect((await rejection(client.reader.readMessage())).code).to.equal('ERR_QBP_BUSY')
      expect((await rejection(first)).code).to.equal('ERR_QBP_READ_TIMEOUT')
      const abort = new AbortController()
      const second = client.reader.readMessage({ signal: abort.signal })
      abort.abort(new Error('enough'))
      expect((await rejection(second)).message).to.equal('enough')
      server.writer.write({ $name: 'Say', text: 'not lost' })
      expect(await client.reader.readMessage()).to.include({ text: 'not lost' })
    })

    it('pushes back: what nobody reads is not taken from the stream, and writeMessage waits', async () => {
      const [client, server] = ends
      let written = 0
      const text = 'x'.repeat(60_000)
      const done = (async () => {
        for (; written < 100; written++) await server.writer.writeMessage({ $name: 'Say', text })
      })()
      await wait(20)
      expect(written).to.be.lessThan(10)
      for (let i = 0; i < 100; i++) await client.reader.readMessage()
      await done
    })

    it('destroys a connection whose peer does not read, rather than to hold more', async () => {
      const [client] = webPair()
      const connection = await connect(protocol, client, { maxQueuedBytes: 1_000 })
      const results = Array.from({ length: 20 }, () => connection.writer.write({ $name: 'Say', text: 'x'.repeat(100) }))
      expect(results.at(-1)).to.equal(false)
      expect(await connection.closed).to.include({ code: 'ERR_QBP_QUEUE_FULL' })
    })
  })

  it('hands out all before a fault, then the fault, however the bytes are cut', async () => {
    const bytes = Buffer.concat([
      frame({ $name: 'Say', text: 'a' }),
      frame({ $name: 'Say', text: 'b' }),
      Buffer.from('0003000000020a05', 'hex'),
    ])
    for (const size of [1, 7, bytes.length]) {
      const { connection, writer } = await bare()
      void (async () => {
        for (let at = 0; at < bytes.length; at += size)
          await writer.write(Uint8Array.from(bytes.subarray(at, at + size)))
      })()
      expect(await connection.reader.readMessage()).to.include({ text: 'a' })
      expect(await connection.reader.readMessage()).to.include({ text: 'b' })
      const fault = await rejection(connection.reader.readMessage())
      expect(fault.code).to.be.oneOf(['ERR_QBP_INVALID_BODY', 'ERR_QBP_UNKNOWN_TYPE'])
      connection.destroy()
      expect(await connection.closed).to.equal(fault)
    }
  })

  it('tells a clean end from a cut inside a frame', async () => {
    for (const [cut, code] of [
      [0, undefined],
      [1, 'ERR_QBP_TRUNCATED'],
    ] as const) {
      const { connection, writer, reader } = await bare()
      void reader.read()
      const bytes = frame({ $name: 'Say', text: 'a' })
      void writer.write(Uint8Array.from([...bytes, ...bytes.subarray(0, cut * 5)])).then(() => writer.close())
      expect(await connection.reader.readMessage()).to.include({ text: 'a' })
      const end = await connection.reader.readMessage().catch((fault) => fault.code)
      expect(end).to.equal(code ?? null)
      await connection.close()
      expect(((await connection.closed) as QbpError | null)?.code).to.equal(code)
    }
  })

  it('refuses a body over maxBodyBytes on its header alone', async () => {
    const { connection, writer } = await bare({ maxBodyBytes: 10 })
    void writer.write(Uint8Array.of(0, 1, 0, 0, 0, 11))
    expect((await rejection(connection.reader.readMessage())).code).to.equal('ERR_QBP_TOO_LONG')
    connection.destroy()
  })

  it('gives up a silent peer by idleTimeoutMs, by its heartbeat, and a frame that does not become whole', async () => {
    const idle = await bare({ idleTimeoutMs: 20 })
    const dead = await bare({ heartbeat: { message: { $name: 'Leave' }, intervalMs: 10, timeoutMs: 20 } })
    const dripped = await bare({ frameTimeoutMs: 20 })
    void dripped.writer.write(Uint8Array.of(0, 1)).catch(() => {})
    void dripped.connection.reader.readMessage().catch(() => {})
    const asked = dead.reader.read()
    const codes = [idle, dead, dripped].map(async ({ connection }) => ((await connection.closed) as QbpError).code)
    expect(await Promise.all(codes)).to.deep.equal([
      'ERR_QBP_IDLE_TIMEOUT',
      'ERR_QBP_HEARTBEAT_TIMEOUT',
      'ERR_QBP_FRAME_TIMEOUT',
    ])
    const { value } = await asked
    expect(Buffer.from(value as Uint8Array)).to.deep.equal(Buffer.from(frame({ $name: 'Leave' })))
  })

  it('ends at once by a decision of this side, with what was decided', async () => {
    const { connection, writer } = await bare()
    void writer.write(frame({ $name: 'Say' })).catch(() => {})
    const fault = new Error('no more')
    connection.destroy(fault)
    expect(await rejection(connection.reader.readMessage())).to.equal(fault)
    expect(await rejection(connection.writer.writeMessage({ $name: 'Say' }))).to.equal(fault)
    expect(connection.writer.write({ $name: 'Say' })).to.equal(false)
    expect(await connection.closed).to.equal(fault)
  })

  it('refuses options and targets that are none', async () => {
    const [client] = webPair()
    for (const options of [
      { idleTimeout: 5 },
      { maxBodyBytes: 0 },
      { heartbeat: { message: { $name: 'Sy' }, intervalMs: 5 } },
    ])
      expect((await rejection(connect(protocol, client, options as never))).code).to.equal('ERR_QBP_BAD_OPTION')
    expect((await rejection(connect(protocol, {} as never))).code).to.equal('ERR_QBP_BAD_OPTION')
  })

  it('takes a layout that the module was not made with where it is said so', async () => {
    expect(() => Protocol.from(chat, { header: 'length:varint type:varint' })).to.throw(
      "layout('length:varint type:varint')",
    )
    const varint = Protocol.from(chat, { header: layout('length:varint type:varint') })
    const [client, server] = webPair()
    const connection = await connect(varint, client)
    connection.writer.write({ $name: 'Say', text: 'x'.repeat(200) })
    const other = await connect(varint, server, { role: 'server' })
    expect(await other.reader.readMessage())
      .to.have.property('text')
      .with.lengthOf(200)
    connection.destroy()
    other.destroy()
  })

  it('packs bodies by a hook that bodyHook has brought', async () => {
    const hook = {
      read: (bytes: Uint8Array) => bytes.map((byte) => byte ^ 0x55),
      write: (bytes: Uint8Array) => bytes.map((byte) => byte ^ 0x55),
    }
    const packed = Protocol.from(chat, { body: bodyHook(hook) })
    const [client, server] = webPair()
    const connection = await connect(packed, client)
    connection.writer.write({ $name: 'Say', text: 'grüße' })
    const { value } = await server.readable.getReader().read()
    const plain = frame({ $name: 'Say', text: 'grüße' })
    expect([...(value as Uint8Array)]).to.deep.equal([...plain.slice(0, 6), ...hook.write(plain.slice(6))])
    connection.destroy()
    const [back, front] = webPair()
    const [reading, writing] = await Promise.all([connect(packed, back), connect(packed, front, { role: 'server' })])
    writing.writer.write({ $name: 'Said', text: 'und zurück' })
    expect(await reading.reader.readMessage()).to.include({ text: 'und zurück' })
    for (const end of [reading, writing]) end.destroy()
    expect(() => Protocol.from(chat, { body: hook })).to.throw('bodyHook(')
    expect(() => Protocol.from(chat, { body: bodyHook({} as never) })).to.throw('body has no read')
  })

  it('drops what is no frame where resync was brought', async () => {
    const header = layout('0x94c3 type:u8 length:u16')
    const own = Protocol.from(chat, { header, resync: resync() })
    const node = NodeProtocol.from(chat, { header: '0x94c3 type:u8 length:u16' })
    const said = (text: string) => node.frame({ $name: 'Said', text }).bytes
    const [client, server] = webPair()
    const connection = await connect(own, client)
    const writer = server.writable.getWriter()
    const noise = Buffer.from('rebooting…')
    void writer.write(Uint8Array.from([...said('a'), ...noise, 0x94, ...said('c')]))
    expect(await connection.reader.readMessage()).to.include({ text: 'a' })
    expect(await connection.reader.readMessage()).to.include({ text: 'c' })
    connection.destroy()
    expect(() => Protocol.from(chat, { header, resync: true })).to.throw('resync()')
    expect(() => Protocol.from(chat, { resync: resync() })).to.throw('do not begin with a constant')
  })

  it('has JSON, and reads some fields of a body, by functions of their own', () => {
    const json = toJson(protocol, 'Said', { text: 'grüße', at: 2n ** 60n })
    expect(json).to.deep.equal({ text: 'grüße', at: String(2n ** 60n) })
    expect(fromJson(protocol, 'Said', json)).to.deep.include({ text: 'grüße', at: 2n ** 60n })
    expect(() => fromJson(protocol, 'Said', { text: 5 }))
      .to.throw()
      .with.property('code', 'ERR_QBP_INVALID_MESSAGE')
    const body = protocol.encode('Said', { room: 'hall', text: 'grüße' })
    expect({ ...peek(protocol, 'Said', ['room'])(body) }).to.deep.equal({ $name: 'Said', room: 'hall' })
  })

  it('has no codec where the module has none', () => {
    const { codec: _, ...without } = chat
    expect(() => Protocol.from(without).encode('Say', {})).to.throw('qbp generate, without --no-codec')
  })

  describe('over a WebSocket, to createWebSocketServer', () => {
    let server: QbpWebSocketServer<NodeProtocol>
    let url: string
    const faults: Error[] = []
    const serve = async (options: object = {}) => {
      server = createWebSocketServer(
        NodeProtocol.from(chat) as unknown as NodeProtocol,
        options,
        async (reader, writer, connection) => {
          for await (const message of reader) {
            if (message.text === 'cookie')
              await writer.writeMessage({ $name: 'Said', text: requestOf(connection as never)?.headers.cookie })
            else if (message.text === 'leave') return
            else if (message.text === 'abort') throw new Error('of the handler')
            else await writer.writeMessage({ ...message, $name: 'Said', at: 7n })
          }
        },
      )
      server.connections.on('clientError', (fault) => faults.push(fault))
      const { port } = await server.listen(0, '127.0.0.1')
      url = `ws://127.0.0.1:${port}`
    }
    afterEach(async () => {
      await server.close({ graceMs: 200 })
      faults.length = 0
    })
    const socket = (headers: object = {}) => new WebSocket(url, { headers: headers as Record<string, string> })

    it('asks and answers, and each side may end', async () => {
      await serve()
      const connection = await connect(protocol, socket({ cookie: 'a=b' }))
      for (const text of ['one', 'x'.repeat(200_000), 'three']) {
        await connection.writer.writeMessage({ $name: 'Say', text })
        expect(await connection.reader.readMessage()).to.include({ $name: 'Said', text, at: 7n })
      }
      await connection.writer.writeMessage({ $name: 'Say', text: 'cookie' })
      expect(await connection.reader.readMessage()).to.include({ text: 'a=b' })
      expect(await connection.close()).to.equal(null)

      const left = await connect(protocol, socket())
      await left.writer.writeMessage({ $name: 'Say', text: 'leave' })
      expect(await left.reader.readMessage()).to.equal(null)
      expect(await left.closed).to.equal(null)

      const aborted = await connect(protocol, socket())
      await aborted.writer.writeMessage({ $name: 'Say', text: 'abort' })
      expect((await rejection(aborted.reader.readMessage())).code).to.equal('ERR_QBP_CLOSED')
      expect(await aborted.closed).to.include({ code: 'ERR_QBP_CLOSED' })
      expect(faults.map(({ message }) => message)).to.deep.equal(['of the handler'])
    })

    it('lets pages of the same host in, and no others, unless they are listed', async () => {
      await serve()
      const host = url.slice('ws://'.length)
      for (const origin of [undefined, `http://${host}`, `HTTP://${host}/`]) {
        const connection = await connect(protocol, socket(origin === undefined ? {} : { origin }))
        await connection.close()
      }
      for (const origin of ['https://evil.example', 'null', `http://${host}.evil.example`, 'http://127.0.0.1'])
        expect((await rejection(connect(protocol, socket({ origin })))).code).to.equal('ERR_QBP_CLOSED')
      expect(faults).to.have.lengthOf(4)
      await server.close()
      await serve({ origins: ['https://good.example'] })
      await (await connect(protocol, socket({ origin: 'https://good.example' }))).close()
      expect((await rejection(connect(protocol, socket({ origin: `http://${host}` })))).code).to.equal('ERR_QBP_CLOSED')
      expect(() => createWebSocketServer(NodeProtocol.from(chat), { origins: ['good.example'] }, () => {})).to.throw(
        'origins',
      )
    })

    it('holds the limits of a server', async () => {
      await serve({ maxConnections: 1, maxBodyBytes: 100 })
      const first = await connect(protocol, socket())
      const second = await connect(protocol, socket()).then(
        (connection) => connection.closed,
        (fault) => fault,
      )
      expect(second).to.include({ code: 'ERR_QBP_CLOSED' })
      await first.writer.writeMessage({ $name: 'Say', text: 'x'.repeat(101) })
      expect(await first.closed).to.include({ code: 'ERR_QBP_CLOSED' })
      expect(faults.map((fault) => (fault as QbpError).code)).to.deep.equal([
        'ERR_QBP_TOO_MANY_CONNECTIONS',
        'ERR_QBP_TOO_LONG',
      ])
    })

    it('is given up where nobody reads what comes, and where text comes', async () => {
      await serve()
      const connection = await connect(protocol, socket(), { maxUnreadBytes: 1_000 })
      for (let i = 0; i < 20; i++) connection.writer.write({ $name: 'Say', text: 'x'.repeat(100) })
      expect(await connection.closed).to.include({ code: 'ERR_QBP_QUEUE_FULL' })
    })

    describe('has no half-close', () => {
      /** A server that greets at once, and writes when the peer has ended. */
      const late = async () => {
        const outcome: { refusal?: unknown; closed?: Promise<unknown> } = {}
        server = createWebSocketServer(
          NodeProtocol.from(chat) as unknown as NodeProtocol,
          async (reader, writer, own) => {
            outcome.closed = own.closed
            writer.write({ $name: 'Said', text: 'hello' })
            for await (const message of reader) writer.write({ ...message, $name: 'Said' })
            outcome.refusal = await writer.writeMessage({ $name: 'Said', text: 'late' }).catch((fault) => fault)
          },
        )
        server.connections.on('clientError', (fault) => faults.push(fault))
        url = `ws://127.0.0.1:${(await server.listen(0, '127.0.0.1')).port}`
        return outcome
      }

      it('so that writer.end() closes it: what was under way comes, and what is written later is refused', async () => {
        const outcome = await late()
        const connection = await connect(protocol, socket())
        connection.writer.end()
        expect(await connection.reader.readMessage()).to.include({ text: 'hello' })
        expect(await connection.reader.readMessage()).to.equal(null)
        expect(await connection.closed).to.equal(null)
        expect(await outcome.closed).to.equal(null)
        expect(outcome.refusal).to.include({ code: 'ERR_QBP_CLOSED' })
        expect(faults).to.deep.equal([])
      })

      it('so that a server that ends has ended both sides', async () => {
        server = createWebSocketServer(NodeProtocol.from(chat), async (_reader, writer, own) => {
          writer.write({ $name: 'Said', text: 'bye' })
          writer.end()
          await own.closed
        })
        url = `ws://127.0.0.1:${(await server.listen(0, '127.0.0.1')).port}`
        const connection = await connect(protocol, socket())
        expect(await connection.reader.readMessage()).to.include({ text: 'bye' })
        expect(await connection.reader.readMessage()).to.equal(null)
        expect(await connection.closed).to.equal(null)
        expect((await rejection(connection.writer.writeMessage({ $name: 'Say', text: 'late' }))).code).to.equal(
          'ERR_QBP_CLOSED',
        )
      })
    })

    it('comes back, and ends with its signal', async () => {
      await serve()
      const abort = new AbortController()
      let rounds = 0
      const loop = async () => {
        for await (const connection of connections(protocol, () => socket(), {
          minDelayMs: 1,
          maxDelayMs: 5,
          signal: abort.signal,
        })) {
          await connection.writer.writeMessage({ $name: 'Say', text: 'leave' })
          for await (const _ of connection.reader);
          if (++rounds === 3) abort.abort(new Error('enough'))
        }
      }
      expect((await rejection(loop())).message).to.equal('enough')
      expect(rounds).to.equal(3)
    })

    it('says where it was refused', async () => {
      await serve({ path: '/chat' })
      expect((await rejection(connect(protocol, new WebSocket(`${url}/other`)))).code).to.equal('ERR_QBP_CLOSED')
      await (await connect(protocol, new WebSocket(`${url}/chat?a=b`))).close()
      const gone = rejection(
        (async () => {
          for await (const _ of connections(protocol, () => new WebSocket('ws://127.0.0.1:1'), {
            maxAttempts: 2,
            minDelayMs: 1,
          }))
            return
        })(),
      )
      expect((await gone).code).to.equal('ERR_QBP_CLOSED')
    })
  })
})

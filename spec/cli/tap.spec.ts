import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { TapEvent } from '../../lib/cli/tap/events.ts'
import { Tap } from '../../lib/cli/tap/proxy.ts'
import { run as replay } from '../../lib/cli/verbs/replay.ts'
import { run as tap } from '../../lib/cli/verbs/tap.ts'
import { connect, createServer, headers, Protocol, type QbpServer } from '../../lib/index.ts'
import { begin, cli, withoutEscapes } from '../support/cli.ts'

const port = (server: { address(): unknown }) => (server.address() as net.AddressInfo).port
/** Unlike `once`, it takes an error for no answer. */
const closed = (socket: net.Socket) => new Promise((resolve) => socket.once('close', resolve))
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

describe('qbp tap', () => {
  let protocol: Protocol
  let folder: string
  const closing: (() => unknown)[] = []
  before(async () => {
    protocol = await Protocol.load('schemas/chat.proto')
    folder = mkdtempSync(join(tmpdir(), 'qbp-tap-'))
  })
  after(() => rmSync(folder, { recursive: true }))
  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
  })

  /** Answers each message with itself, and says good-bye once the client has ended. */
  async function echo(): Promise<QbpServer<Protocol>> {
    const server = createServer(protocol, async (reader, writer) => {
      for await (const message of reader) await writer.writeMessage(message)
      await writer.writeMessage({ $name: 'Left', name: 'you' })
    })
    server.listen(0)
    await once(server, 'listening')
    closing.push(() => server.close({ graceMs: 100 }))
    return server
  }

  /** A server of bare sockets. */
  async function plain(serve: (socket: net.Socket) => void): Promise<net.Server> {
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {})
      serve(socket)
    })
    server.listen(0)
    await once(server, 'listening')
    closing.push(() => server.close())
    return server
  }

  /** A tap in front of a port, with what it saw. */
  async function tapOf(target: number, tapped: Protocol = protocol): Promise<{ tap: Tap; events: TapEvent[] }> {
    const events: TapEvent[] = []
    const tap = new Tap(tapped, { connect: () => net.connect({ port: target, allowHalfOpen: true }) })
    tap.on('event', (event) => events.push(event))
    tap.listen({ port: 0 })
    await once(tap, 'listening')
    closing.push(() => tap.close())
    return { tap, events }
  }
  const kinds = (events: TapEvent[], direction: string) =>
    events.filter((event) => event.direction === direction).map(({ kind, name }) => (kind === 'frame' ? name : kind))

  it('shows the frames of both directions and passes half-closes on', async () => {
    const { tap, events } = await tapOf(port(await echo()))
    const client = await connect(protocol, { port: port(tap) })
    await client.writer.writeMessage({ $name: 'Say', text: 'hi' })
    expect(await client.reader.readMessage()).to.include({ $name: 'Say', text: 'hi' })
    client.writer.end()
    expect(await client.reader.readMessage()).to.include({ $name: 'Left', name: 'you' })
    expect(await client.reader.readMessage()).to.equal(null)
    await client.close()
    expect(kinds(events, 'client')).to.deep.equal(['open', 'Say', 'close'])
    expect(kinds(events, 'server')).to.deep.equal(['open', 'Say', 'Left', 'close'])
    const left = events.find(({ name }) => name === 'Left')
    expect(left).to.include({ connection: 1, type: 6, offset: 10 })
    expect(left?.message).to.include({ name: 'you' })
    expect(Buffer.from(left?.bytes ?? []).toString('hex')).to.equal('0006000000051203796f75')
    expect(events.every(({ at }, i) => i === 0 || at >= (events[i - 1] as TapEvent).at)).to.equal(true)
  })

  it('speaks TLS to clients, with a certificate made for the run', async () => {
    const target = port(await echo())
    const ca = join(folder, 'tap.pem')
    const run = begin(tap, [
      '127.0.0.1:0',
      `127.0.0.1:${target}`,
      '-s',
      'schemas/chat.proto',
      '--json',
      '--listen-ca',
      ca,
    ])
    while (!/SHA-256/.test(run.stderr())) await new Promise((resolve) => setTimeout(resolve, 10))
    const [, at = ''] = /Listening at \S+:(\d+)/.exec(run.stderr()) ?? []
    const client = await connect(protocol, { host: '127.0.0.1', port: Number(at), tls: { ca: readFileSync(ca) } })
    await client.writer.writeMessage({ $name: 'Say', text: 'hi' })
    expect(await client.reader.readMessage()).to.include({ text: 'hi' })
    await client.close()
    await run.printed(/"Say"[\s\S]*"Say"/)
    // Who speaks no TLS is reported, and ends nothing.
    net.connect({ host: '127.0.0.1', port: Number(at) }).end('GET / HTTP/1.0\r\n\r\n')
    await run.printed(/found no TLS/)
    run.interrupt()
    expect((await run.ended).code).to.equal(130)
  })

  it('shows fields by number without a schema, and those that a schema lacks', async () => {
    const target = port(await plain((socket) => socket.resume()))
    const frame = hex('0003 0000000a 0a0164 3805 4203616e6e')
    for (const [args, shown] of [
      [[], /type 3 \{"1:text": "d", "7:varint": 5, "8:text": "ann"\}/],
      [['-s', 'schemas/chat.proto'], /Say \{room: "d", \$unknown: \{"7:varint": 5, "8:text": "ann"\}\}/],
    ] as const) {
      const run = begin(tap, ['127.0.0.1:0', `127.0.0.1:${target}`, ...args])
      while (!/Listening/.test(run.stderr())) await new Promise((resolve) => setTimeout(resolve, 10))
      const [, at = ''] = /Listening at \S+:(\d+)/.exec(run.stderr()) ?? []
      const socket = net.connect({ host: '127.0.0.1', port: Number(at) })
      socket.write(frame)
      await run.printed(shown)
      socket.destroy()
      run.interrupt()
      await run.ended
    }
  })

  const wrongTls: [args: string[], text: RegExp][] = [
    [['--listen-cert', 'a.pem'], /--listen-cert and --listen-key go together/],
    [['--listen-cert', 'a.pem', '--listen-key', 'b.pem'], /a\.pem: cannot be read \(ENOENT\)/],
    [
      ['--listen-cert', 'a.pem', '--listen-key', 'b.pem', '--listen-ca', 'c.pem'],
      /--listen-ca is for a certificate made here/,
    ],
    [['--listen-ca', '/nowhere/c.pem'], /\/nowhere\/c\.pem/],
  ]
  for (const [args, text] of wrongTls) {
    it(`refuses ${args.join(' ')}`, async () => {
      const { code, stderr } = await cli(tap, ['0', '127.0.0.1:1', '-s', 'schemas/chat.proto', ...args])
      expect(code).to.be.above(0)
      expect(stderr).to.match(text)
      expect(stderr.split('\n').length).to.be.below(4)
    })
  }

  it('passes on untouched what it cannot decode', async () => {
    const steam = await Protocol.load('schemas/chat.proto', { header: headers.steam, message: 'Say' })
    const server = await plain((socket) => socket.pipe(socket))
    const { tap, events } = await tapOf(port(server), steam)
    const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 7) % 256))
    const client = net.connect(port(tap))
    client.end(bytes)
    expect(Buffer.concat(await client.toArray()).equals(bytes)).to.equal(true)
    expect(kinds(events, 'client')).to.deep.equal(['open', 'fault', 'close'])
    expect(events.find(({ kind }) => kind === 'fault')?.error).to.include('0x56543031')
  })

  it('goes on behind a type that is not listed and a body that does not decode', async () => {
    const { tap, events } = await tapOf(port(await plain((socket) => socket.end())))
    const client = net.connect(port(tap))
    client.end(hex('0063 00000001 2a 0003 00000001 12 0003 00000000'))
    await once(client.resume(), 'close')
    const frames = events.filter(({ kind }) => kind === 'frame')
    expect(frames.map(({ name, offset }) => [name, offset])).to.deep.equal([
      [null, 0],
      ['Say', 7],
      ['Say', 14],
    ])
    expect(frames.map(({ error }) => error?.slice(0, 10))).to.deep.equal(['No message', 'The body o', undefined])
  })

  it('passes resets on, from either side', async () => {
    const outcomes: string[] = []
    const server = await plain((socket) => {
      socket.on('error', (error: NodeJS.ErrnoException) => outcomes.push(`server ${error.code}`))
      socket.once('data', (chunk) => String(chunk) === 'reset' && socket.resetAndDestroy())
    })
    const { tap } = await tapOf(port(server))
    const first = net.connect(port(tap))
    first.on('error', (error: NodeJS.ErrnoException) => outcomes.push(`client ${error.code}`))
    first.write('reset')
    await closed(first)
    const second = net.connect(port(tap))
    const accepted = once(server, 'connection')
    second.write('stay')
    const [socket] = (await accepted) as [net.Socket]
    await once(socket, 'data')
    second.resetAndDestroy()
    await closed(socket)
    expect(outcomes).to.deep.equal(['client ECONNRESET', 'server ECONNRESET'])
  })

  it('says that the target was not reached, and resets the client', async () => {
    const server = await plain(() => {})
    const nobody = port(server)
    server.close()
    const { tap, events } = await tapOf(nobody)
    const client = net.connect(port(tap))
    const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException]
    expect(error.code).to.equal('ECONNRESET')
    expect(kinds(events, 'server')).to.deep.equal(['fault', 'close'])
    expect(events[1]?.error).to.match(/not reached: .*ECONNREFUSED/)
  })

  it('holds a fast sender back for a slow receiver', async () => {
    let received: net.Socket | undefined
    const server = await plain((socket) => {
      received = socket.pause()
    })
    const { tap } = await tapOf(port(server))
    let seen = 0
    tap.on('bytes', ({ bytes }) => {
      seen += bytes.length
    })
    const size = 64 * 2 ** 20
    const client = net.connect(port(tap))
    client.end(Buffer.alloc(size, 0xff))
    let last = -1
    while (seen === 0 || seen !== last) {
      last = seen
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    expect(seen).to.be.below(size / 2)
    let total = 0
    // Resumed: on Deno an iterator alone does not begin to read a socket that was paused.
    for await (const chunk of (received as net.Socket).resume()) total += chunk.length
    expect(total).to.equal(size)
    received?.end()
  })

  it('goes on where a listener throws', async () => {
    const { tap } = await tapOf(port(await plain((socket) => socket.pipe(socket))))
    tap.on('event', () => {
      throw new Error('a fault of the window')
    })
    tap.on('error', () => {})
    const client = net.connect(port(tap))
    client.end(hex('0003 00000000'))
    expect(Buffer.concat(await client.toArray()).toString('hex')).to.equal('000300000000')
  })

  it('prints, records, and is replayed', async () => {
    const server = await echo()
    const file = join(folder, 'a.tap')
    const args = ['0', `localhost:${port(server)}`, '--schema', 'schemas/chat.proto']
    const running = begin(tap, [...args, '--record', file, '--json'])
    const people = begin(tap, args, { tty: true })
    const listening = async ({ stderr }: typeof running) => {
      for (;;) {
        const found = /Listening at .*:(\d+),/.exec(stderr())
        if (found) return Number(found[1])
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    }
    for (const proxy of [await listening(running), await listening(people)]) {
      const client = await connect(protocol, { port: proxy })
      await client.writer.writeMessage({ $name: 'Say', text: 'hi' })
      await client.reader.readMessage()
      client.writer.end()
      await client.reader.readMessage()
      await client.close()
    }
    for (const run of [running, people]) run.interrupt()
    const { code, stdout } = await running.ended
    expect(code).to.equal(130)
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines.filter(({ kind }) => kind === 'frame')).to.have.length(3)
    expect(lines.find(({ name, direction }) => name === 'Say' && direction === 'server'))
      .to.deep.include({ connection: 1, type: 3, offset: 0, length: 4, message: { text: 'hi' } })
      .and.to.have.property('latencyMs')
      .that.is.above(0)
    const plainText = withoutEscapes((await people.ended).stdout)
    expect(plainText).to.match(/^\d\d:\d\d:\d\d\.\d{3} #1 → Say \{text: "hi"\} {2}10 B$/m)
    expect(plainText).to.match(/ #1 ← Say \{text: "hi"\} {2}10 B {2}\+\d+(\.\d+)? ms$/m)

    const target = `localhost:${port(server)}`
    expect(await cli(replay, [file, target, '--fast'])).to.include({
      code: 0,
      stdout: '#1 sent 10 B, received 21 B, as recorded\n',
    })
    const changed = readFileSync(file, 'utf8').replace('AAMAAAAEEgJoaQ==', 'AAMAAAAEEgJoYQ==')
    writeFileSync(file, changed)
    const other = await cli(replay, [file, target, '--json'])
    expect(other.code).to.equal(1)
    expect(JSON.parse(other.stdout)).to.deep.equal({
      connection: 1,
      sent: 10,
      received: 21,
      recorded: 21,
      same: false,
      differsAt: 9,
    })
    writeFileSync(file, `${changed}x\n{}\n`)
    expect((await cli(replay, [file, target])).stderr).to.match(/a\.tap: line \d+ is no line of a recording/)
  })

  it('is replayed against nobody, and says so', async () => {
    const file = join(folder, 'nobody.tap')
    const line = (rest: object) => `${JSON.stringify({ at: 1, connection: 1, ...rest })}\n`
    const open = line({ direction: 'client', kind: 'open' })
    writeFileSync(
      file,
      `{"recording":1,"at":1,"target":"a"}\n${open}${line({ direction: 'client', kind: 'bytes', bytes: 'AAI=' })}`,
    )
    const { code, stdout } = await cli(replay, [file, '127.0.0.1:1', '--fast'])
    expect(code).to.equal(1)
    expect(stdout).to.match(/^#1 sent .*, received 0 B, not as recorded; .*ECONNREFUSED/)
    const json = JSON.parse((await cli(replay, [file, '127.0.0.1:1', '--fast', '--json'])).stdout)
    expect(json).to.include({ same: false, recorded: 0, received: 0 })
    writeFileSync(file, '{"recording":1,"at":1,"target":"a"}\n')
    expect((await cli(replay, [file, '127.0.0.1:1'])).stderr).to.match(/nobody\.tap: no connection is in it/)
  })

  it('answers wrong use with exit code 2', async () => {
    const chat = ['--schema', 'schemas/chat.proto']
    for (const [verb, args] of [
      [tap, ['7000', ...chat]],
      [tap, ['7000', 'host:70000', ...chat]],
      [tap, ['7000', '7001', '7002', ...chat]],
      [tap, ['7000', '7001', '--insecure', ...chat]],
      [replay, []],
      [replay, ['a.tap']],
    ] as const) {
      expect((await cli(verb, args)).code, args.join(' ')).to.equal(2)
    }
    for (const verb of [tap, replay]) expect((await cli(verb, ['--help'])).stdout).to.include('Example:')
  })
})

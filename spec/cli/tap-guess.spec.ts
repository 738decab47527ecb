import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { run as decode } from '../../lib/cli/verbs/decode.ts'
import { run as tap } from '../../lib/cli/verbs/tap.ts'
import type { Heard } from '../../lib/window/language.ts'
import { Event } from '../../lib/window/messages.ts'
import { begin, cli } from '../support/cli.ts'
import { drawnSide, random } from '../support/drawn-captures.ts'
import { Page } from '../support/window-page.ts'

/** What both sides of a connection send, and in pieces how long. */
interface Talk {
  client: Uint8Array
  server?: Uint8Array
  pieces?: number
}

describe('qbp tap without a schema and a header', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'qbp-tap-guess-'))
  })
  after(() => rmSync(folder, { recursive: true }))

  const closing: (() => unknown)[] = []
  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
  })

  /** A tap in front of a server that answers each connection with what it is given. */
  async function tapped(args: readonly string[], answers: Uint8Array[]) {
    const received: Buffer[] = []
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      const number = received.length
      received.push(Buffer.alloc(0))
      socket.on('error', () => {})
      socket.on('data', (chunk: Buffer) => {
        received[number] = Buffer.concat([received[number] as Buffer, chunk])
      })
      socket.on('end', () => socket.end(answers[number] ?? ''))
    })
    server.listen(0)
    await once(server, 'listening')
    closing.push(() => server.close())
    const target = (server.address() as net.AddressInfo).port
    const run = begin(tap, ['127.0.0.1:0', `127.0.0.1:${target}`, ...args])
    closing.push(() => {
      run.interrupt()
      return run.ended
    })
    while (!/Listening at \S+:\d+/.test(run.stderr())) await new Promise((resolve) => setTimeout(resolve, 5))
    const port = Number(/Listening at \S+:(\d+)/.exec(run.stderr())?.[1])
    return { run, received, port, target }
  }

  /** A connection through the tap: what the client got. */
  async function talk(port: number, { client, pieces = client.length }: Talk): Promise<Buffer> {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const got: Buffer[] = []
    socket.on('data', (chunk: Buffer) => got.push(chunk))
    for (let at = 0; at < client.length; at += pieces) {
      socket.write(client.subarray(at, at + pieces))
      await new Promise(setImmediate)
    }
    socket.end()
    await once(socket, 'end')
    return Buffer.concat(got)
  }

  const layouts: [header: string, count: number, seed: number][] = [
    ['length:u32', 12, 1],
    ['length:varint type:u8', 40, 2],
    ['type:u16 length:u32', 30, 3],
    ['0x94c3 length:u16', 12, 4],
    ['length(rest):u32le type:u8', 300, 5],
  ]
  for (const [header, count, seed] of layouts) {
    it(`finds ${header} by the first bytes, and shows all from the first on`, async () => {
      const [client, server] = [drawnSide(header, count, seed), drawnSide(header, count, seed + 100)]
      const { run, received, port, target } = await tapped(['--json'], [server])
      expect(await talk(port, { client, pieces: 100 })).to.deep.equal(server)
      expect(received[0]).to.deep.equal(client)
      await run.printed(/"direction":"server","kind":"close"/)
      const events = run
        .stdout()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
      const layout = events.find(({ kind }) => kind === 'layout')
      const shape = (line: string) => line.replaceAll(/\b(?!length)\w+:/g, ':')
      expect(shape(layout.header)).to.equal(shape(header))
      const words = `127.0.0.1:0 127.0.0.1:${target} --json --header`
      expect(layout.command).to.match(new RegExp(`^qbp tap ${words} (?:'.*'|\\w+)$`))
      const frames = (direction: string) =>
        events.filter((each) => each.kind === 'frame' && each.direction === direction)
      expect(frames('client')).to.have.length(count)
      expect(frames('server')).to.have.length(count)
      expect(frames('client')[0]).to.include({ offset: 0 }).and.have.property('fields')
      expect(events.filter(({ kind }) => kind === 'fault')).to.deep.equal([])
    })
  }

  it('finds it over connections with a request and an answer each, and reads those that are over, too', async () => {
    const requests = Array.from({ length: 6 }, (_, i) => drawnSide('length(rest):u32 type:u8', 1, 40 + i))
    const answers = Array.from({ length: 6 }, (_, i) => drawnSide('length(rest):u32 type:u8', 1, 60 + i))
    const { run, port } = await tapped([], answers)
    for (const client of requests) await talk(port, { client })
    await run.printed(/length\(rest\):u32 type:u8 \(riak\) .* frames, .* --header riak\n/)
    await run.printed(/#6 ← close/)
    for (let connection = 1; connection <= 6; connection++)
      expect(run.stdout())
        .to.match(new RegExp(`#${connection} → type \\d`))
        .and.match(new RegExp(`#${connection} ← type`))
  })

  const others: [what: string, client: Uint8Array, text: RegExp][] = [
    [
      'TLS',
      Buffer.from(`16030100c8010000c40303${'a7'.repeat(194)}`, 'hex'),
      /#1 → fault: The client's bytes are TLS: .*--tls/,
    ],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: example\r\n\r\n'), /#1 → fault: The client's bytes are HTTP\/1/],
    ['HTTP/2', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), /#1 → fault: The client's bytes are HTTP\/2/],
    ['gzip', gzipSync('some text'), /#1 → fault: The client's bytes are gzip/],
  ]
  for (const [what, client, text] of others) {
    it(`says so of ${what}, and finds the layout of what comes later`, async () => {
      const { run, received, port } = await tapped([], [Buffer.from('bye')])
      expect(String(await talk(port, { client }))).to.equal('bye')
      expect(received[0]).to.deep.equal(client)
      await run.printed(text)
      await talk(port, { client: drawnSide('type:u16 length:u32', 20, 9) })
      await run.printed(/type:u16 length:u32 \(default\)[\s\S]*#2 → type/)
    })
  }

  it('shows bytes while no layout is sure, and what they are by the likeliest', async () => {
    const { run, port } = await tapped([], [])
    const client = Buffer.from('00030000000a0a01643805 4203616e6e'.replaceAll(' ', ''), 'hex')
    await talk(port, { client })
    await run.printed(
      /#1 → 16 B: 00 03 00 00 .* no layout is sure yet; by the likeliest, 'type:u16 length:u32':\n +type 3 \{/,
    )
    const json = await tapped(['--json'], [])
    await talk(json.port, { client })
    const [text] = await json.run.printed(/.*"unsure".*/)
    expect(JSON.parse(text)).to.include({
      bytes: client.toString('base64'),
      likeliest: 'type:u16 length:u32',
      length: 16,
    })
  })

  it('says at the end that no layout was sure, with the bytes', async () => {
    const draw = random(5)
    const client = Uint8Array.from({ length: 3000 }, () => draw() * 256)
    const { run, received, port } = await tapped([], [])
    await talk(port, { client })
    expect(received[0]).to.deep.equal(Buffer.from(client))
    run.interrupt()
    const { stdout } = await run.ended
    expect(stdout).to.match(/#1 → fault: No layout is sure by its first 3000 bytes/)
    expect(stdout).to.match(/#1 → close/)
  })

  it('passes all on at once while it looks, and beyond what it keeps', async () => {
    const draw = random(6)
    const client = Uint8Array.from({ length: 3 * 2 ** 20 }, () => draw() * 256)
    const { run, received, port } = await tapped(['--record', join(folder, 'noise.tap')], [Buffer.from('bye')])
    expect(String(await talk(port, { client, pieces: 2 ** 16 }))).to.equal('bye')
    expect(received[0]?.equals(client)).to.equal(true)
    run.interrupt()
    expect((await run.ended).stdout).to.match(/#1 → fault: /)
    const bytes = readFileSync(join(folder, 'noise.tap'), 'utf8').match(/(?<="client","kind":"bytes","bytes":")[^"]+/g)
    expect(Buffer.concat((bytes ?? []).map((text) => Buffer.from(text, 'base64'))).equals(client)).to.equal(true)
  }).timeout(30_000)

  it('records what it has looked at, and the command that it names reads the recording', async () => {
    const client = drawnSide('0x94c3 length:u16', 20, 30)
    const file = join(folder, 'a.tap')
    const { run, port } = await tapped(['--record', file], [])
    await talk(port, { client })
    await run.printed(/--header meshtastic\n/)
    run.interrupt()
    await run.ended
    const { code, stdout } = await cli(decode, [file, '--header', 'meshtastic'])
    expect(code).to.equal(0)
    expect(stdout.trim().split('\n')).to.have.length(20)
  })

  it('shows it in the window, which learns the layout before its first frame', async () => {
    const { run, port } = await tapped(['--ui'], [])
    while (!/Shown at \S+\n/.test(run.stderr())) await new Promise((resolve) => setTimeout(resolve, 5))
    const page = new Page(/Shown at (\S+)/.exec(run.stderr())?.[1] as string)
    closing.unshift(() => page.socket.terminate())
    await talk(port, { client: drawnSide('length:u32', 20, 31) })
    const isFrame = (message: Heard) => message.$name === 'Event' && message.kind === Event.Kind.FRAME
    await page.until((heard) => heard.some(isFrame))
    const seen = page.heard
    const hellos = seen.filter((each) => each.$name === 'Hello')
    expect(hellos.map(({ header }) => header)).to.deep.equal(['type:u16 length:u32', 'length:u32'])
    expect(hellos[1]).to.include({ options: '--header castv2' })
    expect(seen.findIndex(isFrame)).to.be.greaterThan(seen.indexOf(hellos[1] as Heard))
  })
})

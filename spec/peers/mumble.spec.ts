import { type EventEmitter, once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import tls from 'node:tls'
import { expect } from 'chai'
import ts from 'typescript'
import * as qbp from '../../lib/index.ts'
import { type AnyMessage, connect, createServer, headers, Protocol, type QbpConnection } from '../../lib/index.ts'
import { certificates } from '../support/certificates.ts'
import { type Murmur, murmurPeer, startMurmur } from '../support/murmur.ts'
import { snippets } from '../support/pages.ts'
import { peer, run } from '../support/peers.ts'

// It brings no types.
const MumbleClient = require('mumble-client') as new (options: {
  username: string
  tokens: string[]
  dataPingInterval: number
}) => MumbleClient
interface MumbleClient extends EventEmitter {
  readonly welcomeMessage: string
  readonly serverVersion: object
  readonly self: { username: string; channel: Channel; selfMute: boolean }
  readonly channels: Channel[]
  getChannel(name: string): Channel | null
  connectDataStream(stream: Duplex): Promise<MumbleClient>
  setSelfMute(mute: boolean): void
  disconnect(): void
}
interface Channel {
  readonly name: string
  readonly links: Channel[]
}

const ROOT = join(__dirname, '..', '..')
const PROTO = join(ROOT, 'node_modules', 'mumble-streams', 'lib', 'Mumble.proto')

// https://mumble-protocol.readthedocs.io/en/latest/protocol_stack_tcp.html
const TYPES = {
  ...{ Version: 0, Authenticate: 2, Ping: 3, Reject: 4, ServerSync: 5, ChannelRemove: 6, ChannelState: 7 },
  ...{ UserRemove: 8, UserState: 9, BanList: 10, TextMessage: 11, PermissionDenied: 12, ACL: 13, QueryUsers: 14 },
  ...{ CryptSetup: 15, ContextActionModify: 16, ContextAction: 17, UserList: 18, VoiceTarget: 19 },
  ...{ PermissionQuery: 20, CodecVersion: 21, UserStats: 22, RequestBlob: 23, ServerConfig: 24, SuggestConfig: 25 },
  UDPTunnel: { type: 1, body: 'raw' }, // Voice; the schema's message of this name was never sent.
} as const

const loadMumble = () => Protocol.load(PROTO, { header: headers.mumble, types: TYPES })

/** The page's program that speaks Mumble. It is no `ts` block, which another spec would run without a server. */
function programOfThePage(): string {
  const [program] = snippets('docs/existing-protocols.md', 'typescript')
  if (program === undefined) throw new Error('docs/existing-protocols.md has no `typescript` block.')
  return program.text
}

/** What the example prints: by the command of `npm run mumble`, without npm, which takes longer than the example. */
async function example(args: string): Promise<string> {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  return (await run('sh', ['-c', `${scripts.mumble} ${args}`], { cwd: ROOT })).stdout
}

describe('Mumble', function () {
  this.timeout(20_000)

  describe("Debian's murmurd", () => {
    let murmur: Murmur
    let connection: QbpConnection
    before(async function () {
      peer(this, murmurPeer)
      murmur = await startMurmur()
    })
    after(() => murmur?.stop())

    /** The next message of a name, with what came before it dropped. */
    async function next(name: string): Promise<AnyMessage> {
      for (;;) {
        const message = await connection.reader.readMessage({ signal: AbortSignal.timeout(5_000) })
        if (message === null) throw new Error(`the server ended before ${name}`)
        if (message.$name === name) return message
      }
    }
    const send = (message: object) => connection.writer.writeMessage(message)

    beforeEach(async () => {
      const { ca } = await certificates()
      connection = await connect(await loadMumble(), { host: '127.0.0.1', port: murmur.port, tls: { ca } })
      await send({ $name: 'Version', version: 0x010304, release: 'qbp', os: 'node' })
      await send({ $name: 'Authenticate', username: 'duck', opus: true })
    })
    afterEach(() => connection?.close())

    it('takes our Version and Authenticate, and tells of itself up to ServerSync', async () => {
      expect(await next('Version')).to.include({ version: 0x010304, os: 'X11' })
      expect((await next('CryptSetup')).key).to.have.length(16)
      expect(await next('CodecVersion')).to.include({ opus: true, alpha: -2147483637 })
      expect(await next('ChannelState')).to.include({ channelId: 0, name: 'Root' })
      const { session } = await next('UserState')
      const sync = await next('ServerSync')
      expect(sync).to.include({ session, welcomeText: 'Welcome to the specs.', maxBandwidth: 72_000 })
      expect(sync.permissions).to.be.a('bigint')
      expect(murmur.log()).to.include('Client version 1.3.4 (node: qbp)').and.to.include('duck(-1)> Authenticated')
    })

    it('answers Ping, with a timestamp beyond 2**63, QueryUsers and UserStats', async () => {
      const { session } = await next('ServerSync')
      await send({ $name: 'Ping', timestamp: 2n ** 64n - 2n, tcpPingAvg: 1.5 })
      expect((await next('Ping')).timestamp).to.equal(2n ** 64n - 2n)
      await send({ $name: 'QueryUsers', ids: [0] })
      expect(await next('QueryUsers')).to.deep.include({ ids: [0], names: ['SuperUser'] })
      await send({ $name: 'UserStats', session })
      const stats = await next('UserStats')
      expect(stats).to.include({ session, opus: true, tcpPingAvg: 1.5 }) // The ping's, which it kept.
      expect(stats.version).to.deep.include({ version: 0x010304, release: 'qbp', os: 'node' })
      expect(stats.address).to.deep.equal(Buffer.from('00000000000000000000ffff7f000001', 'hex'))
    })

    it('sends our voice back, in frames of type 1 that stay raw', async () => {
      const { session } = await next('ServerSync')
      // Opus (4 << 5) to ourselves (31), the sequence number 1, and a frame of three bytes.
      await send({ $name: 'UDPTunnel', body: Buffer.from('9f0103aabbcc', 'hex') })
      const voice = await next('UDPTunnel')
      expect(voice.type).to.equal(1)
      // Opus, to one who talks normally (0), our session in front.
      expect(voice.body).to.deep.equal(Buffer.from([0x80, session, 0x01, 0x03, 0xaa, 0xbb, 0xcc]))
    })

    it('leaves the connection up behind a type that it does not know', async () => {
      await next('ServerSync')
      await send({ $name: null, type: 999, body: Buffer.from('what is this') })
      await send({ $name: 'Ping', timestamp: 7 })
      expect((await next('Ping')).timestamp).to.equal(7n)
    })

    it('tells why it refuses: a name that is taken', async () => {
      await next('ServerSync')
      const first = connection
      try {
        connection = await connect(await loadMumble(), {
          ...{ host: '127.0.0.1', port: murmur.port, tls: { rejectUnauthorized: false } },
        })
        await send({ $name: 'Version', version: 0x010304 })
        await send({ $name: 'Authenticate', username: 'SuperUser', password: 'wrong' })
        expect(await next('Reject')).to.include({ type: 3, reason: 'Wrong certificate or password for existing user' })
        expect(await connection.reader.readMessage()).to.equal(null)
      } finally {
        await first.close()
      }
    })

    it('is asked by the program in docs/existing-protocols.md', async () => {
      const { outputText } = ts.transpileModule(programOfThePage().replace('64738', String(murmur.port)), {
        compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2023 },
      })
      const printed: string[] = []
      const AsyncFunction = (async () => {}).constructor as FunctionConstructor
      const body = `${outputText.replace('"use strict";', '')}`
      await AsyncFunction(
        'require',
        'exports',
        'console',
        body,
      )(
        () => qbp,
        {},
        {
          log: (...words: unknown[]) => printed.push(words.join(' ')),
        },
      )
      expect(printed).to.include.members(['channel Root', 'user qbp', 'user duck'])
    })

    it('is asked by examples/mumble.ts, which prints who is there', async () => {
      await next('ServerSync')
      const stdout = await example(`127.0.0.1 ${murmur.port}`)
      expect(stdout).to.match(/^Mumble 1\.3\.4-4, X11, .*; 2 users; a ping takes \d+\.\d ms\n {2}Root\n/)
      expect(stdout).to.match(/^ {4}duck, for \d+ s$/m)
      expect(stdout).to.match(/^ {4}qbp, for \d+ s \(that is us\)$/m)
    })
  })

  describe('the client of npm, mumble-client', () => {
    it('completes its handshake with our server, pings it and is told what others write', async () => {
      const protocol = await loadMumble()
      const { ca, server: identity } = await certificates()
      const told: AnyMessage[] = []
      await using server = createServer(protocol, { tls: identity }, async (reader, writer) => {
        await writer.writeMessage({ $name: 'Version', version: 0x010304, release: 'qbp', os: 'node' })
        for await (const message of reader) {
          told.push(message)
          if (message.$name === 'Authenticate') {
            await writer.writeMessage({ $name: 'ChannelState', channelId: 0, name: 'Root' })
            await writer.writeMessage({ $name: 'ChannelState', channelId: 5, parent: 0, name: 'Pond', links: [0] })
            await writer.writeMessage({ $name: 'UserState', session: 7, name: message.username, channelId: 5 })
            await writer.writeMessage({
              ...{
                $name: 'ServerSync',
                session: 7,
                maxBandwidth: 72_000,
                welcomeText: 'grüße',
                permissions: 2n ** 63n,
              },
            })
          } else if (message.$name === 'Ping') await writer.writeMessage(message)
          else if (message.$name === 'UserState') {
            await writer.writeMessage(message)
            await writer.writeMessage({ $name: 'TextMessage', actor: 7, channelId: [5], message: 'quack' })
          }
        }
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const { port } = server.address() as AddressInfo

      const client = new MumbleClient({ username: 'drake', tokens: ['a', 'b'], dataPingInterval: 50 })
      const ended = once(client, 'disconnected')
      await client.connectDataStream(tls.connect({ host: '127.0.0.1', port, ca }))
      expect(client.welcomeMessage).to.equal('grüße')
      expect(client.self.username).to.equal('drake')
      expect(client.self.channel.name).to.equal('Pond')
      expect(client.channels.map(({ name }) => name)).to.deep.equal(['Root', 'Pond'])
      expect(client.getChannel('Pond')?.links[0]?.name).to.equal('Root')
      expect(client.serverVersion).to.include({ major: 1, minor: 3, patch: 4, release: 'qbp' })

      await once(client, 'dataPing')
      client.setSelfMute(true)
      const [actor, text, , [channel]] = await once(client, 'message')
      expect([actor.username, text, channel.name]).to.deep.equal(['drake', 'quack', 'Pond'])
      expect(client.self.selfMute).to.equal(true)
      client.disconnect()
      await ended

      const [version, authenticate] = told
      expect(version).to.include({ $name: 'Version', version: 0x010210, release: 'Node.js mumble-client' })
      expect(authenticate).to.deep.include({
        $name: 'Authenticate',
        username: 'drake',
        tokens: ['a', 'b'],
        opus: false,
      })
      expect(told.find(({ $name }) => $name === 'Ping')?.timestamp).to.be.a('bigint')
      expect(told.find(({ $name }) => $name === 'UserState')).to.deep.include({ session: 7, selfMute: true })
    })
  })

  it('examples/mumble.ts says how it is called, and fails where nobody listens', async () => {
    const failing = example('127.0.0.1 1').catch((error: Error) => error)
    const [help, fault] = await Promise.all([example('--help'), failing])
    expect(help).to.match(/^npm run mumble -- \[HOST\] \[PORT\]/)
    expect(String(fault)).to.match(/ended with exit code 1\n.*ECONNREFUSED 127\.0\.0\.1:1\n.*npm run mumble -- --help/)
  })
})

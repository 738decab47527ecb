import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { expect } from 'chai'
import { build } from 'esbuild'
import { WebSocket } from 'ws'
import { createServer, Protocol } from '../../lib/index.ts'
import { connect, Protocol as WebProtocol } from '../../lib/web/index.ts'
import { chat } from '../../schemas/chat.ts'
import { ROOT } from '../support/pages.ts'

const { binary } = require('../../scripts/runtimes/binaries.cjs') as { binary(name: string): string }

/** A Worker that asks a Qbp server over TCP, and answers over a WebSocket. */
const WORKER = `
  import { connect as dial } from 'cloudflare:sockets'
  import { connect, Protocol } from './lib/web/index.ts'
  import { chat } from './schemas/chat.ts'

  const protocol = Protocol.from(chat)

  async function serve(socket) {
    socket.accept()
    const { reader, writer, closed } = await connect(protocol, socket, { role: 'server' })
    for await (const { text } of reader) await writer.writeMessage({ $name: 'Said', name: 'worker', text, at: 7n })
    await closed
  }

  export default {
    async fetch(request, env, context) {
      if (request.headers.get('upgrade') === 'websocket') {
        const [client, server] = Object.values(new WebSocketPair())
        context.waitUntil(serve(server))
        return new Response(null, { status: 101, webSocket: client })
      }
      const port = Number(new URL(request.url).searchParams.get('port'))
      const connection = await connect(protocol, dial({ hostname: '127.0.0.1', port }))
      await connection.writer.writeMessage({ $name: 'Say', text: 'from a Worker' })
      const { text } = await connection.reader.readMessage()
      return Response.json({ text, outcome: await connection.close() })
    },
  }`

const CONFIG = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [ (name = "main", worker = .worker), (name = "internet", network = (allow = ["private", "local"])) ],
  sockets = [ (name = "http", address = "127.0.0.1:0", http = (), service = "main") ],
);
const worker :Workerd.Worker = (modules = [(name = "worker.js", esModule = embed "worker.js")], compatibilityDate = "2025-06-01");
`

describe("a Worker, in Cloudflare's workerd", function () {
  this.timeout(180_000)
  let folder: string
  let child: ChildProcess
  let port: number
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'qbp-workerd-'))
    const stdin = { contents: WORKER, resolveDir: ROOT, loader: 'ts' } as const
    const outfile = join(folder, 'worker.js')
    await build({ stdin, outfile, bundle: true, format: 'esm', target: 'es2022', external: ['cloudflare:sockets'] })
    writeFileSync(join(folder, 'config.capnp'), CONFIG)
    const args = ['serve', join(folder, 'config.capnp'), '--control-fd=3']
    child = spawn(binary('workerd'), args, { stdio: ['ignore', 'ignore', 'inherit', 'pipe'] })
    const [line] = await once(child.stdio[3] as Readable, 'data')
    port = JSON.parse(String(line).split('\n')[0] as string).port
  })
  after(() => {
    child?.kill()
    rmSync(folder, { recursive: true, force: true })
  })

  it('asks a Qbp server over TCP', async () => {
    const server = createServer(Protocol.from(chat), async (reader, writer) => {
      for await (const message of reader)
        if (message.$name === 'Say') await writer.writeMessage({ $name: 'Said', text: `${message.text}, é` })
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const answer = await fetch(`http://127.0.0.1:${port}/?port=${(server.address() as AddressInfo).port}`)
    expect(await answer.json()).to.deep.equal({ text: 'from a Worker, é', outcome: null })
    await server.close()
    expect(server.stats().faults).to.deep.equal({})
  })

  it('serves a WebSocket', async () => {
    const connection = await connect(WebProtocol.from(chat), new WebSocket(`ws://127.0.0.1:${port}`))
    for (const text of ['hi', 'x'.repeat(100_000)]) {
      await connection.writer.writeMessage({ $name: 'Say', text })
      expect(await connection.reader.readMessage()).to.include({ $name: 'Said', name: 'worker', text, at: 7n })
    }
    expect(await connection.close()).to.equal(null)
  })
})

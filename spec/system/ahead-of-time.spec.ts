import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect } from 'chai'
import { build } from 'esbuild'
import { Protocol } from '../../lib/index.ts'
import { chat } from '../../schemas/chat.ts'

const ROOT = join(__dirname, '..', '..')

/** Runs a program where functions must not be made of text. */
function run(program: string): unknown {
  const flags = ['--disallow-code-generation-from-strings', '-r', 'ts-node/register']
  return JSON.parse(execFileSync(process.execPath, [...flags, '-e', program], { cwd: ROOT, encoding: 'utf8' }))
}

describe('a module with its codec', () => {
  it('serves and asks where functions must not be made of text, without protobufjs', () => {
    const program = `
      const { connect, createServer, Protocol } = require('./lib/index.ts')
      const { chat } = require('./schemas/chat.ts')
      const { once } = require('node:events')
      void (async () => {
        const protocol = Protocol.from(chat)
        const server = createServer(protocol, async (reader, writer) => {
          for await (const { text } of reader) {
            await writer.writeMessage({ $name: 'Said', name: 'ann', text: text + ' é', at: 2n ** 60n })
          }
        })
        await once(server.listen(0, '127.0.0.1'), 'listening')
        const connection = await connect(protocol, { port: server.address().port })
        await connection.writer.writeMessage({ $name: 'Say', text: 'hello' })
        const message = await connection.reader.readMessage()
        await connection.close()
        await server.close()
        const loaded = Object.keys(require.cache).filter((path) => /node_modules.(?:protobufjs|long)/.test(path))
        console.log(JSON.stringify({ text: message.text, at: String(message.at), loaded }))
      })()`
    expect(run(program)).to.deep.equal({ text: 'hello é', at: String(2n ** 60n), loaded: [] })
  }).timeout(60_000)

  it('reads any header there, which is interpreted', () => {
    const program = `
      const { Protocol, QbpReadable, QbpWritable, headers } = require('./lib/index.ts')
      const { chat } = require('./schemas/chat.ts')
      void (async () => {
        const reported = {}
        for (const header of ['0x00 length:varint type:varint', 'length(rest):u32le type:u8', headers.default]) {
          const protocol = Protocol.from(chat, { header })
          const [writer, reader] = [new QbpWritable(protocol), new QbpReadable(protocol)]
          writer.pipe(reader)
          writer.end({ $name: 'Say', room: 'a', text: 'b'.repeat(300) })
          for await (const message of reader) reported[header] = message.text.length
        }
        console.log(JSON.stringify(reported))
      })()`
    expect(Object.values(run(program) as object)).to.deep.equal([300, 300, 300])
  }).timeout(60_000)

  it('has plain values and the names of enums there, too', () => {
    const program = `
      const { Protocol } = require('./lib/index.ts')
      const { plain } = require('./spec/protos/plain.ts')
      const protocol = Protocol.from(plain)
      const body = protocol.encode('Row', { at: new Date(5), config: { a: [null] }, big: '5', colour: 'BLUE' })
      const { at, config, big, colour } = protocol.decode('Row', body)
      console.log(JSON.stringify([at, config, String(big), colour, protocol.toJson('Row', { took: 1500 })]))`
    const printed = ['1970-01-01T00:00:00.005Z', { a: [null] }, '5', 'BLUE', { took: '1.500s' }]
    expect(run(program)).to.deep.equal(printed)
  }).timeout(60_000)

  it('is asked for where there is none', () => {
    const program = `
      const { Protocol } = require('./lib/index.ts')
      const { codec, ...bare } = require('./schemas/chat.ts').chat
      try { Protocol.from(bare).encode('Say', {}) } catch (error) { console.log(JSON.stringify(error.code)) }`
    expect(run(program)).to.equal('ERR_QBP_NO_CODEGEN')
  }).timeout(60_000)

  it('shares its Types among the Protocols of one package', () => {
    const [one, two] = [Protocol.from(chat), Protocol.from(chat, { header: 'length:varint type:varint' })]
    expect(one.messageType('Say')).to.equal(two.messageType('Say'))
  })

  it('bundles without protobufjs for a page', async () => {
    const { outputFiles, metafile } = await build({
      stdin: {
        contents: `
          import { Protocol } from './lib/web/index.ts'
          import { chat } from './schemas/chat.ts'
          console.log(Protocol.from(chat).encode('Say', { text: 'hi' }).length)`,
        resolveDir: ROOT,
        loader: 'ts',
      },
      bundle: true,
      platform: 'browser',
      format: 'esm',
      minify: true,
      write: false,
      metafile: true,
      logLevel: 'silent',
    })
    expect(Object.keys(metafile.inputs).filter((path) => /node_modules|node:/.test(path))).to.deep.equal([])
    expect(outputFiles[0]?.text).to.not.match(/\b(require|import)\(["']/)
  })
})

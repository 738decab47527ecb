import { join } from 'node:path'
import { createContext, runInContext } from 'node:vm'
import { expect } from 'chai'
import { build } from 'esbuild'
import { Protocol } from '../../lib/index.ts'

const LIB = join(__dirname, '..', '..', 'lib')

// What knows bytes and messages only, as a browser's program would import it.
const ENTRY = `
  export { MessageReader, NONE } from './framing/message-reader.ts'
export { WITHOUT_LIMITS } from './framing/without-limits.ts'
  export { MessageWriter } from './framing/message-writer.ts'
  export { loadSchema } from './protocol/schema/load.ts'
  export { Protocol } from './protocol/protocol.ts'`

const schema = {
  package: 'p',
  int64: 'bigint',
  packages: ['p'],
  enums: {},
  services: {},
  messages: {
    'p.M': {
      options: { '(qbp.type)': 7 },
      fields: [
        { name: 'text', id: 1, kind: 'string' },
        { name: 'data', id: 2, kind: 'bytes' },
        { name: 'big', id: 3, kind: 'int64' },
        { name: 'list', id: 4, kind: 'double', repeated: true, packed: true },
        { name: 'inner', id: 5, kind: 'message', type: 'p.M' },
        { name: 'map', id: 6, kind: 'sint32', key: 'string' },
      ],
    },
  },
} as const
const LONG = 'grüße 👋 '.repeat(12)

/** What the program in the browser does: reads a frame byte by byte, and writes its message again. */
const PROGRAM = `(() => {
  const protocol = qbp.Protocol.from(schema)
  const { header, sent } = protocol
  const messages = new qbp.MessageReader({ ...qbp.WITHOUT_LIMITS, header, table: sent.client })
  let message
  for (const byte of frame) {
    messages.frames.feed(Uint8Array.of(byte))
    message = messages.take()
  }
  messages.frames.finish()
  let fault
  try { protocol.decode('M', Uint8Array.of(10, 5, 97)) } catch (error) { fault = error.code }
  const { text, big, inner, map } = message
  const told = { text, big: String(big), data: Array.from(message.data), list: Array.from(message.list), inner: inner.text, map: { ...map } }
  return JSON.stringify({ told, fault, again: Array.from(new qbp.MessageWriter(header, sent.client, 1 << 20).frame(message)) })
})()`

describe('the floors that know no Node', () => {
  let bundle: { text: string; inputs: string[]; warnings: string[] }
  before(async function () {
    this.timeout(20_000)
    const { outputFiles, metafile, warnings } = await build({
      stdin: { contents: ENTRY, resolveDir: LIB, loader: 'ts' },
      bundle: true,
      platform: 'browser',
      format: 'iife',
      globalName: 'qbp',
      write: false,
      metafile: true,
      logLevel: 'silent',
    })
    const text = outputFiles[0]?.text ?? ''
    bundle = { text, inputs: Object.keys(metafile.inputs), warnings: warnings.map((warning) => warning.text) }
  })

  it('bundle for a browser, with nothing left out', () => {
    expect(bundle.warnings).to.deep.equal([])
    expect(bundle.inputs.filter((path) => path.startsWith('node:'))).to.deep.equal([])
    expect(bundle.text).not.to.match(/\b(require|import)\(["']/)
  })

  it('read and write frames where there is no Buffer and no process', () => {
    const protocol = Protocol.from(schema)
    const message = {
      ...{ text: LONG, data: Buffer.from('00ff10', 'hex'), big: -(2n ** 62n), list: [1.5, -0], map: { a: -3 } },
      inner: { text: 'short' },
    }
    const body = protocol.encode('M', message)
    const frame = new Uint8Array([0, 7, 0, 0, 0, body.length, ...body])
    expect(body.length).to.be.below(256)
    const context = createContext({ TextDecoder, TextEncoder, btoa, schema, frame })
    runInContext(bundle.text, context)
    expect(runInContext('typeof Buffer + typeof process + typeof require', context)).to.equal('undefined'.repeat(3))
    const { told, fault, again } = JSON.parse(runInContext(PROGRAM, context))
    expect(told).to.deep.equal({
      ...{ text: LONG, big: String(message.big), data: [0, 255, 16], list: [1.5, 0], inner: 'short', map: { a: -3 } },
    })
    expect(fault).to.equal('ERR_QBP_INVALID_BODY')
    expect(again).to.deep.equal([...frame])
  })
})

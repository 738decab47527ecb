import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { pageText, programs, ROOT, snippets } from '../support/pages.ts'
import { type EmptyFolder, emptyFolder, tarball } from '../support/tarball.ts'

const [server] = programs('README.md')
const [schema, services] = snippets('README.md', 'proto')

/** A page's program. */
const PAGE = `
import { calls, connect, Protocol } from 'qbp-stream/web'
import { chat } from './page-chat.js'
import { Accounts, accounts } from './page-accounts.js'

export async function balance(name: string): Promise<number> {
  const connection = await connect(Protocol.from(accounts, { calls: calls() }), new WebSocket('wss://example.org'))
  return (await connection.client(Accounts).open({ name })).balance
}
export async function say(text: string) {
  const { reader, writer } = await connect(Protocol.from(chat), new WebSocket('wss://example.org'))
  await writer.writeMessage({ $name: 'Say', text })
  for await (const message of reader) console.log(message.$name)
}
void say('hello')
`

/** A test of a user's, with the globals that Jest and Vitest share. */
const TEST = `
import { Protocol } from 'qbp-stream'
import { connectionPair } from 'qbp-stream/testing'
import { chat } from './chat.js'

test('a message crosses', async () => {
  const { client, server } = connectionPair(Protocol.from(chat))
  client.writer.write({ $name: 'Say', text: 'hello' })
  expect(await server.reader.readMessage()).toMatchObject({ $name: 'Say', text: 'hello' })
  await Promise.all([client.close(), server.close()])
})
`

/** A library of a user's: what it exports has types that tsc writes down by itself. */
const LIBRARY = `
import { connect, connections, createServer, dispatch, Group, type Incoming, Link, localBus, Protocol, QbpReadable, QbpWritable } from 'qbp-stream'
import { connectionPair } from 'qbp-stream/testing'
import { createWebSocketServer } from 'qbp-stream/ws'
import { Accounts, accounts } from './accounts.js'
import { chat } from './chat.js'

export const protocol = Protocol.from(chat)
export const banking = Protocol.from(accounts, { calls: true })
export const raw = Protocol.raw({ header: 'length:varint' })
export const loaded = Protocol.load('chat.proto')
export const server = createServer(protocol, async (reader) => { for await (const { text } of reader) console.log(text) })
export const reader = new QbpReadable(protocol)
export const writer = new QbpWritable(protocol)
export const dial = () => connect(protocol, { port: 1 })
export const first = async () => (await dial()).reader.readMessage()
export const lasting = connections(protocol, { port: 1 })
export const group = new Group<typeof protocol>()
export const frame = protocol.frame({ $name: 'Say', text: '' })
export const body = protocol.decode('Say', new Uint8Array(0))
export const look = protocol.peek('Say', ['text'])
export const service = banking.service(Accounts)
export const client = async () => (await connect(banking, { port: 1 })).client(Accounts)
export const opened = async () => (await client()).open({ name: '' })
export const link = async () => new Link(await dial())
export const shown = (message: Incoming<typeof protocol>) => dispatch(message, { Say: ({ text }) => text })
export const bus = localBus()
export const pair = connectionPair(protocol)
export const sockets = () => createWebSocketServer(protocol, async () => {})
`

/** The same of a page's. */
const PAGE_LIBRARY = `
import { calls, connect, Protocol, fromJson, peek } from 'qbp-stream/web'
import { chat } from './page-chat.js'
import { Accounts, accounts } from './page-accounts.js'

export const protocol = Protocol.from(chat)
export const banking = Protocol.from(accounts, { calls: calls() })
export const dial = () => connect(protocol, new WebSocket('wss://example.org'))
export const first = async () => (await dial()).reader.readMessage()
export const client = async () => (await connect(banking, new WebSocket('wss://example.org'))).client(Accounts)
export const opened = async () => (await client()).open({ name: '' })
export const message = fromJson(protocol, 'Say', {})
export const look = peek(protocol, 'Say', ['text'])
`

describe('a tool chain', function () {
  this.timeout(300_000)

  let folder: EmptyFolder
  before(async () => {
    await tarball()
    folder = await emptyFolder()
    writeFileSync(join(folder.path, 'chat.proto'), schema?.text ?? '')
    writeFileSync(join(folder.path, 'accounts.proto'), services?.text ?? '')
    writeFileSync(join(folder.path, 'package.json'), '{ "private": true, "type": "module" }')
    await folder.type('npm install qbp-stream && npx qbp generate chat.proto')
    mkdirSync(join(folder.path, 'node_modules', '@types'))
    for (const name of ['@types/node', 'undici-types', 'typescript', 'esbuild'])
      symlinkSync(join(ROOT, 'node_modules', name), join(folder.path, 'node_modules', name))
  })
  after(() => folder?.remove())

  const file = (name: string, text: string) => writeFileSync(join(folder.path, name), text)

  /** Compiles with tsc's own defaults beside these; the declarations of the package are checked too. */
  async function compile(options: object, include: string[]): Promise<void> {
    const compilerOptions = {
      ...{ strict: true, target: 'es2023', types: ['node'], skipLibCheck: false },
      ...{ lib: ['es2023'], ...options },
    }
    file('tsconfig.json', JSON.stringify({ compilerOptions, include }))
    expect(await folder.type('node node_modules/typescript/bin/tsc || true')).to.equal('')
  }

  for (const module of ['nodenext', 'node16', 'node20']) {
    it(`tsc, module ${module}: README's program compiles and runs`, async () => {
      file('server.ts', server?.text ?? '')
      await compile({ module }, ['server.ts'])
      expect(await folder.type('node server.js')).to.equal(`${server?.prints}\n`)
    })
  }

  it('tsc, moduleResolution bundler: the same, and esbuild builds it', async () => {
    file('server.ts', server?.text ?? '')
    await compile({ module: 'preserve', moduleResolution: 'bundler', noEmit: true }, ['server.ts'])
    const bundle = 'node_modules/esbuild/bin/esbuild server.ts --bundle --platform=node --format=esm --outfile=b.mjs'
    const banner = `--banner:js="import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)"`
    await folder.type(`${bundle} ${banner}`)
    expect(await folder.type('node b.mjs')).to.equal(`${server?.prints}\n`)
  })

  it('tsc, moduleResolution node10: every entry is found, and its types', async () => {
    const entries = ['', '/web', '/ws', '/testing'].map((path, i) => `import * as entry${i} from 'qbp-stream${path}'`)
    file(
      'old.ts',
      `${entries.join('\n')}\nconsole.log(typeof entry0.connect, typeof entry1.connect, typeof entry3.everySplit)\n`,
    )
    const old = { module: 'commonjs', moduleResolution: 'node10', ignoreDeprecations: '6.0', esModuleInterop: true }
    await compile({ ...old, noEmit: true, skipLibCheck: true }, ['old.ts'])
  })

  it('tsc, a CommonJS file, nodenext: import compiles to a require that works', async () => {
    const text = `import { Protocol } from 'qbp-stream'\nimport { chat } from './chat.mjs'\nconsole.log(Protocol.from(chat).header.text)\n`
    await folder.type('npx qbp generate chat.proto -o chat.mjs')
    file('common.cts', text)
    await compile({ module: 'nodenext' }, ['common.cts'])
    expect(await folder.type('node common.cjs')).to.equal('type:u16 length:u32\n')
  })

  it('tsc, for a page, without the types of Node: qbp-stream/web and its module compile', async () => {
    for (const name of ['chat', 'accounts'])
      await folder.type(`npx qbp generate ${name}.proto -o page-${name}.js --import qbp-stream/web`)
    file('page.ts', PAGE)
    const page = {
      module: 'esnext',
      moduleResolution: 'bundler',
      lib: ['es2023', 'dom'],
      types: [],
    }
    await compile({ ...page, target: 'es2022', noEmit: true }, ['page.ts'])
  })

  it('tsc writes the declarations of a library that exports what Qbp returns, and others compile against them', async () => {
    await folder.type('npx qbp generate accounts.proto')
    file('library.ts', LIBRARY)
    file('page-library.ts', PAGE_LIBRARY)
    const out = { module: 'nodenext', declaration: true, outDir: 'library' }
    await compile({ ...out, types: ['node'] }, ['library.ts'])
    await compile({ ...out, types: [], lib: ['es2023', 'dom'] }, ['page-library.ts'])
    file(
      'user.ts',
      `import { body, client, first, look } from './library/library.js'
       const message = await first()
       const texts: (string | undefined)[] = [message?.text, body.text, look(new Uint8Array(0)).text]
       // @ts-expect-error: no such field
       console.log(texts, body.txt, (await (await client()).open({ name: '' })).balance.toFixed())`,
    )
    for (const name of ['chat', 'accounts'])
      await folder.type(`cp ${name}.js ${name}.d.ts page-${name}.js page-${name}.d.ts library`)
    await compile({ module: 'nodenext', noEmit: true }, ['user.ts'])
  })

  it('Vite and webpack build a page, without a warning', async () => {
    await folder.type('npm install --no-save vite@7 webpack@5 webpack-cli@6')
    file('page.js', PAGE.replaceAll(/: (string|Promise<number>)/g, ''))
    file('index.html', '<!doctype html><script type="module" src="./page.js"></script>')
    const built = await folder.type(
      'npx vite build --outDir vite && npx webpack --mode production --entry ./page.js -o webpack',
    )
    expect(built).to.not.match(/warn/i)
    for (const output of ['vite/assets/*.js', 'webpack/main.js']) {
      const size = Number(await folder.type(`cat ${output} | gzip -9 | wc -c`))
      expect(size).to.be.within(15_000, 40_000)
      expect(await folder.type(`grep -c 'node:\\|require(\\|new Function' ${output} || true`)).to.equal('0\n')
    }
  })

  for (const [name, install, config] of [
    ['Jest', 'jest@30', ''],
    ['Vitest', 'vitest@5', 'export default { test: { globals: true, include: ["*.test.mjs"] } }'],
  ] as const) {
    it(`${name} takes the package as docs/tool-chains.md says`, async () => {
      const [, line = ''] =
        new RegExp(`## ${name}\\n.*?\`{3}sh\\n(.*?)\\n\`{3}`, 's').exec(pageText('docs/tool-chains.md')) ?? []
      file('chat.test.mjs', TEST)
      file(
        config === '' ? 'jest.config.cjs' : 'vitest.config.mjs',
        config || 'module.exports = { testMatch: ["**/*.test.mjs"] }',
      )
      await folder.type(`npm install --no-save ${install}`)
      expect(await folder.type(line)).to.include('1 passed')
    })
  }
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Verb } from '../../lib/cli/command/verb.ts'
import { begin, cli } from '../support/cli.ts'

const load = (name: string): Verb => require(`../../lib/cli/verbs/${name}.ts`).run
const ONE_LINE = /^qbp[^\n]*ENOSPC: no space left on device[^\n]*\n$/
const chat = ['-s', 'schemas/chat.proto']

// /dev/full is a disk without room.
describe('a full disk', () => {
  let folder: string
  const full = (name: string) => join(folder, name)
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'qbp-full-'))
    for (const name of ['a.ts', 'a.lua', 'a.pcap', 'a.tap', 'a.pem']) symlinkSync('/dev/full', full(name))
    writeFileSync(
      full('some.tap'),
      '{"recording":1,"at":1,"target":"a"}\n{"at":1,"connection":1,"direction":"client","kind":"open"}\n',
    )
  })
  after(() => rmSync(folder, { recursive: true }))

  const writing: [what: string, verb: string, args: () => string[]][] = [
    ['a module', 'generate', () => ['schemas/chat.proto', '-o', full('a.ts')]],
    ['a dissector', 'wireshark', () => [...chat, '-o', full('a.lua')]],
    ['a capture file', 'wireshark', () => ['--recording', full('some.tap'), '--pcap', full('a.pcap')]],
    ['a certificate', 'tap', () => ['127.0.0.1:0', '127.0.0.1:1', ...chat, '--listen-ca', full('a.pem')]],
  ]
  for (const [what, name, args] of writing) {
    it(`gives one line where ${name} writes ${what}`, async () => {
      const { code, stderr } = await cli(load(name), args())
      expect(stderr).to.match(ONE_LINE)
      expect(code).to.equal(1)
    })
  }

  it('ends a recording with one line, and what is tapped goes on', async () => {
    const server = net.createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const target = `127.0.0.1:${(server.address() as net.AddressInfo).port}`
    const run = begin(load('tap'), ['127.0.0.1:0', target, ...chat, '--record', full('a.tap')])
    while (!/Listening.*\n[\s\S]*ended|ended[\s\S]*Listening/.test(run.stderr()))
      await new Promise((resolve) => setTimeout(resolve, 10))
    const [, port] = /Listening at \S+:(\d+)/.exec(run.stderr()) ?? []
    const socket = net.connect(Number(port), '127.0.0.1')
    socket.write(Buffer.from('00030000000412026869', 'hex'))
    expect(((await once(socket, 'data')) as [Buffer])[0].toString('hex')).to.equal('00030000000412026869')
    socket.destroy()
    run.interrupt()
    const { stderr } = await run.ended
    expect(stderr.split('\n').filter((line) => /ENOSPC/.test(line))).to.deep.equal([
      'qbp tap: the recording ended: ENOSPC: no space left on device, write.',
    ])
    server.close()
  })

  it('gives one line where standard output is on it', async function () {
    this.timeout(60_000)
    const stdout = openSync('/dev/full', 'w')
    const inputs = { decode: Buffer.from('00030000000412026869', 'hex'), encode: '{"name":"Say","message":{}}' }
    const ends = Object.entries(inputs).map(async ([name, input]) => {
      const child = spawn(process.execPath, ['scripts/ts.cjs', 'lib/cli/command/main.ts', name, ...chat], {
        stdio: ['pipe', stdout, 'pipe'],
      })
      let text = ''
      child.stderr?.on('data', (part) => {
        text += part
      })
      child.stdin?.end(input)
      const [code] = await once(child, 'close')
      expect(text).to.match(ONE_LINE)
      expect(code).to.equal(1)
    })
    await Promise.all(ends)
  })
})

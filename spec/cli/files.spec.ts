import { execFile, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Verb } from '../../lib/cli/command/verb.ts'
import { inputLines } from '../../lib/cli/files/input-lines.ts'
import { writeWhole } from '../../lib/cli/files/output-file.ts'
import { begin, cli } from '../support/cli.ts'

const load = (name: string): Verb => require(`../../lib/cli/verbs/${name}.ts`).run
const chat = ['-s', 'schemas/chat.proto']
const SAY = '{"name":"Say","message":{"text":"hi"}}'

describe('files that a verb is given', () => {
  let folder: string
  const at = (name: string) => join(folder, name)
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'qbp-files-'))
    mkdirSync(at('folder'))
    writeFileSync(at('empty'), '')
    symlinkSync(at('nowhere'), at('broken'))
    symlinkSync(at('loop'), at('loop'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const reading: [option: string, verb: string, args: (path: string) => string[]][] = [
    ['FILE', 'decode', (path) => [path, ...chat]],
    ['FILE', 'encode', (path) => [path, ...chat]],
    ['FILE', 'view', (path) => [path, ...chat]],
    ['FILE', 'guess', (path) => [path]],
    ['FILE', 'replay', (path) => [path, '127.0.0.1:1']],
    ['--recording', 'wireshark', (path) => ['--recording', path, '--pcap', '/nowhere/a.pcap']],
    ['--schema', 'decode', (path) => ['-s', path]],
    ['--against', 'check', (path) => [...chat, '--against', path]],
    ['--include', 'decode', (path) => [...chat, '-I', path]],
    ['--include', 'generate', (path) => ['schemas/chat.proto', '-o', '/nowhere/a.ts', '-I', path]],
    ['--answer', 'listen', (path) => ['127.0.0.1:0', ...chat, '--answer', path]],
    ['--cert', 'listen', (path) => ['127.0.0.1:0', ...chat, '--tls', '--cert', path, '--key', path]],
    ['--ca', 'send', (path) => ['127.0.0.1:1', 'Say {}', ...chat, '--tls', '--ca', path]],
    ['--listen-cert', 'tap', (path) => ['0', '127.0.0.1:1', ...chat, '--listen-cert', path, '--listen-key', path]],
    ['--record', 'tap', (path) => ['127.0.0.1:0', '127.0.0.1:1', ...chat, '--record', join(path, 'a.tap')]],
  ]
  for (const [option, name, args] of reading) {
    it(`are refused by ${name} as ${option} where they are links to nothing, in a circle, or lie in a file`, async () => {
      for (const path of ['broken', 'loop', 'empty/inner']) {
        const { code, stderr, stdout } = await cli(load(name), args(at(path)))
        expect(stderr, path).to.match(/^qbp [^\n]+\n$/)
        expect(stderr).to.match(/ENOENT|ELOOP|ENOTDIR|no folder/)
        expect([code, stdout]).to.deep.equal([1, ''])
      }
    })
  }

  const endless = reading.filter(([option]) => /^--(schema|answer|cert)$/.test(option))
  for (const [option, name, args] of endless)
    it(`are refused by ${name} as ${option} where they have no end`, async () => {
      const { code, stderr, stdout } = await cli(load(name), args('/dev/zero'))
      expect(stderr)
        .to.match(/^qbp [^\n]+\n$/)
        .and.match(new RegExp(`/dev/zero: it .*more than ${2 ** 26} bytes`))
      expect([code, stdout]).to.deep.equal([1, ''])
    }).timeout(30_000)

  it('are refused as a certificate, a key or an authority where they are empty: Node takes that for none given', async () => {
    for (const [, name, args] of reading.filter(([option]) => ['--cert', '--ca', '--listen-cert'].includes(option))) {
      const { code, stderr } = await cli(load(name), args(at('empty')))
      expect(stderr).to.match(/empty: no PEM of a certificate or a key/)
      expect(code).to.equal(1)
    }
  })

  it('are named where a folder was to be a file', async () => {
    const { stderr } = await cli(load('listen'), ['127.0.0.1:0', ...chat, '--answer', at('folder')])
    expect(stderr).to.match(/folder: it is a folder\.\n$/)
  })

  it('end a tap before it listens where nothing could be recorded', async () => {
    const { code, stderr } = await cli(load('tap'), ['127.0.0.1:0', '127.0.0.1:1', ...chat, '--record', at('folder')])
    expect(stderr).to.match(/^qbp tap: EISDIR[^\n]*\n$/)
    expect(code).to.equal(1)
  })

  it('keep what they held until all of the new is written', async () => {
    async function* half() {
      yield 'half'
      throw new Error('the rest does not come')
    }
    writeFileSync(at('old'), 'old', { mode: 0o640 })
    for (const name of ['old', 'new']) {
      const fault = await writeWhole(at(name), half()).catch((error) => error)
      expect(fault.message).to.equal('the rest does not come')
    }
    expect(readFileSync(at('old'), 'utf8')).to.equal('old')
    expect(existsSync(at('new'))).to.equal(false)
    await writeWhole(at('old'), 'all of it')
    expect(readFileSync(at('old'), 'utf8')).to.equal('all of it')
    expect(readdirSync(folder).sort()).to.deep.equal(['broken', 'empty', 'folder', 'loop', 'old'])
  })

  it('are written through a link, and where a pipe stands in their place', async () => {
    writeFileSync(at('real'), 'old')
    symlinkSync(at('real'), at('link'))
    await writeWhole(at('link'), 'new')
    expect(readFileSync(at('real'), 'utf8')).to.equal('new')
    execFileSync('mkfifo', [at('pipe')])
    const read = new Promise((resolve) => {
      execFile('cat', [at('pipe')], (_, stdout) => resolve(stdout))
    })
    await writeWhole(at('pipe'), 'through')
    expect(await read).to.equal('through')
  })

  it('leave no half of a capture file where the recording breaks off', async () => {
    writeFileSync(
      at('cut.tap'),
      '{"recording":1,"at":1,"target":"a"}\n{"at":1,"connection":1,"direction":"client","kind":"open"}\n{"at":1\n{"at":1}\n',
    )
    const { code, stderr } = await cli(load('wireshark'), ['--recording', at('cut.tap'), '--pcap', at('a.pcap')])
    expect(stderr).to.match(/line 3 is no line of a recording/)
    expect(code).to.equal(1)
    expect(existsSync(at('a.pcap'))).to.equal(false)
  })
})

describe('lines of input', () => {
  const linesOf = async (chunks: readonly (string | Buffer)[], most?: number) => {
    const lines: string[] = []
    for await (const line of inputLines(
      (async function* () {
        yield* chunks
      })(),
      most,
    ))
      lines.push(line)
    return lines
  }

  it('end at LF or CRLF alone, however they are cut', async () => {
    const text = '\ufeffone\r\ntwo\n\nU+2028 \u2028 and CR \r within\nlast'
    const bytes = Buffer.from(text)
    const expected = ['one', 'two', '', 'U+2028 \u2028 and CR \r within', 'last']
    expect(await linesOf([bytes])).to.deep.equal(expected)
    expect(await linesOf(Array.from(bytes, (byte) => Buffer.from([byte])))).to.deep.equal(expected)
    expect(await linesOf([])).to.deep.equal([])
    expect(await linesOf(['a\n'])).to.deep.equal(['a'])
  })

  it('are refused where one has no end', async () => {
    const fault = await linesOf(['a\n', ...Array<string>(20).fill('xxxxx')], 50).catch((error) => error)
    expect(fault.message).to.equal('line 2 is longer than 50 characters: these are no lines of text.')
  })

  it('may hold a separator of lines in a string of JSON', async () => {
    const line = SAY.replace('hi', 'a\u2028b\u2029c')
    const { bytes } = await cli(load('encode'), chat, `${line}\n`)
    const { stdout } = await cli(load('decode'), chat, bytes)
    expect(JSON.parse(stdout).message.text).to.equal('a\u2028b\u2029c')
  })

  it('that are sent end where the server has gone, whoever still writes them', async () => {
    const server = net.createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => socket.destroy())
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const run = begin(load('send'), [`127.0.0.1:${(server.address() as net.AddressInfo).port}`, ...chat])
    run.stdin.write('Say {text: "hi"}\n')
    await run.ended // Its input stays open.
    server.close()
  })
})

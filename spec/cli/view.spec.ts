import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { createWebSocketStream, WebSocket } from 'ws'
import type { Captured } from '../../lib/cli/capture/captured.ts'
import { run as view } from '../../lib/cli/verbs/view.ts'
import { pcapOf } from '../../lib/cli/wireshark/pcap.ts'
import { QbpReadable, type Role } from '../../lib/index.ts'
import { language } from '../../lib/window/language.ts'
import { begin, cli } from '../support/cli.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const SAY = hex('0003 00000004 12 02 6869')
const LEFT = hex('0006 00000003 0a 01 61')
const chat = ['-s', 'schemas/chat.proto']

async function* conversation(): AsyncGenerator<Captured> {
  const event = (direction: Role, kind: Captured['kind'], bytes?: Uint8Array): Captured => ({
    ...{ at: 1_795_000_000_000, connection: 1, direction, kind, ...(bytes && { bytes }) },
  })
  yield event('client', 'open')
  yield event('server', 'open')
  yield event('client', 'bytes', SAY)
  yield event('server', 'bytes', LEFT)
  yield event('client', 'close')
  yield event('server', 'close')
}

describe('qbp view', () => {
  let folder: string
  const captures: Record<string, Uint8Array> = {}
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'qbp-view-'))
    const parts: Buffer[] = []
    for await (const part of pcapOf(conversation(), 7000)) parts.push(part)
    const pcap = Buffer.concat(parts)
    const lines = ['{"recording":1,"at":1,"target":"a"}']
    for await (const { bytes, ...rest } of conversation())
      lines.push(JSON.stringify({ ...rest, ...(bytes && { bytes: Buffer.from(bytes).toString('base64') }) }))
    Object.assign(captures, {
      'a.tap': Buffer.from(`${lines.join('\n')}\n`),
      'a.pcap': pcap,
      'a.pcap.gz': gzipSync(pcap),
      'a.pcap.b64': Buffer.from(pcap.toString('base64')),
      'a.bin': SAY,
      'a.hex': Buffer.from(SAY.toString('hex')),
    })
    for (const [name, bytes] of Object.entries(captures)) writeFileSync(join(folder, name), bytes)
  })
  after(() => rmSync(folder, { recursive: true }))

  for (const name of ['a.tap', 'a.pcap', 'a.pcap.gz', 'a.pcap.b64']) {
    it(`shows ${name} as a tap would have`, async () => {
      const { code, stdout, stderr } = await cli(view, [join(folder, name), ...chat, '--port', '7000'])
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' })
      expect(stdout.split('\n').map((line) => line.replace(/^\S+ /, '').replace(/open \S+$/, 'open'))).to.deep.equal([
        ...['#1 → open', '#1 ← open'],
        ...['#1 → Say {text: "hi"}  10 B', '#1 ← Left {room: "a"}  9 B  +0.00 ms'],
        ...['#1 → close', '#1 ← close', ''],
      ])
    })
  }

  it('shows bytes of frames, without a time that nobody knows', async () => {
    for (const name of ['a.bin', 'a.hex']) {
      const { stdout } = await cli(view, [join(folder, name), ...chat])
      expect(stdout).to.equal('#1 → Say {text: "hi"}  10 B\n#1 → close\n')
    }
    expect((await cli(view, [join(folder, 'a.bin')])).stdout).to.include('type 3 {"2:text": "hi"}')
  })

  it('ends with 1 where something does not decode', async () => {
    const { code, stdout } = await cli(view, chat, hex('0003 00000002 12ff'))
    expect(code).to.equal(1)
    expect(stdout).to.match(/→ Say .*does not decode/)
  })

  for (const name of ['a.tap', 'a.pcap.gz', 'a.hex']) {
    it(`opens the window over ${name}, until Ctrl-C`, async () => {
      const run = begin(view, [join(folder, name), ...chat, '--ui'])
      run.ended.catch(() => {})
      while (!/Shown at/.test(run.stderr())) await new Promise((resolve) => setTimeout(resolve, 10))
      const url = new URL(/Shown at (\S+)/.exec(run.stderr())?.[1] ?? '')
      const page = await fetch(url)
      expect(page.status).to.equal(200)
      const socket = new WebSocket(`${String(url).replace('http', 'ws')}frames`, { origin: url.origin })
      const reader = createWebSocketStream(socket).pipe(new QbpReadable(language, { role: 'client' }))
      const frames: string[] = []
      for await (const message of reader) {
        if (message.$name === 'Hello') expect(message).to.deep.include({ recorded: true, title: name })
        if (message.$name === 'Event' && message.kind === 0) frames.push(Buffer.from(message.bytes).toString('hex'))
        if (frames.length === (name === 'a.hex' ? 1 : 2)) break
      }
      expect(frames).to.deep.equal([SAY, LEFT].slice(0, frames.length).map((bytes) => bytes.toString('hex')))
      run.interrupt()
      expect((await run.ended).code).to.equal(130)
    })
  }

  it('says what is no capture, and what is not there', async () => {
    for (const [args, text] of [
      [['--format', 'pcap', join(folder, 'nothing')], /ENOENT/],
      [[join(folder, 'a.bin'), join(folder, 'a.bin')], /a second one/],
      [['--format', 'gzip', join(folder, 'a.bin')], /the gzip does not unpack/],
    ] as [string[], RegExp][]) {
      const { code, stderr } = await cli(view, [...args, ...chat])
      expect(code).to.be.above(0)
      expect(stderr).to.match(text)
      expect(stderr).to.not.match(/\n {4}at /)
    }
  })
})

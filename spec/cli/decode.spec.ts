import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { expect } from 'chai'
import { run as decode } from '../../lib/cli/verbs/decode.ts'
import { run as encode } from '../../lib/cli/verbs/encode.ts'
import { cli } from '../support/cli.ts'
import { sendSignal } from '../support/this-runtime.ts'

const chat = ['--schema', 'schemas/chat.proto']
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

// Leave {room: "a"}, then Say {text: "hi"}.
const LEAVE = '0002 00000003 0a 01 61'
const SAY = '0003 00000004 12 02 6869'

describe('qbp decode', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'qbp-decode-'))
  })
  after(() => rmSync(folder, { recursive: true }))
  const file = (name: string, content: string | Uint8Array) => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }

  it('prints a line of JSON for each frame, however the bytes are cut', async () => {
    const bytes = hex(LEAVE + SAY)
    const lines =
      '{"name":"Leave","type":2,"offset":0,"length":3,"message":{"room":"a"}}\n' +
      '{"name":"Say","type":3,"offset":9,"length":4,"message":{"text":"hi"}}\n'
    expect(await cli(decode, chat, bytes)).to.include({ code: 0, stdout: lines, stderr: '' })
    const single = Readable.from([...bytes].map((byte) => Buffer.of(byte)))
    expect(await cli(decode, chat, single)).to.include({ code: 0, stdout: lines, stderr: '' })
    expect(await cli(decode, [file('two.bin', bytes), ...chat])).to.include({ code: 0, stdout: lines })
  })

  it('drops what is no frame with --resync, with a schema and without', async () => {
    const bytes = hex('626f6f740a 94c3 0004 12026869 6f6b0a 94c3 0000')
    const layout = ['--header', 'meshtastic', '--resync']
    const { code, stdout } = await cli(decode, [...chat, ...layout, '--message', 'Say'], bytes)
    expect(code).to.equal(0)
    expect(stdout.trim().split('\n')).to.have.length(2)
    expect(stdout).to.include('"offset":5').and.include('"text":"hi"')
    expect((await cli(decode, layout, bytes)).code).to.equal(0)
    expect((await cli(decode, layout.slice(0, 2), bytes)).code).to.equal(1)
  })

  it('stops at a type that is not listed, and says where', async () => {
    const { code, stdout, stderr } = await cli(decode, chat, hex(`${LEAVE} 0063 00000001 00 ${SAY}`))
    expect(code).to.equal(1)
    expect(stdout).to.match(/^\{"name":"Leave".*\}\n$/)
    expect(stderr).to.match(/^qbp decode: No message .* type 99.*frame 1, at byte 9 /)
  })

  it('skips what does not decode, or prints it raw, where that is asked for', async () => {
    const bytes = hex(`0063 00000001 2a 0003 00000001 12 ${SAY}`)
    const skipped = await cli(decode, [...chat, '--on-fault', 'skip'], bytes)
    expect(skipped.code).to.equal(0)
    expect(skipped.stdout).to.match(/^\{"name":"Say","type":3,"offset":14.*\}\n$/)
    expect(skipped.stderr.split('\n').slice(2)).to.deep.equal([
      'qbp decode: 2 of 3 frames did not decode, and were skipped.',
      '',
    ])
    const raw = await cli(decode, [...chat, '--on-fault', 'raw'], bytes)
    const lines = raw.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines[0]).to.include({ name: null, type: 99, offset: 0, length: 1, body: 'Kg==' })
    expect(lines).to.have.length(3)
    const again = await cli(encode, chat, raw.stdout)
    expect(again.bytes.toString('hex')).to.equal(bytes.toString('hex'))
  })

  it('ends with exit code 1 at a header that is wrong and at a cut', async () => {
    const wrong = await cli(
      decode,
      [...chat, '--header', 'steam', '--message', 'Say', '--on-fault', 'skip'],
      hex('00000000 00'),
    )
    expect(wrong).to.include({ code: 1, stdout: '' })
    expect(wrong.stderr).to.include('0x56543031')
    const cut = await cli(decode, chat, hex(LEAVE + SAY).subarray(0, -1))
    expect(cut.code).to.equal(1)
    expect(cut.stdout).to.match(/^\{"name":"Leave".*\}\n$/)
    expect(cut.stderr).to.match(/ended 9 bytes into a frame of 10 bytes. \(frame 1, at byte 9/)
  })

  it('takes tables as an object, and roles where the directions differ', async () => {
    const types = ['--types', '{client: {Say: 1}, server: {Said: 1}}']
    const unsaid = await cli(decode, [...chat, ...types], hex('0001 00000000'))
    expect(unsaid.code).to.equal(2)
    expect(unsaid.stderr).to.include('--role')
    const said = await cli(decode, [...chat, ...types, '--role', 'server'], hex('0001 00000002 20 05'))
    expect(said.stdout).to.equal('{"name":"Said","type":1,"offset":0,"length":2,"message":{"at":"5"}}\n')
    const number = await cli(
      decode,
      [...chat, ...types, '--role', 'server', '--int64', 'number'],
      hex('0001 00000002 20 05'),
    )
    expect(number.stdout).to.include('{"at":5}')
  })

  it('takes a header by name, and its own fields into account', async () => {
    const args = [...chat, '--header', 'grpc', '--message', 'Say']
    const { stdout } = await cli(decode, args, hex('01 00000004 12 02 6869'))
    expect(stdout).to.equal('{"name":"Say","offset":0,"length":4,"header":{"flags":1},"message":{"text":"hi"}}\n')
    const again = await cli(encode, args, stdout)
    expect(again.bytes.toString('hex')).to.equal('010000000412026869')
  })

  const misuses: [title: string, args: string[], told: RegExp][] = [
    ['a second file', ['a', 'b', ...chat], /'b' is a second one/],
    ['an unknown option', [...chat, '--fast'], /--fast/],
    ['a role that is none', [...chat, '--role', 'both'], /--role is 'both'; it may be client or server/],
    ['a header without that name', [...chat, '--header', 'mumbel'], /default, mumble, /],
    ['a table that does not read', [...chat, '--types', '{Say'], /--types does not read: /],
    ['a way with faults that is none', [...chat, '--on-fault', 'go'], /stop, skip or raw/],
  ]
  for (const [title, args, told] of misuses) {
    it(`answers ${title} with exit code 2`, async () => {
      const { code, stdout, stderr } = await cli(decode, args)
      expect(stderr).to.match(told)
      expect([code, stdout]).to.deep.equal([2, ''])
    })
  }

  it('answers a file, a schema and a layout that are wrong with exit code 1', async () => {
    for (const args of [
      ['nowhere.bin', ...chat],
      ['--schema', 'nowhere.proto'],
      [...chat, '--header', 'type:u9 length:u8'],
    ]) {
      const { code, stderr } = await cli(decode, args)
      expect(code).to.equal(1)
      expect(stderr).to.match(/^qbp decode: .*(nowhere|u9)/)
    }
  })

  it('explains itself, with an example', async () => {
    expect((await cli(decode, ['--help'])).stdout)
      .to.include('Usage: qbp decode')
      .and.include('Example:')
    expect((await cli(encode, ['-h'])).stdout)
      .to.include('Usage: qbp encode')
      .and.include('Example:')
  })

  describe('of a message that has no JSON', () => {
    // A time of the year 10000: well formed, and beyond what ProtoJSON can say.
    const late = hex('00000009 5a07 08 8083d1ffaf07')
    const good = hex('00000002 4801')
    const args = ['--schema', 'spec/protos/wellknown.proto', '--header', 'castv2', '--message', 'All']

    it('keeps the lines before it and stops, skips it, or prints its body', async () => {
      const bytes = Buffer.concat([good, late, good])
      const stopped = await cli(decode, args, bytes)
      expect(stopped.code).to.equal(1)
      expect(stopped.stdout.split('\n')).to.have.length(2)
      expect(stopped.stderr).to.include('years')
      const skipped = await cli(decode, [...args, '--on-fault', 'skip'], bytes)
      expect(skipped.code).to.equal(0)
      expect(skipped.stdout.split('\n')).to.have.length(3)
      expect(skipped.stderr).to.include('1 of 3 frames did not decode, and were skipped')
      const raw = await cli(decode, [...args, '--on-fault', 'raw'], bytes)
      expect(raw.stdout.split('\n')).to.have.length(4)
      expect((await cli(encode, args, raw.stdout)).bytes.toString('hex')).to.equal(bytes.toString('hex'))
    })
  })

  describe('of another header than the one given', () => {
    const told: [what: string, bytes: string, text: RegExp][] = [
      [
        'a length that is another',
        '0a17 0a16 1010 0001',
        /--max-body allows 67108864.* begins 0a 17 0a 16 10 10.*another one.*qbp guess/,
      ],
      [
        'a type that is none',
        '0063 00000001 01',
        /type 99.* begins 00 63 00 00 00 01 01: or the header is another one/,
      ],
      ['TLS', '1603 0102 0001 0001 fc03 03', /These bytes are TLS/],
      ['HTTP/1', Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n').toString('hex'), /These bytes are HTTP\/1/],
      ['an answer of HTTP/1', Buffer.from('HTTP/1.1 200 OK\r\n').toString('hex'), /These bytes are HTTP\/1/],
      ['HTTP/2', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM').toString('hex'), /These bytes are HTTP\/2/],
      ['zstd', '28b52ffd 0000 0000', /These bytes are zstd/],
    ]
    for (const [what, bytes, text] of told) {
      it(`says so of ${what}`, async () => {
        const { code, stderr } = await cli(decode, [...chat, '--format', 'raw'], hex(bytes))
        expect(code).to.equal(1)
        expect(stderr).to.match(text)
        expect(stderr.split('\n')).to.have.length(2)
      })
    }

    it('says no such thing of a later frame', async () => {
      const { stderr } = await cli(decode, chat, hex(`${LEAVE.repeat(3)}0063 00000001 2a`))
      expect(stderr).to.include('type 99').and.not.include('another one')
    })
  })

  it('names options as they are typed', async () => {
    const refused: [args: string[], text: RegExp][] = [
      [['--header', 'castv2'], /name the message: --message Name\./],
      [['--message', 'Say'], /^qbp decode: --message is for headers without a type; .* --types\./],
      [['--header', 'castv2', '--types', 'X'], /^qbp decode: --types is for headers with a type; .* --message\./],
    ]
    for (const [args, text] of refused) {
      const { code, stderr } = await cli(decode, [...chat, ...args])
      expect(code).to.equal(1)
      expect(stderr).to.match(text)
    }
    const bare = await cli(decode, ['--schema', 'spec/protos/nearby.proto'])
    expect(bare.stderr).to.include(`--types '{Name: 1}'`).and.not.include('{ types')
    const long = await cli(decode, [...chat, '--max-body', '1'], hex(SAY))
    expect(long.stderr).to.include('--max-body allows 1')
  })

  it('shows nothing of a peer that moves the terminal, and keeps it as it is', async () => {
    // C1's CSI, a turn of direction, a zero-width space, a tag, DEL.
    const text = 'a\u009b31m\u202eb\u200b\u{e0041}\u007f'
    const line = JSON.stringify({ name: 'Say', message: { text } })
    const frame = (await cli(encode, chat, line)).bytes
    const { stdout } = await cli(decode, chat, frame)
    expect(stdout).to.match(/^[\x20-\x7e\n]*$/)
    expect(JSON.parse(stdout).message.text).to.equal(text)
    expect((await cli(encode, chat, stdout)).bytes.toString('hex')).to.equal(frame.toString('hex'))
  })

  it('is quiet where its reader goes, and ends with 130 at Ctrl-C', async function () {
    this.timeout(60_000)
    const start = () =>
      spawn(process.execPath, ['scripts/ts.cjs', 'lib/cli/command/main.ts', 'decode', ...chat], {
        stdio: ['pipe', 'pipe', 'pipe'],
      })
    const [head, stopped] = [start(), start()]
    let errors = ''
    for (const { stdin, stderr } of [head, stopped]) {
      stdin.on('error', () => {})
      stderr.on('data', (text) => {
        errors += text
      })
      stdin.write(hex(SAY))
    }
    await Promise.all([once(head.stdout, 'data'), once(stopped.stdout, 'data')])
    sendSignal(stopped, 'SIGINT')
    head.stdout.destroy()
    head.stdin.write(hex(SAY))
    const [[headCode], [stoppedCode]] = await Promise.all([once(head, 'exit'), once(stopped, 'exit')])
    expect(errors).to.equal('')
    expect(headCode).to.equal(0)
    expect(stoppedCode).to.equal(130)
  })
})

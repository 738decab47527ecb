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
    expect(skipped.stderr.split('\n')).to.have.length(3)
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
    ['no schema', [], /no schema is given/],
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

  it('is quiet where its reader goes, and ends with 130 at Ctrl-C', async function () {
    this.timeout(30_000)
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
    stopped.kill('SIGINT')
    head.stdout.destroy()
    head.stdin.write(hex(SAY))
    const [[headCode], [stoppedCode]] = await Promise.all([once(head, 'exit'), once(stopped, 'exit')])
    expect(errors).to.equal('')
    expect(headCode).to.equal(0)
    expect(stoppedCode).to.equal(130)
  })
})

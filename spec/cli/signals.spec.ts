import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { Interruption } from '../../lib/cli/command/interruption.ts'
import { run as guess } from '../../lib/cli/verbs/guess.ts'
import { begin } from '../support/cli.ts'
import { sendSignal } from '../support/this-runtime.ts'

const FRAME = '00030000000412026869'

describe('a verb that is to end', () => {
  let folder: string
  let server: net.Server
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'qbp-signals-'))
    server = net.createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  after(() => {
    server.close()
    rmSync(folder, { recursive: true })
  })

  /** A tap that records, through which one frame has passed both ways, and that has printed so. */
  async function tapping(record: string): Promise<{ child: ChildProcess; errors: () => string; client: net.Socket }> {
    const target = `127.0.0.1:${(server.address() as net.AddressInfo).port}`
    const args = ['tap', '127.0.0.1:0', target, '-s', 'schemas/chat.proto', '--record', record]
    const child = spawn(process.execPath, ['scripts/ts.cjs', 'lib/cli/command/main.ts', ...args], { stdio: 'pipe' })
    let errors = ''
    const listening = new Promise<number>((resolve) => {
      child.stderr.on('data', (text) => {
        errors += text
        const [, port] = /Listening at \S+:(\d+),/.exec(errors) ?? []
        if (port !== undefined) resolve(Number(port))
      })
    })
    const client = net.connect(await listening, '127.0.0.1').on('error', () => {})
    client.write(Buffer.from(FRAME, 'hex'))
    let text = ''
    await new Promise<void>((resolve) => {
      child.stdout.on('data', (part) => {
        text += part
        if (/←.*Say/.test(text)) resolve()
      })
    })
    return { child, errors: () => errors.replace(/^Listening.*\n/, ''), client }
  }

  const ends: [what: string, code: number, end: (child: ChildProcess, client: net.Socket) => void][] = [
    ['by a supervisor', 143, (child) => sendSignal(child, 'SIGTERM')],
    ['by a terminal that has gone', 129, (child) => sendSignal(child, 'SIGHUP')],
    [
      'by a reader that has gone',
      0,
      (child, client) => {
        child.stdout?.destroy()
        client.write(Buffer.from(FRAME, 'hex'))
      },
    ],
  ]
  for (const [i, [what, code, end]] of ends.entries()) {
    it(`ends cleanly ${what}: what was recorded is whole`, async function () {
      this.timeout(60_000)
      const record = join(folder, `${i}.tap`)
      const { child, errors, client } = await tapping(record)
      const exited = once(child, 'exit')
      end(child, client)
      expect(await exited).to.deep.equal([code, null])
      expect(errors()).to.equal('')
      const lines = readFileSync(record, 'utf8')
      expect(lines).to.match(/\n$/)
      const last = lines
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line))
      expect(last.filter(({ kind }) => kind === 'close')).to.have.lengthOf(2)
      client.destroy()
    })
  }

  it('ends with the code that a shell gives the signal', async () => {
    for (const [cause, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
      ['SIGHUP', 129],
      ['EPIPE', 0],
    ] as const) {
      const run = begin(guess, ['-'])
      run.interrupt(new Interruption(cause))
      expect((await run.ended).code, cause).to.equal(code)
    }
  })
})

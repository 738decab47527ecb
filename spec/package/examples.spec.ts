import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import { connect } from '../../lib/index.ts'
import { protocol } from '../support/chat.ts'
import { sendSignal } from '../support/this-runtime.ts'

const ROOT = join(__dirname, '..', '..')
const LIMIT_MS = 30_000

/** The last line that each example prints: what it has done. */
const SUMMARIES: Readonly<Record<string, RegExp>> = {
  chat: /^3 clients, \d+ messages seen by them; the server read 10 \(232 bytes\) and wrote \d+ .*\. All closed\.$/,
  'child-process': /^168 and 17816 primes; the worker has exited with 0\. All closed\.$/,
  feed: /^2000 quotes broadcast, 3500 received by 3 clients\. All closed\.$/,
  metrics: /^(\d+) samples scraped, \1 points exported\. All closed\.$/,
  'mutual-tls': /^2 clients served by name, 2 turned away\. All closed\.$/,
  request: /^1000 of 1000 replies belong to their requests\. All closed\.$/,
  services: /^6 spans of 3 calls\. All closed\.$/,
  'unix-socket': /^3 visitors; the socket's file is gone\. All closed\.$/,
}

/** Those that need a program of Debian's have specs of their own: cluster.spec.ts, peers/mumble.spec.ts, and web/page.spec.ts. */
const ELSEWHERE = ['applications', 'cluster', 'mumble', 'websocket']

/** Starts an example as `npm run example -- NAME` does, without npm. */
function start(name: string, ...args: string[]): ChildProcess & { stdout: Socket; stderr: Socket } {
  return spawn(process.execPath, ['scripts/ts.cjs', 'examples', name, ...args], {
    cwd: ROOT,
    timeout: LIMIT_MS,
    stdio: ['ignore', 'pipe', 'pipe'],
  }) as ReturnType<typeof start>
}

/** What an example prints and how it ends. */
async function run(name: string): Promise<{ code: number | null; lines: string[]; complaints: string }> {
  const child = start(name)
  const [[code], printed, complaints] = await Promise.all([once(child, 'exit'), text(child.stdout), text(child.stderr)])
  return { code, lines: printed.trimEnd().split('\n'), complaints }
}

describe('the examples', function () {
  this.timeout(LIMIT_MS)

  // Two at a time: most of their time goes into starting.
  const runs = new Map<string, ReturnType<typeof run>>()
  before(() => {
    const names = Object.keys(SUMMARIES)
    let turn: Promise<unknown> = Promise.resolve()
    for (let index = 0; index < names.length; index += 2) {
      const pair = names.slice(index, index + 2).map((name) => {
        const ran = turn.then(() => run(name))
        runs.set(name, ran)
        return ran
      })
      turn = Promise.allSettled(pair)
    }
  })

  it('are these', () => {
    const names = readdirSync(join(ROOT, 'examples')).flatMap((name) => /^([^.]+)(\.ts)?$/.exec(name)?.[1] ?? [])
    expect(names.sort()).to.deep.equal([...Object.keys(SUMMARIES), ...ELSEWHERE].sort())
  })

  for (const [name, summary] of Object.entries(SUMMARIES)) {
    it(`${name}: ends by itself, with what it has done`, async () => {
      const { code, lines, complaints } = await (runs.get(name) as ReturnType<typeof run>)
      expect(complaints.replace('The worker ends.\n', '')).to.equal('')
      expect(code).to.equal(0)
      expect(lines.at(-1)).to.match(summary)
    })
  }

  it('chat --listen: serves until SIGINT, which sends what was written and ends each connection', async () => {
    const child = start('chat', '--listen', '0')
    const printed = text(child.stdout)
    let said = ''
    child.stdout.on('data', (chunk) => {
      said += chunk
    })
    while (!/port (\d+)/.test(said)) await once(child.stdout, 'data')
    const port = Number(/port (\d+)/.exec(said)?.[1])
    const connection = await connect(protocol, { port, host: '127.0.0.1' })
    await connection.writer.writeMessage({ $name: 'Join', room: 'hall', name: 'ann' })
    expect(await connection.reader.readMessage()).to.include({ $name: 'Welcome' })
    sendSignal(child, 'SIGINT')
    expect(await connection.reader.readMessage()).to.equal(null)
    await connection.close()
    const [code, signal] = await once(child, 'exit')
    expect({ code, signal }).to.deep.equal({ code: 0, signal: null })
    expect(await printed).to.match(/Closing 1 connection: what was written is sent.*\nClosed\.\n$/)
  })
})

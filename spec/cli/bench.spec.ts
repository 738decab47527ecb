import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { run as bench } from '../../lib/cli/verbs/bench.ts'
import { createServer, Protocol, type QbpServer } from '../../lib/index.ts'
import { begin, cli } from '../support/cli.ts'

const chat = ['--schema', 'schemas/chat.proto']

describe('qbp bench', () => {
  let server: QbpServer<Protocol>
  let address: string
  before(async () => {
    const protocol = await Protocol.load('schemas/chat.proto')
    server = createServer(protocol, async (reader, writer) => {
      for await (const message of reader) {
        if (message.$name === 'Leave') return
        if (message.$name === 'Say') await writer.writeMessage(message)
      }
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  after(() => server.close({ graceMs: 100 }))

  it('counts round trips, and says how long they took', async () => {
    const { code, stdout } = await cli(bench, [
      address,
      'Say {text: "hi"}',
      ...chat,
      '--count',
      '500',
      '--connections',
      '2',
      '--pipeline',
      '4',
      '--json',
    ])
    expect(code).to.equal(0)
    const result = JSON.parse(stdout)
    expect(result).to.have.all.keys(
      'messages',
      'seconds',
      'messagesPerSecond',
      'bytesPerSecond',
      'p50Ms',
      'p90Ms',
      'p99Ms',
      'maxMs',
    )
    expect(result.messages).to.equal(500)
    expect(result.p50Ms).to.be.within(0.001, result.p90Ms)
    expect(result.p99Ms).to.be.within(result.p90Ms, result.maxMs)
  })

  it('ends in time, and counts what goes one way', async () => {
    const { code, stdout } = await cli(bench, [address, 'Join {room: "a"}', ...chat, '--one-way', '--duration', '0.2'])
    expect(code).to.equal(0)
    expect(stdout).to.match(/^\d+ messages in [\d.]+ s: \d+ a second\n$/)
  })

  it('says that a server ended, or that none is there', async () => {
    const ended = await cli(bench, [address, 'Leave', ...chat, '--duration', '1'])
    expect(ended.code).to.equal(1)
    expect(ended.stderr).to.include('ended before it had answered')
    expect((await cli(bench, ['127.0.0.1:1', 'Leave', ...chat])).code).to.equal(1)
  })

  it('ends at Ctrl-C, with what it has measured', async () => {
    const run = begin(bench, [address, 'Say', ...chat])
    setTimeout(() => run.interrupt(), 200)
    const { code, stdout } = await run.ended
    expect(code).to.equal(130)
    expect(stdout).to.match(/ round trips in /)
  })

  it('answers wrong use with exit code 2', async () => {
    for (const args of [
      [],
      [address],
      [address, 'Say', '--duration', 'long'],
      [address, 'Say', '--count', '0', ...chat],
    ])
      expect((await cli(bench, args)).code, args.join(' ')).to.equal(2)
    expect((await cli(bench, ['--help'])).stdout).to.include('Example:')
  })
})

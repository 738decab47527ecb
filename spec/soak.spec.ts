import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import { connect, createServer, Protocol } from '../lib/index.ts'
import { soak } from './support/soak.ts'

describe('clients that are killed and come back', function () {
  this.timeout(90_000)

  it('lose nothing that was acknowledged, and leave nothing open', async () => {
    const report = await soak({ seconds: 4, clients: 60, seed: 5 })
    const { lost, duplicated, reordered, corrupted, surprises, openHandles } = report
    expect({ lost, duplicated, reordered, corrupted, surprises, openHandles }).to.deep.equal({
      lost: 0,
      duplicated: 0,
      reordered: 0,
      corrupted: 0,
      surprises: [],
      openHandles: [],
    })
    expect(report.kills).to.be.above(0)
    expect(report.received).to.be.above(1000)
  })

  // While a FIN is under way libuv refuses a reset, and Node 20's socket would never close.
  it('close where an abort comes right behind the end', async () => {
    const protocol = await Protocol.load(join(__dirname, 'support/soak.proto'), { includeDirs: ['schemas'] })
    const server = createServer(protocol, async (reader) => {
      for await (const _ of reader);
    }).listen(0, '127.0.0.1')
    server.on('clientError', () => {})
    await once(server, 'listening')
    const connection = await connect(protocol, { port: (server.address() as AddressInfo).port, host: '127.0.0.1' })
    connection.writer.end()
    await new Promise((resolve) => process.nextTick(resolve))
    connection.socket.end()
    connection.destroy()
    await connection.closed
    await server.close()
  })
})

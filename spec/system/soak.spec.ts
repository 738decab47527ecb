import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import { connect, createServer, Protocol } from '../../lib/index.ts'
import { faultsOf, type SoakReport, soak } from '../support/soak.ts'

describe('clients that are killed and come back', function () {
  this.timeout(90_000)

  it('lose nothing that was acknowledged, and leave nothing open', async () => {
    const report = await soak({ seconds: 4, clients: 60, seed: 5 })
    expect(faultsOf(report)).to.deep.equal([])
    expect(report.kills).to.be.above(0)
    expect(report.calls.answered).to.be.above(20)
    expect(report.received).to.be.above(100)
  })

  it('are judged by what was lost, also where the machine was starved', () => {
    const report: SoakReport = {
      lost: 0,
      duplicated: 0,
      reordered: 0,
      corrupted: 0,
      surprises: [],
      openHandles: [],
      calls: { lost: 0, doubled: 0, answered: 9, failed: 0 },
      sent: 9,
      received: 9,
      acknowledged: 9,
      connections: 1,
      kills: 0,
      restarts: 0,
      starved: { seconds: 30, longest: 9, timeouts: 4 },
      heap: [1, 1],
      rss: [1, 1],
    }
    expect(faultsOf(report)).to.deep.equal([])
    expect(faultsOf({ ...report, lost: 2 })).to.deep.equal(['2 lost'])
    expect(faultsOf({ ...report, calls: { ...report.calls, doubled: 1 } })).to.deep.equal(['1 calls doubled'])
    expect(faultsOf({ ...report, surprises: ['client: no'] })).to.deep.equal(['client: no'])
    expect(faultsOf({ ...report, openHandles: ['TCPSocketWrap'] })).to.deep.equal(['TCPSocketWrap is still open'])
    expect(faultsOf({ ...report, acknowledged: 0 })).to.deep.equal(['nothing was acknowledged'])
  })

  // While a FIN is under way libuv refuses a reset, and Node 20's socket would never close.
  it('close where an abort comes right after the end', async () => {
    const protocol = await Protocol.load(join(__dirname, '../support/soak.proto'), { includeDirs: ['schemas'] })
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

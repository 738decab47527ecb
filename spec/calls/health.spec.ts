import { expect } from 'chai'
import { Health, Protocol } from '../../lib/index.ts'
import { connectionPair } from '../../lib/testing/index.ts'
import { accounts } from './accounts.ts'
import { rejection } from './support.ts'

describe('the health service', () => {
  it('is served by one line, and answers with what was set', async () => {
    const { client, server } = connectionPair(Protocol.from(accounts, { calls: true }))
    const health = new Health()
    void health.serve(server)
    const checks = client.client(Health.service)
    expect((await checks.check({})).status).to.equal(1)
    expect(await rejection(checks.check({ service: 'a.B' }))).to.include({ code: 'NOT_FOUND' })
    health.set('a.B', 'NOT_SERVING')
    expect((await checks.check({ service: 'a.B' })).status).to.equal(2)
    expect(() => health.set('a.B', 'WELL' as never)).to.throw('it may be UNKNOWN, SERVING')
    client.destroy()
    server.destroy()
  })

  it('sends each change to the callers that watch, and forgets those that have left', async () => {
    const { client, server } = connectionPair(Protocol.from(accounts, { calls: true }))
    const health = new Health()
    void health.serve(server)
    const statuses: number[] = []
    for await (const { status } of client.client(Health.service).watch({ service: 'a.B' })) {
      statuses.push(status)
      if (status === 3) setImmediate(() => health.set('a.B', 'SERVING'))
      if (status === 1) setImmediate(() => health.set('a.B', 'NOT_SERVING'))
      if (status === 2) break
    }
    expect(statuses).to.deep.equal([3, 1, 2])
    while (server.stats().calls?.in.underWay !== 0) await new Promise(setImmediate)
    client.destroy()
    server.destroy()
  })
})

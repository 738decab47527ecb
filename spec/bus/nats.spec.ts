import { expect } from 'chai'
import { natsBus } from '../../lib/bus/nats.ts'
import { NatsServer } from '../support/nats-server.ts'
import { busSuite, codeOf } from './suite.ts'

describe('natsBus', () => {
  let server: NatsServer
  let run = 0

  before(async function () {
    server = await NatsServer.start(this)
  })

  after(() => server?.stop())

  beforeEach(() => {
    run++
  })

  busSuite(() => ({
    bus: (options) => natsBus({ servers: server.url, prefix: `test-${run}`, ...options }),
    down: () => server.kill(),
    up: (options) => {
      if (options?.lost) server.lose()
      return server.up()
    },
  }))

  it('rejects where no server is, and where the signal says so', async () => {
    expect(await codeOf(natsBus({ servers: '127.0.0.1:1' }))).to.equal('ERR_QBP_BUS_DOWN')
    expect(await codeOf(natsBus({ servers: server.url, signal: AbortSignal.abort() }))).to.equal(20)
  })
})

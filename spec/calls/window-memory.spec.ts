import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect } from 'chai'
import { Protocol } from '../../lib/index.ts'
import { connectionPair } from '../../lib/testing/index.ts'
import { Accounts, accounts } from './accounts.ts'
import { turns } from './support.ts'

const STREAMS = 50
const WINDOW = 65_536
/** Thirty windows, if nothing held them back. */
const ITEMS = 2_000

describe('streams that nobody reads', function () {
  this.timeout(20_000)
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void

  async function used(): Promise<number> {
    for (let i = 0; i < 3; i++) {
      await turns(2)
      collect()
    }
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }

  it('cost their windows and no more, measured with the heap, and give all of it back', async () => {
    const { client, server } = connectionPair(Protocol.from(accounts, { calls: true }), { callWindowBytes: WINDOW })
    let made = 0
    const filler = new Uint8Array(1_000)
    void server.serve(Accounts, {
      async *watch() {
        for (let i = 0; i < ITEMS; i++, made++) yield { filler }
      },
    })
    const calls = client.client(Accounts)
    await calls.watch({}).return?.()
    const before = await used()
    const streams = Array.from({ length: STREAMS }, () => calls.watch({}))
    for (const stream of streams) await stream.next()
    await turns(20)
    for (const stream of streams) await stream.next() // Its first window is used up: now its peer hears of all of it.
    for (let last = -1; last !== made; ) {
      last = made
      await turns(20)
    }
    const cost = (await used()) - before
    expect(made).to.be.lessThan((STREAMS * 1.2 * WINDOW) / filler.length)
    expect(cost).to.be.within(STREAMS * 0.8 * WINDOW, STREAMS * 1.5 * WINDOW)
    for (const stream of streams) await stream.return?.()
    await turns(20)
    expect((await used()) - before).to.be.lessThan(STREAMS * 0.2 * WINDOW)
    expect(client.stats().calls?.out.underWay).to.equal(0)
    client.destroy()
    server.destroy()
  })
})

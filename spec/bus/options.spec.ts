import { expect } from 'chai'
import { natsBus } from '../../lib/bus/nats/nats-bus.ts'
import { LocalHub, localBus, Sessions } from '../../lib/index.ts'
import { codeOf } from '../support/engines.ts'

describe('the options of a bus', () => {
  it('are refused where their name is unknown, everywhere', async () => {
    const bus = localBus()
    const frame = new Uint8Array(1)
    const wrong = [
      () => localBus({ nod: 'a' } as never),
      () => new LocalHub({ logMaxFrame: 1 } as never),
      () => new LocalHub().bus({ timeout: 1 } as never),
      () => natsBus({ replica: 3 } as never),
      () => natsBus({ server: '127.0.0.1:1' } as never),
      () => new Sessions(bus, { ttl: 1 } as never),
      () => bus.publish('a', frame, { durabel: true } as never),
      () => bus.subscribe('a', () => {}, { since: 'now', eco: true } as never),
      () => bus.subscribe('a', () => {}, { sinc: 'now' } as never),
      () => bus.store.put(['a'], frame, { ttl: 5 } as never),
      () => bus.store.delete(['a'], { revison: null } as never),
      () => bus.store.watch(['a'], () => {}, { signals: null } as never),
    ]
    for (const call of wrong) {
      expect(await codeOf((async () => call())()), String(call)).to.equal('ERR_QBP_BAD_OPTION')
    }
    await bus.close()
  })
})

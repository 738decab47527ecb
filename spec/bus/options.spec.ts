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

  // Under exactOptionalPropertyTypes this file is compiled, too.
  it('say nothing where they are undefined', async () => {
    const limits = { logMaxAgeMs: undefined, logMaxFrames: undefined, logMaxBytes: undefined }
    const bus = new LocalHub({
      ...limits,
      logKinds: { short: limits },
      maxTtlMs: undefined,
      maxFrameBytes: undefined,
    }).bus({
      ...{ node: undefined, timeoutMs: undefined, maxQueuedBytes: undefined },
    })
    const heard: number[] = []
    const callbacks = { signal: undefined, onEnd: undefined }
    await bus.subscribe('a', (frame) => heard.push(frame.length), callbacks)
    await bus.subscribe('a', () => {}, {
      ...callbacks,
      since: 'first',
      onGap: undefined,
      onCaughtUp: undefined,
      echo: undefined,
      logKind: undefined,
    })
    await bus.publish('a', new Uint8Array(5), { durable: undefined, logKind: undefined, signal: undefined })
    await bus.store.put(['a'], new Uint8Array(1), { ttlMs: undefined, revision: undefined })
    await bus.store.delete(['a'], { revision: undefined })
    await bus.close()
    await localBus({ hub: undefined, node: undefined }).close()
  })
})

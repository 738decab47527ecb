import { expect } from 'chai'
import type { NatsLink } from '../../lib/bus/nats/link.ts'
import { type NatsOpened, NatsReader } from '../../lib/bus/nats/reader.ts'

describe('NatsReader', () => {
  it('begins by the last attempt alone, whichever is done first', async () => {
    const begun: number[] = []
    const waiting: ((opened: NatsOpened) => void)[] = []
    const opened = (n: number): NatsOpened => ({
      stream: 's',
      begin: () => {
        begun.push(n)
        return {}
      },
    })
    const link = {
      reconnected: new Set(),
      // The first attempt is taken for lost, with its connection, and goes on all the same.
      retry: async (_what: string, attempt: (timeoutMs: number) => Promise<void>) => {
        const [first, second] = [attempt(1), attempt(1)]
        waiting[1]?.(opened(2))
        await second
        waiting[0]?.(opened(1))
        await first
      },
      js: { consumers: { getBoundPushConsumer: async () => ({ consume: async () => messages }) } },
      jsm: { consumers: { add: async () => ({}) } },
    }
    const messages = { close: async () => {}, status: async function* () {} }
    const reader = new NatsReader(link as unknown as NatsLink, {
      what: 'a stream',
      open: () => new Promise((resolve) => waiting.push(resolve)),
      message: () => {},
      failed: (error) => expect.fail(String(error)),
    })
    await reader.start({ deadline: Number.POSITIVE_INFINITY })
    expect(begun).to.deep.equal([2])
    reader.close()
  })
})

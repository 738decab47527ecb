import { expect } from 'chai'
import type { NatsLink } from '../../lib/bus/nats/link.ts'
import { PullConsumer } from '../../lib/bus/nats/pull-consumer.ts'

describe('a page of a consumer', () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length

  /** A connection that is closed for good as something is asked of it. */
  const closedAt = (step: 'subscribe' | 'publish') => {
    const closed = () => {
      throw new Error('closed connection')
    }
    const nc = { subscribe: () => ({ unsubscribe() {} }), publish() {}, [step]: closed }
    const jsm = { consumers: { add: async () => ({ name: 'c', num_pending: 1 }) } }
    return { nc, jsm, apiPrefix: '$JS.API', inboxPrefix: '_INBOX', maxPayload: 1024 } as unknown as NatsLink
  }

  for (const step of ['subscribe', 'publish'] as const) {
    it(`is refused where the connection is closed at its ${step}, and leaves no timer`, async () => {
      const consumer = await PullConsumer.on(closedAt(step), 'stream', 'subject', 1)
      const before = timers()
      const refusal = await consumer.take(10, 60_000, () => {}).catch((error: Error) => error)
      expect(refusal).to.include({ message: 'closed connection' })
      expect(timers()).to.equal(before)
    })
  }
})

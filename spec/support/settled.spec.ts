import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect } from 'chai'
import { leftOver, openHandles, settled, Watch } from './settled.ts'

describe('a watch', () => {
  it('finds what was opened and not closed, by its kind', async () => {
    const watch = await Watch.begin()
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const fault = await watch.end(20).catch((error: Error) => error)
    server.close()
    expect(String(fault)).to.equal('Error: left open: 1 TCPServerWrap')
  })

  it('waits for what closes by itself', async () => {
    const watch = await Watch.begin()
    const server = createServer().listen(0, '127.0.0.1')
    setTimeout(() => server.close(), 20)
    await watch.end()
    expect(leftOver(openHandles(), openHandles())).to.equal('')
  })

  it('finds a rejection that nobody handled', async () => {
    // Mocha's own listeners would fail this spec.
    const listeners = process.listeners('unhandledRejection')
    process.removeAllListeners('unhandledRejection')
    try {
      const watch = await Watch.begin()
      void Promise.reject(new Error('nobody hears me'))
      const fault = (await watch.end().catch((error: Error) => error)) as Error
      expect(String(fault)).to.equal('Error: unhandled rejection')
      expect(String(fault.cause)).to.equal('Error: nobody hears me')
      expect(process.listenerCount('unhandledRejection')).to.equal(0)
    } finally {
      for (const listener of listeners) process.on('unhandledRejection', listener)
    }
  })

  describe('around a describe', () => {
    let open = false
    describe(
      'begins before its hooks, and ends behind them',
      settled(() => {
        const server = createServer()
        beforeEach(async () => {
          server.listen(0, '127.0.0.1')
          await once(server, 'listening')
          open = true
        })
        afterEach(() => {
          server.close()
          open = false
        })
        it('with a server that an afterEach closes', () => {
          expect(open).to.equal(true)
        })
      }),
    )
    after(() => expect(open).to.equal(false))
  })
})

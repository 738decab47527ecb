import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { expect } from 'chai'
import { type ConnectionFaults, FaultProxy } from './fault-proxy.ts'
import { settled } from './settled.ts'

/** All that a socket brings, and how that ended: 'end', an error's code, or 'silence' as long as it has not. */
function collect(socket: Socket) {
  const chunks: Buffer[] = []
  const collected = {
    chunks,
    ending: 'silence',
    bytes: () => Buffer.concat(chunks),
    /** Resolves once so many bytes have come. */
    async has(length: number) {
      while (collected.bytes().length < length) await once(socket, 'data')
    },
    ended: new Promise<void>((resolve) => {
      const end = (how: string) => {
        if (collected.ending === 'silence') collected.ending = how
        resolve()
      }
      socket.on('end', () => end('end')).on('error', (error: NodeJS.ErrnoException) => end(String(error.code)))
    }),
  }
  socket.on('data', (chunk) => chunks.push(chunk))
  return collected
}

const BYTES = Buffer.from('00010000000a 68656c6c6f20776f726c'.replaceAll(' ', ''), 'hex')

describe(
  'a fault proxy',
  settled(() => {
    let server: Server
    let proxy: FaultProxy
    let sockets: Socket[]

    beforeEach(async () => {
      sockets = []
      server = createServer({ allowHalfOpen: true })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
    })

    afterEach(async () => {
      await proxy.close()
      expect(proxy.openSockets).to.equal(0)
      for (const socket of sockets) socket.destroy()
      server.close()
    })

    /** A client and its socket on the server, with a proxy between. */
    async function pair(faults: ConnectionFaults = {}): Promise<[Socket, Socket]> {
      proxy = await FaultProxy.start({ port: (server.address() as AddressInfo).port }, faults)
      const client = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true })
      const [accepted] = (await once(server, 'connection')) as [Socket]
      sockets.push(client, accepted)
      for (const socket of sockets) socket.on('error', () => {})
      return [client, accepted]
    }

    it('without faults passes bytes and ends in both directions, each end by itself', async () => {
      const [client, accepted] = await pair()
      const there = collect(accepted)
      const back = collect(client)
      client.end(BYTES)
      await there.ended
      expect(there.bytes().toString('hex')).to.equal(BYTES.toString('hex'))
      accepted.end(Buffer.concat([BYTES, BYTES]))
      await back.ended
      expect(back.bytes()).to.deep.equal(Buffer.concat([BYTES, BYTES]))
      expect([there.ending, back.ending]).to.deep.equal(['end', 'end'])
    })

    it('passes more than it queues, to a receiver that comes late', async () => {
      const [client, accepted] = await pair({ toTarget: { latencyMs: 1 } })
      const large = Buffer.alloc(3_000_000, 'large ')
      accepted.pause()
      client.end(large)
      await once(client, 'finish')
      const there = collect(accepted)
      accepted.resume()
      await there.ended
      expect(there.bytes().equals(large)).to.equal(true)
    })

    it('slices to single bytes', async () => {
      const [client, accepted] = await pair({ toTarget: { sliceBytes: 1 } })
      const there = collect(accepted)
      client.end(BYTES)
      await there.ended
      expect(there.bytes()).to.deep.equal(BYTES)
      expect(there.chunks.length).to.be.greaterThan(1)
    })

    it('keeps order with latency and a bandwidth', async () => {
      const [client, accepted] = await pair({ toTarget: { latencyMs: 5, bytesPerSecond: 4000, sliceBytes: 3 } })
      const there = collect(accepted)
      for (const byte of BYTES) client.write(Buffer.of(byte))
      client.end()
      await there.ended
      expect(there.bytes()).to.deep.equal(BYTES)
    })

    for (const after of [0, 1, 6, BYTES.length]) {
      it(`cuts after ${after} bytes, and the other direction goes on`, async () => {
        const [client, accepted] = await pair({ toTarget: { cutAfterBytes: after } })
        const there = collect(accepted)
        const back = collect(client)
        client.write(BYTES)
        await there.ended
        expect(there.bytes()).to.deep.equal(BYTES.subarray(0, after))
        expect(there.ending).to.equal('end')
        accepted.end(BYTES)
        await back.ended
        expect(back.bytes()).to.deep.equal(BYTES)
        client.end(BYTES)
      })

      it(`resets after ${after} bytes`, async () => {
        const [client, accepted] = await pair({ toTarget: { resetAfterBytes: after, sliceBytes: 2 } })
        const there = collect(accepted)
        const back = collect(client)
        client.write(BYTES)
        await there.ended
        await back.ended
        expect(there.bytes()).to.deep.equal(BYTES.subarray(0, after))
        expect([there.ending, back.ending]).to.deep.equal(['ECONNRESET', 'ECONNRESET'])
      })

      it(`is silent after ${after} bytes, with the sockets open`, async () => {
        const [client, accepted] = await pair({ toTarget: { silentAfterBytes: after } })
        const there = collect(accepted)
        const back = collect(client)
        client.end(BYTES)
        await there.has(after)
        // The way back is open; what comes over it comes behind anything that could still come over the other.
        accepted.write(BYTES)
        await back.has(BYTES.length)
        expect(there.bytes()).to.deep.equal(BYTES.subarray(0, after))
        expect([there.ending, back.ending]).to.deep.equal(['silence', 'silence'])
        expect(proxy.openSockets).to.equal(2)
      })
    }

    it('does each direction its own faults, the first of several', async () => {
      const [client, accepted] = await pair({
        toTarget: { cutAfterBytes: 5, resetAfterBytes: 6 },
        toClient: { sliceBytes: 1, latencyMs: 1, silentAfterBytes: 9, cutAfterBytes: 7 },
      })
      const there = collect(accepted)
      const back = collect(client)
      client.write(BYTES)
      accepted.write(BYTES)
      await Promise.all([there.ended, back.ended])
      expect([there.bytes().length, there.ending]).to.deep.equal([5, 'end'])
      expect([back.bytes().length, back.ending]).to.deep.equal([7, 'end'])
      client.end()
      accepted.end()
    })

    it('passes a reset of one side on to the other', async () => {
      const [client, accepted] = await pair()
      const there = collect(accepted)
      client.write(BYTES)
      await there.has(BYTES.length)
      client.resetAndDestroy()
      await there.ended
      expect(there.ending).to.equal('ECONNRESET')
    })

    it('counts connections, and resets them all on demand', async () => {
      const [client, accepted] = await pair()
      const [there, back] = [collect(accepted), collect(client)]
      expect([proxy.accepted, proxy.openSockets]).to.deep.equal([1, 2])
      await proxy.reset()
      expect([proxy.accepted, proxy.openSockets]).to.deep.equal([1, 0])
      await Promise.all([there.ended, back.ended])
      expect([there.ending, back.ending]).to.deep.equal(['ECONNRESET', 'ECONNRESET'])
    })

    it('resets a client whose target is not there', async () => {
      const gone = createServer().listen(0, '127.0.0.1')
      await once(gone, 'listening')
      const { port } = gone.address() as AddressInfo
      gone.close()
      await once(gone, 'close')
      proxy = await FaultProxy.start({ port })
      const back = collect(connect(proxy.port, '127.0.0.1'))
      await back.ended
      expect(back.ending).to.equal('ECONNRESET')
    })
  }),
)

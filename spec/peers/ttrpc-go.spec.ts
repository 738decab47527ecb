import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import {
  type AnyClient,
  type CallContext,
  CallError,
  connect,
  createServer,
  Protocol,
  type QbpConnection,
} from '../../lib/index.ts'
import { rejection } from '../calls/support.ts'
import { temporaryFolder } from '../support/languages.ts'
import { ROOT } from '../support/pages.ts'
import { type Child, peer, start } from '../support/peers.ts'

// containerd's own ttrpc library, in the program spec/peers/ttrpc-go, which `npm run peers` builds.
const PEER = join(ROOT, '.peers/ttrpc-go/peer')
const COUNT = 500
const SUM = (COUNT * (COUNT - 1)) / 2

type Number_ = { value: bigint }

describe('containerd’s ttrpc library', function () {
  this.timeout(20_000)
  let protocol: Protocol
  let path: string

  before(async function () {
    peer(this, { needs: [PEER], bring: 'npm run peers' })
    protocol = await Protocol.load(join(__dirname, 'numbers.proto'), { calls: 'ttrpc' })
  })
  beforeEach(() => {
    path = join(temporaryFolder(), 'ttrpc.sock')
  })

  describe('serves our client', () => {
    let server: Child
    let connection: QbpConnection
    let numbers: AnyClient
    beforeEach(async () => {
      server = start(PEER, ['serve', path])
      expect(await server.line()).to.equal('listening')
      connection = (await connect(protocol, { path })) as QbpConnection
      numbers = connection.client('Numbers')
    })
    afterEach(async () => {
      await connection.close()
      await server.stop()
    })

    it('one request and one answer, many at a time, with metadata', async () => {
      const all = Array.from({ length: 200 }, async (_, i) => (await numbers.double({ value: 1000 + i })).value)
      expect(await Promise.all(all)).to.deep.equal(Array.from({ length: 200 }, (_, i) => BigInt(2 * (1000 + i))))
      expect((await numbers.double({ value: 21 }, { metadata: { extra: 'one' } })).value).to.equal(43n)
    })

    it('with its codes and texts', async () => {
      expect(await rejection(numbers.double({ value: -1 }))).to.include({
        code: 'OUT_OF_RANGE',
        message: '-1 is negative',
      })
      expect(await rejection(numbers.triple({}))).to.include({ code: 'UNIMPLEMENTED' })
    })

    it('within a deadline, which it hears of', async () => {
      expect(await rejection(numbers.double({ value: 99 }, { timeoutMs: 50 }))).to.include({
        code: 'DEADLINE_EXCEEDED',
      })
      expect((await numbers.double({ value: 1 })).value).to.equal(2n)
    })

    it('a stream of answers, and how it fails after some', async () => {
      let [count, sum] = [0, 0n]
      for await (const { value } of numbers.count({ value: COUNT })) [count, sum] = [count + 1, sum + value]
      expect([count, sum]).to.deep.equal([COUNT, BigInt(SUM)])
      const seen: unknown[] = []
      const loop = async () => {
        for await (const number of numbers.count({ value: 5_000 })) seen.push(number)
      }
      expect(await rejection(loop())).to.include({ code: 'RESOURCE_EXHAUSTED', message: 'a thousand is enough' })
      expect(seen).to.have.lengthOf(1_000)
    })

    it('a stream of requests, and one of both', async () => {
      const values = Array.from({ length: COUNT }, (_, value) => ({ value }))
      expect((await numbers.sum(values)).value).to.equal(BigInt(SUM))
      expect((await numbers.sum([])).value).to.equal(0n)
      let sum = 0n
      for await (const { value } of numbers.doubles(values)) sum += value
      expect(sum).to.equal(BigInt(2 * SUM))
      expect((await numbers.double({ value: 1 })).value).to.equal(2n)
    })
  })

  it('calls our server: all four kinds, codes, metadata and deadlines', async () => {
    let aborted: unknown
    const server = createServer(protocol, (_reader, _writer, connection) =>
      connection.serve('Numbers', {
        double: async ({ value }: Number_, { metadata, signal }: CallContext) => {
          if (value < 0n) throw new CallError('OUT_OF_RANGE', `${value} is negative`)
          if (value === 99n)
            await new Promise((_, reject) => {
              signal.addEventListener('abort', () => {
                aborted = signal.reason
                reject(signal.reason)
              })
            })
          return { value: 2n * value + (metadata.extra === 'one' ? 1n : 0n) }
        },
        async *count({ value }: Number_) {
          for (let i = 0n; i < value; i++) {
            if (i === 1000n) throw new CallError('RESOURCE_EXHAUSTED', 'a thousand is enough')
            yield { value: i }
          }
        },
        async sum(numbers: AsyncIterable<Number_>) {
          let sum = 0n
          for await (const { value } of numbers) sum += value
          return { value: sum }
        },
        async *doubles(numbers: AsyncIterable<Number_>) {
          for await (const { value } of numbers) yield { value: 2n * value }
        },
      }),
    )
    server.listen(path)
    await once(server, 'listening')
    const caller = start(PEER, ['call', path])
    const said = (await text(caller.process.stdout as NodeJS.ReadableStream)).trim().split('\n')
    await caller.exited
    expect(said).to.deep.equal([
      'Double 21 42',
      'Double 21 43',
      'Double -1 OutOfRange -1 is negative',
      'Triple 1 Unimplemented qbp.Numbers/Triple is not served here',
      said[4], // Looked at below, for two clocks run to the same moment.
      'of 100 at a time 100',
      `Count ${COUNT} ${SUM}`,
      'Count 1000 499500 ResourceExhausted a thousand is enough',
      `Sum ${SUM}`,
      `Doubles ${COUNT} ${2 * SUM}`,
    ])
    // The first clock to run out answers: the caller's, whose error has no code, or that of our server, which was sent the deadline.
    expect(said[4]).to.be.oneOf([
      'Double 99 Unknown context deadline exceeded',
      'Double 99 DeadlineExceeded qbp.Numbers/Double took longer than the caller waits',
    ])
    expect(aborted).to.include({ code: 'DEADLINE_EXCEEDED' })
    expect(server.stats().calls?.dropped).to.equal(0)
    await server.close()
  })
})

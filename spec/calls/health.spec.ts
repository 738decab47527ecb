import { expect } from 'chai'
import fc from 'fast-check'
import { Health, Protocol, type QbpError } from '../../lib/index.ts'
import { connectionPair } from '../../lib/testing/index.ts'
import { accounts } from './accounts.ts'
import { rejection } from './support.ts'

const REQUEST = 'grpc.health.v1.HealthCheckRequest'
const RESPONSE = 'grpc.health.v1.HealthCheckResponse'

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

  describe('has messages read and written by hand', () => {
    const { schema } = Health.service
    const { codec: _, ...compiled } = schema
    const [own, judge] = [schema, compiled].map((each) =>
      Protocol.from(each, { header: 'length:u32', message: REQUEST }),
    )
    const outcome = (act: () => unknown): unknown => {
      try {
        return act()
      } catch (error) {
        const { code, field, message } = error as QbpError
        return { code, field, message }
      }
    }
    /** What both make of a body, and of that message again. */
    const same = (name: string, body: Uint8Array): void => {
      const [ours, theirs] = [own, judge].map((each) => outcome(() => each?.decode(name, body)))
      expect({ ...(ours as object) }).to.deep.equal({ ...(theirs as object) })
      const again = [own, judge].map((each, i) =>
        outcome(() => Buffer.from(each?.encode(name, [ours, theirs][i] as never) ?? []).toString('hex')),
      )
      expect(again[0]).to.deep.equal(again[1])
    }

    it('as the compiled codec does, whole, cut, with unknown fields, and with any bytes', () => {
      const known = [
        '',
        '0a00',
        '0a0161',
        '0a03c3bc61',
        '0801',
        '0803',
        '0800',
        '08ffffffff0f',
        '08ffffffffffffffffff01',
      ]
      const others = [
        '1001',
        '120161',
        '0b0c',
        '0d00000000',
        '0900',
        '0aff',
        '0a02ff00',
        '00',
        '0a',
        '8a000161',
        '0861',
      ]
      for (const name of [REQUEST, RESPONSE])
        for (const first of [...known, ...others])
          for (const second of [...known, ...others]) same(name, Buffer.from(first + second, 'hex'))
      fc.assert(
        fc.property(fc.constantFrom(REQUEST, RESPONSE), fc.uint8Array({ maxLength: 12 }), (name, body) =>
          same(name, body),
        ),
      )
    })

    it('as the compiled codec does for what is no message, and with long text', () => {
      const values = [
        undefined,
        null,
        '',
        'a',
        'ü'.repeat(300),
        'x'.repeat(70_000),
        '\ud800',
        5,
        0,
        -1,
        2 ** 31,
        1.5,
        'SERVING',
        'OTHER',
        7n,
        {},
        [],
      ]
      for (const name of [REQUEST, RESPONSE])
        for (const key of ['service', 'status', 'other'])
          for (const value of values) {
            const message = { [key]: value }
            const [ours, theirs] = [own, judge].map((each) =>
              outcome(() => Buffer.from(each?.encode(name, message) ?? []).toString('hex')),
            )
            expect(ours, `${name} ${key}`).to.deep.equal(theirs)
          }
    })
  })
})

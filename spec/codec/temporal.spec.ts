import { expect } from 'chai'
import { Protocol, type QbpError } from '../../lib/index.ts'

/** As much of Temporal as is used, where this runtime has none. */
class Instant {
  readonly epochNanoseconds: bigint
  constructor(epochNanoseconds: bigint) {
    this.epochNanoseconds = epochNanoseconds
  }
}
const FIELDS = 'years months weeks days hours minutes seconds milliseconds microseconds nanoseconds'.split(' ')
class Duration {
  constructor(...values: number[]) {
    for (const [i, field] of FIELDS.entries()) Object.assign(this, { [field]: values[i] ?? 0 })
  }
}
interface Runtime {
  Temporal?: {
    Instant: new (all: bigint) => { epochNanoseconds: bigint }
    Duration: new (...fields: number[]) => object
  }
}
const runtime = globalThis as Runtime
const OPTIONS = { header: 'length:varint', message: 'Row', includeDirs: ['schemas'] } as const
const load = (wellKnown: 'temporal' | 'messages') => Protocol.load('spec/protos/plain.proto', { ...OPTIONS, wellKnown })

function fault(act: () => unknown): QbpError {
  try {
    act()
  } catch (error) {
    return error as QbpError
  }
  throw new Error('nothing was refused')
}

describe('Times and durations of Temporal', () => {
  const own = runtime.Temporal
  let protocol: Protocol
  let messages: Protocol
  before(async () => {
    runtime.Temporal ??= { Instant, Duration }
    ;[protocol, messages] = [await load('temporal'), await load('messages')]
  })
  after(() => {
    if (own === undefined) delete runtime.Temporal
  })
  const temporal = () => runtime.Temporal as NonNullable<Runtime['Temporal']>

  for (const all of [
    0n,
    1n,
    -1n,
    1_764_277_200_123_456_789n,
    -62_135_596_800_000_000_000n,
    253_402_300_799_999_999_999n,
  ])
    it(`are exact: ${all} ns`, () => {
      const body = protocol.encode('Row', { at: new (temporal().Instant)(all) })
      const { seconds, nanos } = messages.decode('Row', body).at
      expect(seconds * 1_000_000_000n + BigInt(nanos)).to.equal(all)
      expect(protocol.decode('Row', body).at.epochNanoseconds).to.equal(all)
    })

  for (const [fields, seconds, nanos] of [
    [[0, 0, 0, 1, 2, 3, 4, 5, 6, 7], 93784n, 5006007],
    [[0, 0, 0, 0, 0, 0, -1, -500], -1n, -500000000],
    [[0, 0, 0, 0, 0, 0, 315_576_000_000], 315576000000n, 0],
    [[0, 0, 0, 0, 0, 0, 0, 0, 0, 3e15], 3000000n, 0],
  ] as [number[], bigint, number][])
    it(`are ${seconds} s and ${nanos} ns of ${fields}`, () => {
      const body = protocol.encode('Row', { took: new (temporal().Duration)(...fields) })
      expect(messages.decode('Row', body).took).to.include({ seconds, nanos })
      const read = protocol.decode('Row', body).took
      expect([BigInt(read.seconds), read.nanoseconds, read.hours]).to.deep.equal([seconds, nanos, 0])
      expect(protocol.encode('Row', { took: read }).toString('hex')).to.equal(body.toString('hex'))
    })

  it('are refused where they are none, or beyond the range', () => {
    const { Instant, Duration } = temporal()
    for (const message of [
      { at: new Date() },
      { at: new Instant(253_402_300_800_000_000_000n) },
      { at: Object.assign(new Instant(0n), { timeZoneId: 'UTC' }) },
      { took: 5 },
      { took: new Duration(0, 1) },
      { took: new Duration(0, 0, 1) },
      { took: new Duration(0, 0, 0, 0, 0, 0, 315_576_000_000, 1) },
    ]) {
      const [field] = Object.keys(message)
      expect(fault(() => protocol.encode('Row', message))).to.include({ code: 'ERR_QBP_INVALID_MESSAGE', field })
    }
    for (const took of [{ seconds: 1, nanos: -1 }, { nanos: 1_000_000_000 }, { seconds: 315_576_000_001n }])
      expect(fault(() => protocol.decode('Row', messages.encode('Row', { took })))).to.include({ field: 'took' })
  })

  it('are asked for in vain where there is no Temporal', async () => {
    const { Temporal } = runtime
    Reflect.deleteProperty(globalThis, 'Temporal')
    try {
      const refusal = await load('temporal').then(
        () => null,
        (error: QbpError) => error,
      )
      expect(refusal).to.include({ code: 'ERR_QBP_BAD_OPTION', option: 'wellKnown' })
    } finally {
      Object.defineProperty(globalThis, 'Temporal', { value: Temporal, configurable: true, writable: true })
    }
  })
})

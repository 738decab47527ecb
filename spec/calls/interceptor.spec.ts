import { expect } from 'chai'
import { CallError } from '../../lib/calls/call-error.ts'
import type { Interceptor } from '../../lib/calls/interceptor.ts'
import type { CallContext } from '../../lib/calls/served-method.ts'
import type { Protocol } from '../../lib/index.ts'
import { type CallEnd, callPair, loadAccounts, rejection, turns } from './support.ts'

describe('interceptors', () => {
  let protocol: Protocol
  let caller: CallEnd
  let callee: CallEnd
  let log: string[]
  before(async () => {
    protocol = await loadAccounts()
  })
  beforeEach(() => {
    ;({ caller, callee } = callPair(protocol))
    log = []
  })

  const logging =
    (name: string): Interceptor =>
    async ({ side, path, request }, next) => {
      log.push(`${name} ${side} ${path} ${request === null ? 'stream' : 'one'}`)
      try {
        await next()
        log.push(`${name} OK`)
      } catch (error) {
        log.push(`${name} ${(error as CallError).code}`)
        throw error
      }
    }
  const handlers = {
    open: ({ name }: { name: string }) => {
      log.push('handler')
      if (name === '') throw new CallError('NOT_FOUND')
      return { name }
    },
    async *watch() {
      log.push('handler')
      yield { balance: 1 }
    },
    deposit: async (updates: AsyncIterable<object>) => {
      for await (const _ of updates) log.push('update')
      return {}
    },
  }

  it('stand around a call on both ends, the first outermost', async () => {
    callee.serve(handlers, { interceptors: [logging('c'), logging('d')] })
    const client = caller.client({ interceptors: [logging('a'), logging('b')] })
    expect((await client.open({ name: 'ann' })).name).to.equal('ann')
    const [to, from] = ['caller accounts.Accounts/Open one', 'callee accounts.Accounts/Open one']
    expect(log).to.deep.equal([
      `a ${to}`,
      `b ${to}`,
      `c ${from}`,
      `d ${from}`,
      'handler',
      'd OK',
      'c OK',
      'b OK',
      'a OK',
    ])
  })

  it('see how a call failed, and the caller sees what they throw instead', async () => {
    const instead: Interceptor = async (_, next) => {
      try {
        await next()
      } catch {
        throw new CallError('ABORTED', 'instead')
      }
    }
    callee.serve(handlers, { interceptors: [instead, logging('c')] })
    const error = await rejection(caller.client({ interceptors: [logging('a')] }).open({ name: '' }))
    expect(error).to.include({ code: 'ABORTED', message: 'instead' })
    expect(log.slice(-2)).to.deep.equal(['c NOT_FOUND', 'a ABORTED'])
  })

  it('see a stream to its end', async () => {
    callee.serve(handlers, { interceptors: [logging('c')] })
    const client = caller.client({ interceptors: [logging('a')] })
    for await (const { balance } of client.watch({})) log.push(`answer ${balance}`)
    await client.deposit([{}, {}])
    await turns()
    expect(log.filter((line) => !line.includes('accounts'))).to.deep.equal([
      'handler',
      'c OK',
      'answer 1',
      'a OK',
      'update',
      'update',
      'c OK',
      'a OK',
    ])
  })

  it('add metadata before a call is sent, at their leisure', async () => {
    const sign: Interceptor = async ({ metadata }, next) => {
      await turns()
      metadata.authorization = 'Bearer 5'
      await next()
    }
    callee.serve({ open: (_: object, { metadata }: CallContext) => ({ name: JSON.stringify(metadata) }) })
    const client = caller.client({ interceptors: [sign], metadata: { who: 'ann' } })
    expect((await client.open({})).name).to.equal('{"who":"ann","authorization":"Bearer 5"}')
    expect((await client.open({})).name).to.equal('{"who":"ann","authorization":"Bearer 5"}')
  })

  for (const side of ['caller', 'callee'] as const) {
    it(`refuse a call at the ${side}, and nothing runs further in`, async () => {
      const refuse: Interceptor = ({ metadata }) => {
        throw new CallError(metadata.token === undefined ? 'UNAUTHENTICATED' : 'PERMISSION_DENIED')
      }
      callee.serve(handlers, side === 'callee' ? { interceptors: [refuse] } : {})
      const client = caller.client(side === 'caller' ? { interceptors: [refuse] } : {})
      expect(await rejection(client.open({}))).to.include({ code: 'UNAUTHENTICATED' })
      expect(await rejection(client.watch({}).next())).to.include({ code: 'UNAUTHENTICATED' })
      expect(log).to.deep.equal([])
      expect(callee.received.length).to.equal(side === 'caller' ? 0 : 2)
      expect(caller.calls.isIdle && callee.calls.isIdle).to.equal(true)
    })
  }

  it('that throw what is no CallError are INTERNAL: reported at the callee, the cause at the caller', async () => {
    const bug = new Error('secret')
    const broken: Interceptor = () => {
      throw bug
    }
    callee.serve(handlers, { interceptors: [broken] })
    const error = await rejection(caller.client().open({}))
    expect(error).to.include({ code: 'INTERNAL' })
    expect(error.message).not.to.include('secret')
    expect(callee.reports).to.deep.equal([bug])
    expect(await rejection(caller.client({ interceptors: [broken] }).open({}))).to.deep.include({ cause: bug })
  })

  it('that return without next() fail the call, and do not hang it', async () => {
    callee.serve(handlers, { interceptors: [() => {}] })
    expect(await rejection(caller.client().open({}))).to.include({ code: 'INTERNAL' })
    expect(await rejection(caller.client({ interceptors: [() => {}] }).open({}))).to.include({ code: 'CANCELLED' })
  })

  for (const side of ['caller', 'callee'] as const) {
    const around = (interceptor: Interceptor) => {
      ;({ caller, callee } = callPair(protocol))
      callee.serve(handlers, side === 'callee' ? { interceptors: [interceptor] } : {})
      return caller.client(side === 'caller' ? { interceptors: [interceptor] } : {})
    }

    it(`at the ${side} that do not wait for next(), or swallow what it rejects with, change nothing`, async () => {
      const hasty: Interceptor = (_, next) => {
        void next()
      }
      const swallowing: Interceptor = (_, next) => next().catch(() => {})
      for (const interceptor of [hasty, swallowing]) {
        const client = around(interceptor)
        expect((await client.open({ name: 'ann' })).name).to.equal('ann')
        expect(await rejection(client.open({}))).to.include({ code: 'NOT_FOUND' })
        expect((await client.watch({}).next()).value.balance).to.equal(1)
        await turns()
        expect([caller.calls.isIdle, callee.calls.isIdle, callee.reports]).to.deep.equal([true, true, []])
      }
    })

    it(`at the ${side} that call next() twice fail the call, which is carried out once at most`, async () => {
      const twice: Interceptor = async (_, next) => {
        await next()
        await next()
      }
      const atOnce: Interceptor = async (_, next) => {
        await Promise.all([next(), next()])
      }
      for (const interceptor of [twice, atOnce]) {
        log = []
        const error = await rejection(around(interceptor).open({ name: 'ann' }))
        expect(error).to.include({ code: 'INTERNAL' })
        expect(error.message).to.include('next() twice')
        await turns()
        expect(log.length).to.be.lessThan(2)
        expect(caller.calls.isIdle && callee.calls.isIdle).to.equal(true)
      }
    })
  }

  it('end the call as they throw, also after it was answered', async () => {
    callee.serve(handlers)
    const late: Interceptor = async (_, next) => {
      await next()
      throw new CallError('DATA_LOSS')
    }
    expect(await rejection(caller.client({ interceptors: [late] }).open({ name: 'ann' }))).to.include({
      code: 'DATA_LOSS',
    })
  })

  it('that let a call wait are waited for no longer than its deadline, its signal and its connection', async () => {
    callee.serve(handlers)
    const given: (() => Promise<void>)[] = []
    const client = caller.client({
      interceptors: [
        (_, next) => {
          given.push(next)
          return new Promise(() => {})
        },
      ],
    })
    const controller = new AbortController()
    const { signal } = controller
    const failed = [client.open({}, { timeoutMs: 10 }), client.watch({}, { timeoutMs: 10 }).next()].map(rejection)
    const left = [client.open({}, { signal }), client.watch({}, { signal }).next()].map(rejection)
    for (const error of await Promise.all(failed)) expect(error).to.include({ code: 'DEADLINE_EXCEEDED', sent: false })
    controller.abort()
    for (const error of await Promise.all(left)) expect(error).to.include({ code: 'CANCELLED', sent: false })
    const open = rejection(client.open({}))
    caller.die()
    expect(await open).to.include({ code: 'UNAVAILABLE', sent: false })
    for (const next of given) await rejection(next()) // Too late.
    await turns()
    expect([callee.received, caller.calls.isIdle]).to.deep.equal([[], true])
  })

  it('are a list of functions', () => {
    for (const interceptors of [5, [5], 'ab', [null]] as never[]) {
      expect(() => caller.client({ interceptors })).to.throw('a list of functions')
      expect(() => callee.serve(handlers, { interceptors })).to.throw('a list of functions')
    }
  })

  it('hear of a call that is given up', async () => {
    callee.serve({ open: () => new Promise(() => {}) })
    const controller = new AbortController()
    const open = caller.client({ interceptors: [logging('a')] }).open({}, { signal: controller.signal })
    await turns()
    controller.abort()
    await rejection(open)
    expect(log.at(-1)).to.equal('a CANCELLED')
  })
})

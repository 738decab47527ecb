import { expect } from 'chai'
import { CALL_CODES, CallError } from '../../lib/calls/call-error.ts'
import { endLate } from '../../lib/calls/expiry.ts'
import { FIRST_WINDOW, ITEM_BYTES } from '../../lib/calls/limits.ts'
import type { CallContext } from '../../lib/calls/served-method.ts'
import { callStats } from '../../lib/calls/stats.ts'
import type { Protocol } from '../../lib/index.ts'
import { type CallEnd, callPair, loadAccounts, rejection, turns } from './support.ts'

const never = (): Promise<never> => new Promise(() => {})
const plain = (message: unknown): unknown => ({ ...(message as object) })

/** A promise and what settles it, for handlers that answer when the spec lets them. */
function gate<T = void>(): { wait: Promise<T>; open(value: T): void } {
  let open: (value: T) => void = () => {}
  const wait = new Promise<T>((resolve) => {
    open = resolve
  })
  return { wait, open }
}

describe('calls', () => {
  let protocol: Protocol
  let caller: CallEnd
  let callee: CallEnd
  before(async () => {
    protocol = await loadAccounts()
  })
  beforeEach(() => {
    ;({ caller, callee } = callPair(protocol))
  })

  describe('of one request and one answer', () => {
    it('take two messages, and no more', async () => {
      callee.serve({ open: ({ name }) => ({ id: 7n, name }) })
      const account = await caller.client({ timeoutMs: Infinity }).open({ name: 'ann' })
      expect(plain(account)).to.deep.equal({ $name: 'Account', id: 7n, name: 'ann' })
      await turns()
      // Call: id 1, method, body { name }; Reply: id 1, body { id, name }.
      const method = Buffer.from('accounts.Accounts/Open').toString('hex')
      expect(callee.received).to.deep.equal([`00f000000021 0801 1a16${method} 7a05 0a03616e6e`.replaceAll(' ', '')])
      expect(caller.received).to.deep.equal(['00f10000000b 0801 7a07 0807 1203616e6e'.replaceAll(' ', '')])
    })

    it('are answered in any order, each the one that asked', async () => {
      const gates = [gate(), gate(), gate()]
      callee.serve({ open: async ({ name }) => gates[Number(name)]?.wait.then(() => ({ name })) })
      const client = caller.client()
      const order: string[] = []
      const all = ['0', '1', '2'].map((name) =>
        client.open({ name }).then((account: { name: string }) => order.push(account.name)),
      )
      for (const index of [2, 0, 1]) {
        gates[index]?.open()
        await turns()
      }
      await Promise.all(all)
      expect(order).to.deep.equal(['2', '0', '1'])
    })

    it('go both ways at once, under the same ids', async () => {
      callee.serve({ open: () => ({ name: 'of the callee' }) })
      caller.serve({ open: () => ({ name: 'of the caller' }) })
      const [there, back] = await Promise.all([caller.client().open({}), callee.client().open({})])
      expect([there.name, back.name]).to.deep.equal(['of the callee', 'of the caller'])
    })

    it('take an answer that is there at once, and an empty one', async () => {
      callee.serve({ open: () => ({}), close: () => undefined })
      expect(plain(await caller.client().open({}))).to.deep.equal({ $name: 'Account' })
      expect(plain(await caller.client().close({}))).to.deep.equal({ $name: 'Account' })
    })

    it('keep handlers that are methods of an object', async () => {
      class Bank {
        #count = 0n
        open() {
          return { id: ++this.#count }
        }
      }
      callee.serve(new Bank() as never)
      await caller.client().open({})
      expect((await caller.client().open({})).id).to.equal(2n)
    })

    it('are written whole where a getter of the request calls in the middle of it', async () => {
      callee.serve({ open: ({ name }) => ({ name }) })
      const client = caller.client()
      let inner: Promise<{ name: string }> | undefined
      const outer = client.open({
        get name() {
          inner ??= client.open({ name: 'inner' })
          return 'outer'
        },
      })
      expect((await outer).name).to.equal('outer')
      expect((await inner)?.name).to.equal('inner')
    })
  })

  describe('with streams', () => {
    it('bring answers in order, then the end', async () => {
      callee.serve({
        async *watch() {
          for (let balance = 1; balance <= 3; balance++) yield { balance }
        },
      })
      const balances = []
      for await (const { balance } of caller.client().watch({})) balances.push(balance)
      expect(balances).to.deep.equal([1, 2, 3])
      expect(caller.calls.isIdle && callee.calls.isIdle).to.equal(true)
    })

    it('bring requests in order, then the one answer', async () => {
      callee.serve({
        async deposit(updates) {
          let sum = 0n
          for await (const { balance } of updates) sum += BigInt(balance)
          return { id: sum }
        },
      })
      const account = await caller.client().deposit([{ balance: 1 }, { balance: 2 }, { balance: 3 }])
      expect(account.id).to.equal(6n)
    })

    it('bring both, each at its own pace', async () => {
      callee.serve({
        async *trade(updates) {
          for await (const { balance } of updates) yield { balance: balance * 2 }
        },
      })
      async function* asked() {
        for (let balance = 0; balance < 5; balance++) yield { balance }
      }
      const answers = []
      for await (const { balance } of caller.client().trade(asked())) answers.push(balance)
      expect(answers).to.deep.equal([0, 2, 4, 6, 8])
    })

    it('end early where the handler takes no more requests, and let the iterable clean up', async () => {
      const cleaned = gate<string>()
      callee.serve({
        async deposit(updates) {
          for await (const { balance } of updates) if (balance === 3) break
          return { id: 3n }
        },
      })
      async function* asked() {
        try {
          for (let balance = 0; ; balance++) {
            yield { balance }
            await turns(1)
          }
        } finally {
          cleaned.open('cleaned')
        }
      }
      expect((await caller.client().deposit(asked())).id).to.equal(3n)
      expect(await cleaned.wait).to.equal('cleaned')
    })

    it('have answers that came before a fault, then the fault', async () => {
      callee.serve({
        async *watch() {
          yield { balance: 1 }
          yield { balance: 2 }
          throw new CallError('OUT_OF_RANGE', 'no more')
        },
      })
      const answers = caller.client().watch({})
      await turns()
      const seen: number[] = []
      const loop = async () => {
        for await (const { balance } of answers) seen.push(balance)
      }
      expect(await rejection(loop())).to.include({ code: 'OUT_OF_RANGE', message: 'no more' })
      expect(seen).to.deep.equal([1, 2])
    })

    it('fail where the iterable of requests throws, and the handler hears of it', async () => {
      const seen = gate<CallError>()
      callee.serve({
        async deposit(updates) {
          try {
            for await (const _ of updates);
          } catch (error) {
            seen.open(error as CallError)
          }
          return {}
        },
      })
      async function* asked() {
        yield { balance: 1 }
        throw new CallError('DATA_LOSS', 'half of it is gone')
      }
      expect(await rejection(caller.client().deposit(asked()))).to.include({ code: 'DATA_LOSS' })
      expect(await seen.wait).to.include({ code: 'CANCELLED' })
      for (const thrown of [undefined, null, 'text', { message: 'half' }]) {
        // biome-ignore lint/correctness/useYield: it throws before.
        const throwing = async function* () {
          throw thrown
        }
        expect(await rejection(caller.client().deposit(throwing()))).to.include({ code: 'INVALID_ARGUMENT' })
      }
      await turns()
      expect(caller.calls.isIdle && callee.calls.isIdle).to.equal(true)
    })

    it('refuse what is no iterable', async () => {
      callee.serve({ deposit: () => ({}) })
      for (const items of [{ balance: 1 }, null, undefined, 5, 'text', Promise.resolve([])])
        expect(await rejection(caller.client().deposit(items))).to.include({ code: 'INVALID_ARGUMENT' })
      for (const next of [null, () => null, () => ({}), () => ({ next: () => null })])
        expect(await rejection(caller.client().deposit({ [Symbol.asyncIterator]: next }))).to.include({
          code: 'INVALID_ARGUMENT',
        })
      await turns()
      expect(caller.calls.isIdle && callee.calls.isIdle).to.equal(true)
    })
  })

  describe('with a window for each call', () => {
    const filler = new Uint8Array(1000)
    const cost = 1000 + 3 + ITEM_BYTES // A thousand bytes, their tag and their length.

    it('send no more of a stream than the window, until somebody reads', async () => {
      let made = 0
      callee.serve({
        async *watch() {
          for (;;) {
            made++
            yield { filler }
          }
        },
      })
      const answers = caller.client().watch({})
      await turns(50)
      const firstWindow = Math.ceil(FIRST_WINDOW / cost)
      expect(made).to.equal(firstWindow)
      await answers.next()
      await turns(50)
      expect(made).to.be.greaterThan(firstWindow)
      expect(made).to.equal(1 + Math.ceil(caller.calls.limits.windowBytes / cost))
      await answers.return()
    })

    it('say nothing of a window for a stream that is short', async () => {
      callee.serve({ watch: () => [{ balance: 1 }, { balance: 2 }, { balance: 3 }] })
      for await (const _ of caller.client().watch({}));
      expect(callee.received).to.have.lengthOf(1)
      expect(caller.received).to.have.lengthOf(4)
    })

    it('bring a long stream with few messages about its window', async () => {
      callee.serve({
        async *watch() {
          for (let i = 0; i < 1000; i++) yield { filler }
        },
      })
      let count = 0
      for await (const _ of caller.client().watch({})) count++
      expect(count).to.equal(1000)
      const quarter = caller.calls.limits.windowBytes / 4
      expect(callee.received.length - 1).to.be.within(1, 1 + Math.ceil((1000 * cost) / quarter))
    })

    it('let every other call pass a stream that nobody reads', async () => {
      callee.serve({
        async *watch() {
          for (;;) yield { filler }
        },
        open: ({ name }) => ({ name }),
      })
      const client = caller.client()
      const idle = Array.from({ length: 20 }, () => client.watch({}))
      await turns(50)
      expect((await client.open({ name: 'ann' })).name).to.equal('ann')
      for (const each of idle) await each.return()
    })

    it('send no more requests than the handler takes', async () => {
      let made = 0
      callee.serve({ deposit: never })
      async function* asked() {
        for (;;) {
          made++
          yield { filler }
        }
      }
      const deposit = caller.client({ timeoutMs: 200 }).deposit(asked())
      await turns(50)
      expect(made).to.equal(Math.ceil(FIRST_WINDOW / cost))
      expect(await rejection(deposit)).to.include({ code: 'DEADLINE_EXCEEDED' })
    })

    it('count messages without a body too', async () => {
      let made = 0
      callee.serve({
        async *watch() {
          for (;;) {
            made++
            yield {}
          }
        },
      })
      const answers = caller.client().watch({})
      await turns(400)
      expect(made).to.equal(FIRST_WINDOW / ITEM_BYTES)
      await answers.return()
    })

    it('wait for the connection to have room', async () => {
      let made = 0
      callee.serve({
        async *watch() {
          for (; made < 3; ) yield { balance: made++ }
        },
      })
      callee.isFull = true
      const answers = caller.client().watch({})
      await turns(10)
      expect(made).to.equal(1)
      callee.makeRoom()
      const balances = []
      for await (const { balance } of answers) balances.push(balance)
      expect(balances).to.deep.equal([0, 1, 2])
    })

    it('cut off a peer that sends more than it may', async () => {
      callee.serve({
        async *watch() {
          for (;;) yield { filler }
        },
      })
      const answers = caller.client().watch({})
      await turns(50)
      const frame = caller.received.at(-1) as string
      caller.arrive(Buffer.from(frame, 'hex'))
      expect(caller.faults.map(({ code }) => code)).to.deep.equal(['ERR_QBP_BAD_CALL'])
      await answers.return()
    })

    it('answer a caller that sends more than it may, and cut it off', async () => {
      callee.serve({ deposit: never })
      const deposit = caller.client().deposit(
        (async function* () {
          for (;;) yield { filler }
        })(),
      )
      await turns(50)
      callee.arrive(Buffer.from(callee.received.at(-1) as string, 'hex'))
      expect(await rejection(deposit)).to.include({ code: 'RESOURCE_EXHAUSTED' })
      expect(callee.faults.map(({ code }) => code)).to.deep.equal(['ERR_QBP_BAD_CALL'])
    })
  })

  describe('that are given up', () => {
    it('by their signal, abort the handler’s, within a round trip', async () => {
      const aborted = gate<unknown>()
      callee.serve({
        open: (_, { signal }: CallContext) =>
          new Promise((_, reject) => {
            signal.addEventListener('abort', () => {
              aborted.open(signal.reason)
              reject(signal.reason)
            })
          }),
      })
      const controller = new AbortController()
      const open = caller.client().open({}, { signal: controller.signal })
      await turns()
      controller.abort(new Error('bored'))
      const error = await rejection(open)
      expect(error).to.include({ code: 'CANCELLED', sent: true })
      expect(error).to.have.nested.property('cause.message', 'bored')
      expect(await aborted.wait).to.include({ code: 'CANCELLED' })
      await turns()
      expect(caller.received).to.deep.equal([]) // Nothing is said to one that has given up.
      expect(callee.reports).to.deep.equal([])
      expect(callStats(callee.calls.counts, callee.calls.underWay).in).to.deep.equal({
        begun: 1,
        underWay: 0,
        byCode: { CANCELLED: 1 },
      })
    })

    it('by leaving the loop, end the generator', async () => {
      const ended = gate<string>()
      callee.serve({
        async *watch() {
          try {
            for (let balance = 0; ; balance++) yield { balance }
          } finally {
            ended.open('ended')
          }
        },
      })
      for await (const { balance } of caller.client().watch({})) if (balance === 2) break
      expect(await ended.wait).to.equal('ended')
      await turns()
      expect(caller.calls.isIdle && callee.calls.isIdle).to.equal(true)
    })

    it('before they were sent, send nothing', async () => {
      callee.serve({ open: () => ({}) })
      const error = await rejection(caller.client().open({}, { signal: AbortSignal.abort() }))
      expect(error).to.include({ code: 'CANCELLED', sent: false })
      await turns()
      expect(callee.received).to.deep.equal([])
    })

    it('and answered meanwhile, drop the answer and count it', async () => {
      const answer = gate<object>()
      callee.serve({ open: () => answer.wait })
      const controller = new AbortController()
      const open = caller.client().open({}, { signal: controller.signal })
      await turns()
      answer.open({})
      await Promise.resolve()
      await Promise.resolve()
      controller.abort()
      await rejection(open)
      await turns()
      expect(callStats(caller.calls.counts, caller.calls.underWay).dropped).to.equal(1)
      expect(caller.faults).to.deep.equal([])
    })

    it('are any number with one signal, which has one listener for all of them', async () => {
      callee.serve({ open: never })
      const controller = new AbortController()
      const { signal } = controller
      let listeners = 0
      const add = signal.addEventListener.bind(signal)
      signal.addEventListener = (...args: [never, never]) => {
        listeners++
        add(...args)
      }
      const open = Array.from({ length: 100 }, () => rejection(caller.client().open({}, { signal })))
      await turns()
      controller.abort()
      for (const error of await Promise.all(open)) expect(error).to.include({ code: 'CANCELLED' })
      expect(listeners).to.equal(1) // Node takes the eleventh for a leak.
      await turns()
      expect(caller.calls.isIdle && callee.calls.isIdle).to.equal(true)
    })

    it('leave no listener on a signal that lives on', async () => {
      callee.serve({ open: () => ({}) })
      const { signal } = new AbortController()
      let listeners = 0
      const [add, remove] = [signal.addEventListener, signal.removeEventListener]
      signal.addEventListener = (...args: [never, never]) => {
        listeners++
        add.apply(signal, args)
      }
      signal.removeEventListener = (...args: [never, never]) => {
        listeners--
        remove.apply(signal, args)
      }
      for (let i = 0; i < 3; i++) await caller.client().open({}, { signal })
      expect(listeners).to.equal(0)
    })
  })

  describe('with a deadline', () => {
    it('end on both sides, and the handler’s signal says why', async () => {
      const reason = gate<unknown>()
      callee.serve({
        open: (_, { signal, timeLeftMs }: CallContext) => {
          expect(timeLeftMs).to.be.within(1, 30)
          signal.addEventListener('abort', () => reason.open(signal.reason))
          return never()
        },
      })
      const error = await rejection(caller.client().open({}, { timeoutMs: 30 }))
      expect(error).to.include({ code: 'DEADLINE_EXCEEDED', sent: true })
      expect((await reason.wait) as CallError)
        .to.have.property('code')
        .that.is.oneOf(['DEADLINE_EXCEEDED', 'CANCELLED'])
      expect(callee.messages[0]).to.have.property('timeoutMs').that.is.within(1, 30)
    })

    it('are late at once where nothing of their time is left, as what a handler hands on may be', async () => {
      callee.serve({ open: () => ({}) })
      for (const timeoutMs of [0, -5, Number.NEGATIVE_INFINITY]) {
        const late = { code: 'DEADLINE_EXCEEDED', sent: false }
        expect(await rejection(caller.client().open({}, { timeoutMs }))).to.include(late)
        expect(await rejection(caller.client().watch({}, { timeoutMs }).next())).to.include(late)
      }
      expect((await caller.client().open({}, { timeoutMs: 2 ** 60 })).$name).to.equal('Account')
      await turns()
      expect(callee.messages.length).to.equal(1)
    })

    it('end at the callee alone, where the caller is not heard', async () => {
      const reason = gate<unknown>()
      callee.serve({
        open: (_, { signal }: CallContext) => {
          caller.isStuck = true
          signal.addEventListener('abort', () => reason.open(signal.reason))
          return never()
        },
      })
      const open = rejection(caller.client().open({}, { timeoutMs: 20 }))
      expect((await reason.wait) as CallError).to.include({ code: 'DEADLINE_EXCEEDED' })
      await open
    })

    it('have one by default where there is one answer, and none where there are many', async () => {
      ;({ caller, callee } = callPair(protocol, { callTimeoutMs: 20 }))
      callee.serve({
        open: never,
        async *watch() {
          await turns(1)
          await new Promise((resolve) => setTimeout(resolve, 60))
          yield { balance: 1 }
        },
      })
      const answers = caller.client().watch({})
      expect(await rejection(caller.client().open({}))).to.include({ code: 'DEADLINE_EXCEEDED' })
      expect((await answers.next()).value.balance).to.equal(1)
    })

    it('take the signal of AbortSignal.timeout for one', async () => {
      callee.serve({ open: never })
      expect(await rejection(caller.client().open({}, { signal: AbortSignal.timeout(10) }))).to.include({
        code: 'DEADLINE_EXCEEDED',
      })
    })

    it('end in their order, whatever the order in which they began', async () => {
      callee.serve({ open: never })
      caller.isStuck = true // The callee has a clock of its own, and would say so too.
      const client = caller.client()
      const order: number[] = []
      await Promise.all(
        [300, 20, 160].map((timeoutMs) => rejection(client.open({}, { timeoutMs })).then(() => order.push(timeoutMs))),
      )
      expect(order).to.deep.equal([20, 160, 300])
    })

    it('end in their order where several are late at once', () => {
      const ended: number[] = []
      const calls = [{ due: 3 }, { due: 9 }, { due: 1 }, { due: 8 }, { due: 2 }]
      expect(endLate(calls, 5, ({ due }) => ended.push(due))).to.equal(8)
      expect(ended).to.deep.equal([1, 2, 3])
    })
  })

  describe('that fail', () => {
    for (const code of Object.keys(CALL_CODES) as (keyof typeof CALL_CODES)[]) {
      it(`bring ${code} as the handler threw it`, async () => {
        const details = [{ typeUrl: 'type.googleapis.com/x.Y', value: Buffer.from([1, 2]) }]
        callee.serve({
          open: () => {
            throw new CallError(code, 'why', { details, metadata: { hint: 'later' } })
          },
        })
        const error = await rejection(caller.client().open({}))
        expect(error).to.be.instanceOf(CallError)
        expect({ ...error }).to.deep.equal({ code, details, metadata: { hint: 'later' }, sent: true, lost: false })
        expect(error.message).to.equal('why')
      })
    }

    it('say nothing of what a handler threw that is no CallError, and report it on its side', async () => {
      const secret = new Error('password is 1234')
      callee.serve({
        open: async () => {
          throw secret
        },
        close: () => {
          throw 'a string'
        },
        // biome-ignore lint/correctness/useYield: it throws before.
        async *watch() {
          throw secret
        },
      })
      const client = caller.client()
      for (const fail of [() => client.open({}), () => client.close({}), () => client.watch({}).next()]) {
        const error = await rejection(fail())
        expect(error).to.include({ code: 'INTERNAL' })
        expect(error.message).not.to.include('1234').and.not.to.include('a string')
      }
      expect(callee.reports).to.deep.equal([secret, 'a string', secret])
    })

    it('say of an answer that cannot be sent that it is INTERNAL, and report where', async () => {
      callee.serve({ open: () => ({ name: 5 }), close: () => null, watch: () => [{ balance: 'x' }] })
      const client = caller.client()
      for (const failed of [client.open({}), client.close({}), client.watch({}).next()])
        expect(await rejection(failed)).to.include({ code: 'INTERNAL' })
      expect(callee.reports).to.have.lengthOf(3)
      expect(callee.reports[0]).to.include({ code: 'ERR_QBP_INVALID_MESSAGE', field: 'name' })
    })

    it('are INTERNAL where a handler’s promise is none of Node’s and throws, and others go on', async () => {
      const bug = new Error('a bug')
      const throwing = {
        // biome-ignore lint/suspicious/noThenProperty: what is tried.
        then() {
          throw bug
        },
      }
      const hiding = {
        // biome-ignore lint/suspicious/noThenProperty: what is tried.
        get then() {
          throw bug
        },
      }
      callee.serve({
        open: ({ name }: { name: string }) => (name === '' ? throwing : hiding),
        close: () => ({ id: 1 }),
      })
      const client = caller.client()
      for (const name of ['', 'ann'])
        expect(await rejection(client.open({ name }))).to.include({
          code: 'INTERNAL',
          message: 'accounts.Accounts/Open failed',
        })
      expect(callee.reports).to.deep.equal([bug, bug])
      expect((await client.close({})).id).to.equal(1n)
    })

    it('are INTERNAL where what is to travel with an answer cannot, and blame no caller', async () => {
      const add = (context: CallContext, value: unknown) => {
        context.answerMetadata.x = value as string
      }
      for (const value of [5, undefined, '\ud800', 'x'.repeat(9_000)]) {
        ;({ caller, callee } = callPair(protocol))
        callee.serve({
          open: (_, context: CallContext) => add(context, value),
          async *watch(_, context: CallContext) {
            yield {}
            add(context, value)
          },
        })
        expect(await rejection(caller.client().open({}))).to.include({ code: 'INTERNAL' })
        const answers = caller.client().watch({})
        await answers.next()
        expect(await rejection(answers.next())).to.include({ code: 'INTERNAL' })
        expect(callee.reports.length).to.equal(2)
      }
    })

    it('are refused with the field’s path where the request cannot be sent, and nothing of it is', async () => {
      callee.serve({ open: () => ({}) })
      const error = await rejection(caller.client().open({ name: 5 }))
      expect(error).to.include({ code: 'INVALID_ARGUMENT', sent: false })
      expect(error).to.have.nested.property('cause.field', 'name')
      await turns()
      expect(callee.received).to.deep.equal([])
      expect(caller.calls.isIdle).to.equal(true)
    })

    it('are INVALID_ARGUMENT where the request does not decode, INTERNAL where the answer does not', async () => {
      callee.serve({ open: () => ({}) })
      const open = caller.client().open({ name: 'ann' })
      await turns()
      const [call] = callee.received
      const [reply] = caller.received
      expect(await open).to.be.an('object')
      // The field 1, text, of one byte more than there is.
      callee.arrive(Buffer.from((call as string).replace('0a03616e6e', '0a04616e6e').replace('0801', '0809'), 'hex'))
      await turns()
      expect(caller.messages.at(-1)).to.include({ id: 9, code: CALL_CODES.INVALID_ARGUMENT })
      caller.isStuck = true
      const again = caller.client().open({})
      caller.arrive(Buffer.from(`00f100000006 0802 7a02 1205`.replaceAll(' ', ''), 'hex'))
      expect(reply).to.be.a('string')
      expect(await rejection(again)).to.include({ code: 'INTERNAL' })
    })

    it('are UNIMPLEMENTED where nobody serves the method, or the service', async () => {
      callee.serve({ open: () => ({}) })
      expect(await rejection(caller.client().close({}))).to.include({ code: 'UNIMPLEMENTED' })
      expect(await rejection(callee.client().open({}))).to.include({ code: 'UNIMPLEMENTED' })
    })

    it('of an unknown code are UNKNOWN, as in gRPC', async () => {
      callee.serve({ open: never })
      const open = caller.client().open({})
      await turns()
      caller.arrive(Buffer.from('00f100000005 0801 2099 01'.replaceAll(' ', ''), 'hex'))
      expect(await rejection(open)).to.include({ code: 'UNKNOWN' })
    })
  })

  describe('whose connection ends', () => {
    it('say whether the request was sent', async () => {
      callee.serve({ open: never })
      const sent = rejection(caller.client().open({}))
      await turns()
      caller.isStuck = true
      const unsent = rejection(caller.client().open({}))
      await turns()
      caller.die()
      expect(await sent).to.include({ code: 'UNKNOWN', sent: true, lost: true })
      expect(await unsent).to.include({ code: 'UNAVAILABLE', sent: false, lost: true })
      expect(await rejection(caller.client().open({}))).to.include({ code: 'UNAVAILABLE', sent: false })
    })

    it('abort every handler, and drop its answer', async () => {
      const aborted = gate<unknown>()
      const answer = gate<object>()
      callee.serve({
        open: (_, { signal }: CallContext) => {
          signal.addEventListener('abort', () => aborted.open(signal.reason))
          return answer.wait
        },
      })
      void rejection(caller.client().open({}))
      await turns()
      callee.die(new Error('reset'))
      expect(await aborted.wait).to.include({ code: 'UNAVAILABLE' })
      answer.open({})
      await turns()
      expect(callee.calls.isIdle).to.equal(true)
      caller.die()
    })

    it('end streams with what had come, given up', async () => {
      callee.serve({
        async *watch() {
          yield { balance: 1 }
          await never()
        },
      })
      const answers = caller.client().watch({})
      await turns()
      const first = answers.next()
      caller.die()
      expect((await first).value.balance).to.equal(1)
      expect(await rejection(answers.next())).to.include({ code: 'UNKNOWN' })
      expect(await answers.next()).to.deep.equal({ value: undefined, done: true })
    })

    it('on the peer’s side only, fail the calls and let handlers answer', async () => {
      const answer = gate<object>()
      caller.serve({ open: () => answer.wait })
      callee.serve({ open: never })
      const mine = rejection(caller.client().open({}))
      const theirs = callee.client().open({})
      await turns()
      caller.calls.unanswered(null) // The callee has ended its side: it will answer nothing, and hears.
      expect(await mine).to.include({ code: 'UNKNOWN' })
      expect(await rejection(caller.client().open({}))).to.include({ code: 'UNAVAILABLE', sent: false })
      answer.open({ name: 'late' })
      expect((await theirs).name).to.equal('late')
    })
  })

  describe('that drain', () => {
    it('finish what is under way and take no more', async () => {
      const answer = gate<object>()
      callee.serve({ open: () => answer.wait, close: () => ({}) })
      const open = caller.client().open({})
      await turns()
      let isDrained = false
      const drained = callee.calls.drain().then(() => {
        isDrained = true
      })
      expect(await rejection(caller.client().close({}))).to.include({ code: 'UNAVAILABLE' })
      expect(await rejection(callee.client().open({}))).to.include({ code: 'UNAVAILABLE', sent: false })
      expect(isDrained).to.equal(false)
      answer.open({ name: 'ann' })
      expect((await open).name).to.equal('ann')
      await drained
    })
  })

  describe('with limits', () => {
    it('refuse calls beyond maxCalls, and take them again when some have ended', async () => {
      ;({ caller, callee } = callPair(protocol, { maxCalls: 2 }))
      const gates = [gate<object>(), gate<object>()]
      let count = 0
      callee.serve({ open: () => gates[count++]?.wait ?? {} })
      const client = caller.client()
      const first = [client.open({}), client.open({})]
      const error = await rejection(client.open({}))
      expect(error).to.include({ code: 'RESOURCE_EXHAUSTED' })
      expect(error.message).to.include('maxCalls')
      gates[0]?.open({})
      await first[0]
      await client.open({})
      gates[1]?.open({})
      expect(callStats(callee.calls.counts, callee.calls.underWay)).to.deep.include({ refused: 1 })
    })

    it('refuse metadata beyond maxMetadataBytes, their own and the peer’s', async () => {
      callee.serve({ open: () => ({}) })
      const metadata = { a: 'x'.repeat(8_191) }
      await caller.client().open({}, { metadata })
      const own = await rejection(caller.client().open({}, { metadata: { ...metadata, b: '' } }))
      expect(own).to.include({ code: 'RESOURCE_EXHAUSTED', sent: false })
      const wide = callPair(protocol)
      const strict = callPair(protocol, { maxMetadataBytes: 10 })
      wide.caller.other = strict.callee
      strict.callee.other = wide.caller
      strict.callee.serve({ open: () => ({}) })
      expect(await rejection(wide.caller.client().open({}, { metadata }))).to.include({ code: 'RESOURCE_EXHAUSTED' })
    })

    it('cut off a peer that uses the id of a call under way', async () => {
      callee.serve({ open: never })
      void rejection(caller.client().open({}))
      await turns()
      callee.arrive(Buffer.from(callee.received[0] as string, 'hex'))
      expect(callee.faults.map(({ code }) => code)).to.deep.equal(['ERR_QBP_BAD_CALL'])
      caller.die()
    })

    it('cut off a peer whose parts are no protobuf', () => {
      callee.arrive(Buffer.from('00f000000003 0801 1a'.replaceAll(' ', ''), 'hex'))
      expect(callee.faults.map(({ code }) => code)).to.deep.equal(['ERR_QBP_INVALID_BODY'])
    })

    for (const [option, value] of [
      ['maxCalls', 0],
      ['maxMetadataBytes', -1],
      ['callWindowBytes', FIRST_WINDOW - 1],
      ['callTimeoutMs', 0],
    ] as const) {
      it(`refuse ${option}: ${value}`, () => {
        expect(() => callPair(protocol, { [option]: value })).to.throw(option)
      })
    }
  })

  describe('with metadata', () => {
    it('bring it to the handler, and back with the end', async () => {
      callee.serve({
        open: (_, context: CallContext) => {
          context.answerMetadata.cost = '3'
          return { name: JSON.stringify(context.metadata) }
        },
      })
      let back = {}
      const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
      const account = await caller.client({ metadata: { traceparent, who: 'all' } }).open(
        {},
        {
          metadata: { who: 'ann', __proto__x: 'é' },
          onMetadata: (metadata: Record<string, string>) => {
            back = metadata
          },
        },
      )
      expect(JSON.parse(account.name)).to.deep.equal({ traceparent, who: 'ann', __proto__x: 'é' })
      expect(back).to.deep.equal({ cost: '3' })
    })

    it('take any key for a key', async () => {
      callee.serve({ open: (_, { metadata }: CallContext) => ({ name: Object.entries(metadata).join() }) })
      const metadata = JSON.parse('{ "__proto__": "own", "constructor": "too" }')
      const account = await caller.client().open({}, { metadata: Object.assign(Object.create(null), metadata) })
      expect(account.name).to.include('constructor,too')
    })

    it('go on where the function that is shown it throws, which is reported', async () => {
      callee.serve({
        open: (_, { answerMetadata }: CallContext) => {
          answerMetadata.cost = '3'
        },
      })
      const bug = new Error('a bug')
      const onMetadata = () => {
        throw bug
      }
      expect(plain(await caller.client().open({}, { onMetadata }))).to.deep.equal({ $name: 'Account' })
      expect(caller.reports).to.deep.equal([bug])
    })

    it('refuse what is no text', async () => {
      callee.serve({ open: () => ({}) })
      for (const metadata of [{ a: 5 }, { a: '\ud800' }, { '\ud800': '' }, { a: undefined }]) {
        const error = await rejection(caller.client().open({}, { metadata: metadata as never }))
        expect(error).to.include({ code: 'INVALID_ARGUMENT', sent: false })
      }
    })
  })

  describe('are refused before anything is sent', () => {
    it('for options of a name that is none', () => {
      expect(() => caller.client({ timeout: 5 } as never)).to.throw('did you mean timeoutMs?')
      expect(() => caller.client().open({}, { timout: 5 } as never)).to.throw('no option timout')
      for (const timeoutMs of [Number.NaN, '5', null] as never[])
        expect(() => caller.client().open({}, { timeoutMs })).to.throw('timeoutMs')
    })

    it('for a signal, metadata or a function that is none', () => {
      callee.serve({ open: () => ({}) })
      const wrong = [{ signal: null }, { signal: {} }, { onMetadata: 5 }]
      const hidden = [null, 'abc', new Map([['a', 'b']]), new Headers({ a: 'b' }), [['a', 'b']]]
      for (const settings of [...wrong, ...hidden.map((metadata) => ({ metadata }))] as never[])
        expect(() => caller.client().open({}, settings))
          .to.throw()
          .with.property('code', 'ERR_QBP_BAD_OPTION')
      for (const metadata of hidden as never[])
        expect(() => caller.client({ metadata }))
          .to.throw()
          .with.property('code', 'ERR_QBP_BAD_OPTION')
      expect(caller.calls.isIdle).to.equal(true)
    })

    it('for handlers of a method that is none, or served twice', () => {
      expect(() => callee.serve({ opn: () => ({}) })).to.throw('did you mean open?')
      callee.serve({ open: () => ({}) })
      expect(() => callee.serve({ open: () => ({}) })).to.throw('is served on this connection already')
      expect(() => callee.serve({ close: 5 as never })).to.throw('not a function')
    })
  })

  describe('over ids that come round', () => {
    it('leave out those that are under way', async () => {
      callee.serve({ open: ({ name }) => (name === 'first' ? never() : { name }) })
      Object.assign(caller.calls.dialect, { idStep: 2 ** 31 })
      void rejection(caller.client().open({ name: 'first' }))
      for (const name of ['next', 'again', 'more']) expect((await caller.client().open({ name })).name).to.equal(name)
      expect(callee.messages.map(({ id }) => id)).to.deep.equal([1, 2 ** 31 + 1, 2 ** 31 + 1, 2 ** 31 + 1])
      caller.die()
    })
  })
})

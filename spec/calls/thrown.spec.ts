import { expect } from 'chai'
import { Protocol, QbpReadable } from '../../lib/index.ts'
import { thrownThings } from '../support/thrown-things.ts'
import { callPair, loadAccounts, rejection } from './support.ts'

describe('a call', () => {
  for (const [what, thing] of thrownThings) {
    it(`ends, and nothing else does, whoever throws ${what} in it`, async () => {
      const protocol = await loadAccounts()
      const { caller, callee } = callPair(protocol)
      callee.serve({
        async open({ name }) {
          if (name === 'wait') await new Promise(() => {})
          throw thing
        },
        // biome-ignore lint/correctness/useYield: it throws before.
        async *watch() {
          throw thing
        },
        async deposit(updates) {
          for await (const _ of updates);
          return {}
        },
      })
      const client = caller.client()
      const codeOf = async (ended: Promise<unknown>) => (await rejection(ended)).code

      // The handler.
      expect(await codeOf(client.open({}))).to.equal('INTERNAL')
      const loop = async () => {
        for await (const _ of client.watch({}));
      }
      expect(await codeOf(loop())).to.equal('INTERNAL')
      expect(callee.reports).to.deep.equal([thing, thing])

      // The requests.
      // biome-ignore lint/correctness/useYield: it throws before.
      const requests = async function* () {
        throw thing
      }
      expect(await codeOf(client.deposit(requests()))).to.equal('INVALID_ARGUMENT')

      // The signal's reason, before and while it is under way.
      for (const early of [true, false]) {
        const giving = new AbortController()
        if (early) giving.abort(thing)
        const code = codeOf(client.open({ name: 'wait' }, { signal: giving.signal }))
        giving.abort(thing)
        expect(await code).to.equal('CANCELLED')
      }

      // An interceptor.
      const intercepted = caller.client({
        interceptors: [
          () => {
            throw thing
          },
        ],
      })
      expect(await codeOf(intercepted.open({}))).to.equal('INTERNAL')
    })
  }
})

describe('a hook between body and message', () => {
  for (const [what, thing] of thrownThings) {
    it(`says what is wrong where it throws ${what}`, async () => {
      const hook = {
        read: () => {
          throw thing
        },
        write: () => {
          throw thing
        },
      }
      const protocol = await Protocol.load('schemas/chat.proto', { body: hook })
      expect(() => protocol.frame({ $name: 'Say', text: 'hi' })).to.throw(/body\.write has thrown: ./)
      const reader = new QbpReadable(protocol, { role: 'server' })
      const failed = rejection(reader.readMessage())
      reader.end(Buffer.from('00030000000412026869', 'hex'))
      expect(await failed).to.include({ code: 'ERR_QBP_INVALID_BODY' })
    })
  }
})

import { once } from 'node:events'
import { mock } from 'node:test'
import { expect } from 'chai'
import { localBus, QbpError, type Session, Sessions } from '../../lib/index.ts'
import { bytes, codeOf, overBothEngines, text, until } from '../support/engines.ts'

interface State {
  name: string
}

describe('Sessions', () => {
  overBothEngines((bus, engine) => {
    it('open and resume, with what was saved, on any node', async () => {
      const [a, b] = [new Sessions<State>(await bus()), new Sessions<State>(await bus())]
      const session = await a.open({ name: 'ann' })
      expect(session.token).to.match(/^[\w-]{32}$/)
      await session.save({ name: 'Ann' })
      await session.release()
      expect(await codeOf(session.save({ name: 'late' }))).to.equal('ERR_QBP_CLOSED')
      const again = await b.resume(session.token)
      expect(again?.state).to.deep.equal({ name: 'Ann' })
      expect([a.size, b.size]).to.deep.equal([0, 1])
    })

    it('are released with their last state, unless they are served elsewhere by then', async () => {
      const [a, b] = [new Sessions<State>(await bus()), new Sessions<State>(await bus())]
      const session = await a.open({ name: 'ann' })
      await session.release({ name: 'Ann' })
      const again = await b.resume(session.token)
      expect(again?.state).to.deep.equal({ name: 'Ann' })
      const now = await a.resume(session.token)
      await now?.save({ name: 'new' })
      await again?.release({ name: 'late' })
      expect(again?.signal.aborted).to.equal(true)
      await now?.release()
      expect((await b.resume(session.token))?.state).to.deep.equal({ name: 'new' })
    })

    it('are ended where they were when they are resumed elsewhere, and fenced off there', async () => {
      const [busA, busB] = [await bus(), await bus()]
      const [a, b] = [new Sessions<State>(busA), new Sessions<State>(busB)]
      const old = await a.open({ name: 'ann' })
      const now = await b.resume(old.token)
      expect(old.signal.aborted).to.equal(true)
      expect(old.signal.reason).to.have.property('code', 'ERR_QBP_SESSION_MOVED')
      expect(await codeOf(old.save({ name: 'late' }))).to.equal('ERR_QBP_SESSION_MOVED')
      await old.end()
      await old.release()
      await now?.save({ name: 'new' })
      const [x, y] = await Promise.all([a.resume(old.token), b.resume(old.token)])
      await until(() => [x, y].filter((each) => each?.signal.aborted).length === 1)
      expect([x?.state, y?.state]).to.deep.equal([{ name: 'new' }, { name: 'new' }])
    })

    it('fence off a node that could not be reached', async () => {
      const [busA, busB] = [await bus(), await bus()]
      const [a, b] = [new Sessions<State>(busA), new Sessions<State>(busB)]
      const old = await a.open({ name: 'ann' })
      busB.send = () => Promise.reject(new Error('it hangs'))
      const now = await b.resume(old.token)
      expect(old.signal.aborted).to.equal(false)
      const late = [old.save({ name: 'late' }), old.save({ name: 'later' })]
      expect(await Promise.all(late.map(codeOf))).to.deep.equal(['ERR_QBP_SESSION_MOVED', 'ERR_QBP_SESSION_MOVED'])
      expect(old.signal.aborted).to.equal(true)
      await now?.save({ name: 'new' })
      expect(now?.state).to.deep.equal({ name: 'new' })
    })

    it('cannot be resumed once they have ended, have run out, or never were', async () => {
      const sessions = new Sessions<State>(await bus(), { ttlMs: 200 })
      const [ended, away] = [await sessions.open({ name: 'ann' }), await sessions.open({ name: 'ben' })]
      await ended.end()
      expect(await sessions.resume(ended.token)).to.equal(null)
      await away.release()
      await new Promise((resolve) => setTimeout(resolve, 250))
      expect(await sessions.resume(away.token)).to.equal(null)
      const forged = [
        '',
        '>',
        'x'.repeat(32),
        'x'.repeat(10_000),
        ended.token.toLowerCase(),
        null as never,
        {} as never,
      ]
      for (const token of forged) expect(await sessions.resume(token)).to.equal(null)
    })

    it('stay while they are served, also over an absence of the engine and the loss of all it had', async () => {
      const [busA, busB] = [await bus(), await bus()]
      const [a, b] = [new Sessions<State>(busA, { ttlMs: 300 }), new Sessions<State>(busB, { ttlMs: 300 })]
      const session = await a.open({ name: 'ann' })
      await new Promise((resolve) => setTimeout(resolve, 500))
      await engine().down()
      await until(() => !busA.isUp)
      expect(await codeOf(session.save({ name: 'lost' }))).to.equal('ERR_QBP_BUS_DOWN')
      await engine().up({ lost: true })
      await session.save({ name: 'Ann' })
      expect((await b.resume(session.token))?.state).to.deep.equal({ name: 'Ann' })
      await until(() => session.signal.aborted)
    })

    it('are handed over with what was not saved yet', async () => {
      const [busA, busB] = [await bus(), await bus()]
      const latest = { name: 'as it is now' }
      const a = new Sessions<State>(busA, { beforeMove: () => latest })
      const b = new Sessions<State>(busB)
      const old = await a.open({ name: 'saved' })
      expect((await b.resume(old.token))?.state).to.deep.equal(latest)
      expect(old.signal.aborted).to.equal(true)
      const here = new Sessions<State>(busB, { beforeMove: ({ state }) => ({ name: `${state.name}!` }) })
      const own = await here.open({ name: 'own' })
      expect((await here.resume(own.token))?.state).to.deep.equal({ name: 'own!' })
      const bug = new Sessions<State>(busA, {
        beforeMove: () => {
          throw new Error('a bug in beforeMove')
        },
      })
      const warned = once(process, 'warning')
      const kept = await bug.open({ name: 'saved' })
      expect((await b.resume(kept.token))?.state).to.deep.equal({ name: 'saved' })
      expect(String(await warned)).to.include('a bug in beforeMove')
    })

    it('are resumed although their node does not answer', async () => {
      const [busA, busB] = [await bus(), await bus()]
      const [a, b] = [new Sessions<State>(busA), new Sessions<State>(busB)]
      const old = await a.open({ name: 'ann' })
      busB.send = () => new Promise(() => {})
      expect((await b.resume(old.token))?.state).to.deep.equal({ name: 'ann' })
    })

    it('are found, reached and ended on whichever node they are served', async () => {
      const [busA, busB] = [await bus({ node: 'a' }), await bus({ node: 'b' })]
      const heard: string[] = []
      const a = new Sessions<State>(busA, {
        onMessage: ({ state }, message) => heard.push(`${state.name}: ${text(message)}`),
      })
      const b = new Sessions<State>(busB)
      const session = await a.open({ name: 'ann' })
      const { token } = session
      for (const sessions of [a, b]) {
        expect(await sessions.where(token)).to.equal('a')
        expect(await sessions.send(token, bytes('hello\nthere'))).to.equal(true)
      }
      await until(() => heard.length === 2)
      expect(heard).to.deep.equal(['ann: hello\nthere', 'ann: hello\nthere'])
      expect(await b.end(token)).to.equal(true)
      await until(() => session.signal.aborted)
      expect(session.signal.reason).to.have.property('code', 'ERR_QBP_CLOSED')
      expect([await b.end(token), await b.where(token), await b.send(token, bytes('x'))]).to.deep.equal([
        false,
        null,
        false,
      ])
      expect(await b.resume(token)).to.equal(null)
    })

    it('notice when the bus is back that another node has taken them over', async () => {
      const [busA, busB] = [await bus(), await bus()]
      const [a, b] = [new Sessions<State>(busA), new Sessions<State>(busB)]
      const old = await a.open({ name: 'ann' })
      busB.send = () => Promise.reject(new Error('cut off'))
      await b.resume(old.token)
      busA.emit('up')
      await until(() => old.signal.aborted)
    })

    it('end, or are released, for good although it is not known whether the last write was done', async () => {
      const [busA, busB] = [await bus(), await bus()]
      const [a, b] = [new Sessions<State>(busA), new Sessions<State>(busB)]
      const { store } = busA
      const put = store.put.bind(store)
      const inDoubt = async (session: Session<State>, isDone: boolean) => {
        store.put = async (key, value, options) => {
          store.put = put
          if (isDone) await put(key, value, options)
          throw new QbpError('ERR_QBP_BUS_TIMEOUT', 'its acknowledgement got lost')
        }
        expect(await codeOf(session.save({ name: 'Ann' }))).to.equal('ERR_QBP_BUS_TIMEOUT')
      }
      for (const isDone of [true, false]) {
        const [ends, leaves] = [await a.open({ name: 'ann' }), await a.open({ name: 'ann' })]
        await inDoubt(ends, isDone)
        await ends.end()
        expect(await b.resume(ends.token)).to.equal(null)
        await inDoubt(leaves, isDone)
        await leaves.release({ name: 'last' })
        const [back, node] = [await b.resume(leaves.token), await b.where(leaves.token)]
        expect([back?.state, node]).to.deep.equal([{ name: 'last' }, busB.node])
      }
      expect(a.size).to.equal(0)
    })

    it('are released when their node leaves', async () => {
      const [a, b] = [new Sessions<State>(await bus()), new Sessions<State>(await bus())]
      const { token } = await a.open({ name: 'ann' })
      await a.close()
      expect(a.size).to.equal(0)
      expect((await b.resume(token))?.state).to.deep.equal({ name: 'ann' })
    })
  })

  it('run out by a test’s mocked timers', async () => {
    const timers = mock.timers
    timers.enable({ apis: ['setTimeout'] })
    try {
      const bus = localBus()
      const sessions = new Sessions<State>(bus, { ttlMs: 60_000 })
      const changes: (string | null)[] = []
      const [away, served] = [await sessions.open({ name: 'ann' }), await sessions.open({ name: 'ben' })]
      await away.release()
      timers.tick(59_999)
      const back = await sessions.resume(away.token)
      expect(back?.state).to.deep.equal({ name: 'ann' })
      await back?.release()
      await bus.store.watch([], ({ value }) => changes.push(value && text(value)))
      for (let n = 0; n < 12; n++) {
        timers.tick(10_000)
        for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve))
      }
      expect(await sessions.resume(away.token)).to.equal(null)
      expect(changes.filter((change) => change === null).length).to.equal(1)
      expect((await sessions.resume(served.token))?.state).to.deep.equal({ name: 'ben' }) // renewed meanwhile
      await bus.close()
    } finally {
      timers.reset()
    }
  })

  it('keep no token in the store', async () => {
    await using bus = localBus()
    const keys: string[] = []
    await bus.store.watch([], ({ key, value }) => keys.push(key.join(), Buffer.from(value ?? []).toString()))
    const session = await new Sessions(bus).open({})
    await until(() => keys.length > 0)
    expect(keys.join()).not.to.include(session.token)
  })

  it('refuse bad options', () => {
    for (const ttlMs of [0, 1.5, 2 ** 40])
      expect(() => new Sessions(localBus(), { ttlMs }))
        .to.throw()
        .with.property('code', 'ERR_QBP_BAD_OPTION')
  })
})

import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'chai'
import type { Position } from '../../lib/bus/contract.ts'
import { BusGroup, Sessions } from '../../lib/index.ts'
import { bytes, overBothEngines, until } from '../support/engines.ts'
import { Client, protocol, say } from '../support/grid.ts'

const context = new AsyncLocalStorage<string>()

describe('the listeners of a bus run in nobody’s context', () => {
  overBothEngines((join, engine) => {
    const seen = new Map<string, Set<string | undefined>>()
    const note = (what: string) => {
      seen.set(what, (seen.get(what) ?? new Set()).add(context.getStore()))
    }
    const expectNobody = (...whats: string[]) => {
      for (const what of whats) expect([...(seen.get(what) ?? ['not called'])], what).to.deep.equal([undefined])
    }
    beforeEach(() => seen.clear())

    it('for frames, live, sent and out of logs, for changes of the store, and for up and down', async () => {
      // All that is shared is made and filled in somebody's context.
      const [a, b] = await context.run('connecting', async () => [await join({ node: 'a' }), await join({ node: 'b' })])
      const first = (await context.run('publishing', () => a.publish('log', bytes('0'), { durable: true }))) as Position
      await context.run('subscribing', async () => {
        await b.subscribe('room', () => note('live'))
        await b.subscribe('log', () => note('log since now'), { since: 'now' })
        await b.subscribe('log', () => note('log since first'), { since: 'first' })
        await b.subscribe('log', () => note('log since a place'), { since: first })
        await b.store.watch(['k'], ({ value }) => note(value === null ? 'expiry' : 'watch'))
        b.on('frame', () => note('frame'))
        b.on('down', () => note('down')).on('up', () => note('up'))
      })
      await context.run('publishing', async () => {
        await a.publish('room', bytes('1'))
        for (let n = 0; n < 3; n++) await a.publish('log', bytes(`${n}`), { durable: true })
        await a.send('b', bytes('1'))
        await a.store.put(['k', '0'], bytes('1'), { ttlMs: 50 })
      })
      await context.run('sending', () => b.send('b', bytes('to itself')))
      await until(() => ['live', 'watch', 'frame', 'expiry'].every((what) => seen.has(what)))
      await context.run('operating', async () => {
        await engine().down()
        await until(() => !b.isUp)
        await engine().up()
      })
      await until(() => seen.has('up') && a.isUp)
      await context.run('publishing', () => a.publish('log', bytes('last'), { durable: true }))
      await until(() => seen.has('log since now'))
      expectNobody('live', 'log since now', 'log since first', 'log since a place', 'watch', 'frame', 'expiry')
      // Whoever takes a local hub away is the caller of its listeners.
      if (seen.get('up')?.has(undefined)) expectNobody('down', 'up')
    })

    it('of groups and sessions as well', async () => {
      const [a, b] = await context.run('connecting', async () => [await join({ node: 'a' }), await join({ node: 'b' })])
      const make = (on: typeof a) =>
        new BusGroup(protocol, on, 'hall', {
          durable: true,
          presenceTtlMs: 200,
          stamp: (message, position) => {
            if (position.mark !== '0'.repeat(40)) note('stamp') // else it is tried, in the call of `broadcast`
            return message as never
          },
        })
      const [near, far] = await context.run('making', () => [make(a), make(b)] as const)
      near.on('join', () => note('join')).on('leave', () => note('leave'))
      const [ann, ben] = [new Client(), new Client()]
      ann.onHeard = () => note('a member hears')
      const beforeMove = () => {
        note('beforeMove')
        return {}
      }
      const options = { onMessage: () => note('onMessage'), beforeMove }
      const [here, there] = [new Sessions(a, options), new Sessions(b, options)]
      await context.run('ann', () => near.join(ann.writer, { name: 'ann' }))
      await context.run('ben', () => far.join(ben.writer, { name: 'ben' }))
      const session = await context.run('ann', () => here.open({}))
      session.signal.addEventListener('abort', () => note('abort'))
      await context.run('ben', async () => {
        await far.broadcast(say('1'))
        await near.broadcast(say('2'))
        await there.send(session.token, bytes('x'))
        await there.resume(session.token)
      })
      await until(() => ann.heard.length === 2 && ben.heard.length === 2)
      await context.run('ben', async () => far.leave(ben.writer))
      while (!seen.has('leave')) await pause(5)
      await until(() => seen.has('abort'))
      expectNobody('stamp', 'join', 'leave', 'onMessage', 'beforeMove', 'abort', 'a member hears')
      await Promise.all([near.close(), far.close(), here.close(), there.close()])
    })
  })
})

import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'chai'
import { BusGroup, localBus, type Presence } from '../../lib/index.ts'
import { codeOf, overBothEngines, text, until } from '../support/engines.ts'
import { Client, protocol } from '../support/grid.ts'

describe('the presence of groups', () => {
  const quick = { presenceTtlMs: 300 }
  const namesOf = async (group: { members(): Promise<Presence[]> }) =>
    (await group.members()).map(({ name, node }) => `${name}@${node}`).sort()
  const become = async (group: { members(): Promise<Presence[]> }, ...names: string[]) => {
    while (String(await namesOf(group)) !== String(names)) await pause(5)
  }

  overBothEngines((bus, engine) => {
    it('takes one entry of the store per node, whatever the number of groups', async () => {
      const [a, b] = [await bus({ node: 'a' }), await bus({ node: 'b' })]
      const keys = new Set<string>()
      const groups = Array.from({ length: 20 }, (_, n) => [a, b].map((on) => new BusGroup(protocol, on, `${n}`)))
      await Promise.all(groups.flat().map((group) => group.join(new Client().writer, { name: 'ann' })))
      for (const [group] of groups) await become(group as BusGroup<typeof protocol>, 'ann@a', 'ann@b')
      const watch = await a.store.watch(['presence'], ({ key }) => keys.add(key.join()))
      expect([...keys].map((key) => key.split(',')[1]).sort()).to.deep.equal(['a', 'b'])
      watch.close()
      await Promise.all(groups.flat().map((group) => group.close()))
    })

    it('lists more members of one group than one frame holds, several of one name among them', async () => {
      const [a, b] = [await bus({ node: 'a' }), await bus({ node: 'b' })]
      await using near = new BusGroup(protocol, a, 'hall')
      await using far = new BusGroup(protocol, b, 'hall')
      const long = 'x'.repeat(500)
      const names = Array.from({ length: 2500 }, (_, n) => `${long}${n % 2400}`)
      await Promise.all(names.map((name) => far.join(new Client().writer, { name })))
      await until(() => far.size === names.length)
      while ((await near.members()).length < names.length) await pause(5)
      expect((await near.members()).map(({ name }) => name).sort()).to.deep.equal(names.sort())
    })

    it('emits join and leave, of this node and of others', async () => {
      const [a, b] = [await bus({ node: 'a' }), await bus({ node: 'b' })]
      await using here = new BusGroup(protocol, a, 'hall', quick)
      const there = new BusGroup(protocol, b, 'hall', quick)
      const [ann, ben, cleo] = [new Client(), new Client(), new Client()]
      await there.join(ben.writer, { name: 'ben' })
      const seen: string[] = []
      here.on('join', ({ name, node }) => seen.push(`+${name}@${node}`))
      here.on('leave', ({ name, node }) => seen.push(`-${name}@${node}`))
      await until(() => seen.length === 1)
      await here.join(ann.writer, { name: 'ann' })
      await there.join(cleo.writer, { name: 'cleo' })
      await until(() => seen.length === 3)
      cleo.writer.destroy()
      await until(() => seen.length === 4)
      await there.close()
      await until(() => seen.length === 5)
      expect(seen).to.deep.equal(['+ben@b', '+ann@a', '+cleo@b', '-cleo@b', '-ben@b'])
    })

    it('forgets a node that died, though its own link flaps, and no node for a silence of the engine', async () => {
      const [a, b, c] = [await bus({ node: 'a' }), await bus({ node: 'b' }), await bus({ node: 'c' })]
      await using here = new BusGroup(protocol, a, 'hall', quick)
      await using lives = new BusGroup(protocol, b, 'hall', quick)
      const dies = new BusGroup(protocol, c, 'hall', quick)
      await lives.join(new Client().writer, { name: 'ben' })
      await dies.join(new Client().writer, { name: 'cleo' })
      await become(here, 'ben@b', 'cleo@c')
      const left: string[] = []
      here.on('leave', ({ name }) => left.push(name))
      await engine().down()
      await pause(700)
      await engine().up()
      expect(await namesOf(here)).to.deep.equal(['ben@b', 'cleo@c'])
      await c.close()
      for (let n = 0; n < 100 && left.length === 0; n++) {
        a.emit('up') // as a link that comes and goes does
        await pause(30)
      }
      expect(left).to.deep.equal(['cleo'])
      await become(here, 'ben@b')
      await dies.close()
    })

    it('distinguishes a new process from the old one of its name', async () => {
      const [watcher, old, young] = [await bus({ node: 'w' }), await bus({ node: 'x' }), await bus({ node: 'x' })]
      await using here = new BusGroup(protocol, watcher, 'hall', quick)
      const before = new BusGroup(protocol, old, 'hall', quick)
      await using after = new BusGroup(protocol, young, 'hall', quick)
      await before.join(new Client().writer, { name: 'ann' })
      await after.join(new Client().writer, { name: 'ben' })
      await become(here, 'ann@x', 'ben@x')
      await before.close()
      await become(here, 'ben@x')
      await pause(400)
      expect(await namesOf(here)).to.deep.equal(['ben@x'])
    })

    it('begins anew with a group that was closed and made again', async () => {
      const [a, b] = [await bus({ node: 'a' }), await bus({ node: 'b' })]
      await using here = new BusGroup(protocol, a, 'hall', quick)
      await using keeps = new BusGroup(protocol, b, 'other', quick)
      await keeps.join(new Client().writer, { name: 'x' })
      for (const name of ['ann', 'ben', 'cleo']) {
        const there = new BusGroup(protocol, b, 'hall', quick)
        await there.join(new Client().writer, { name })
        await become(here, `${name}@b`)
        await there.close()
        await become(here)
      }
    })

    it('stays with who enters while the last one’s lease is being released', async () => {
      const [a, b] = [await bus({ node: 'a' }), await bus({ node: 'b' })]
      await using here = new BusGroup(protocol, a, 'hall', { presenceTtlMs: 60_000 }) // No renewal makes good what a release breaks.
      const left: string[] = []
      here.on('leave', ({ name }) => left.push(name))
      await here.members()
      const { store } = b
      const put = store.put.bind(store)
      let letGo = () => {}
      const held = new Promise<void>((resolve) => {
        letGo = resolve
      })
      const written: string[] = []
      store.put = async (key, value, options) => {
        if (written.push(text(value)) === 1) await held
        return put(key, value, options)
      }
      const before = new BusGroup(protocol, b, 'hall', { presenceTtlMs: 60_000 })
      await before.join(new Client().writer, { name: 'ann' })
      await become(here, 'ann@b')
      const closed = before.close()
      await until(() => b.listenerCount('up') === 0) // It has left, but for the lease.
      await using after = new BusGroup(protocol, b, 'hall', { presenceTtlMs: 60_000 })
      await after.join(new Client().writer, { name: 'ben' })
      letGo()
      await closed
      await become(here, 'ben@b')
      await after.join(new Client().writer, { name: 'cleo' }) // All that was sent before has come with this one.
      await become(here, 'ben@b', 'cleo@b')
      expect([left, written.filter((each) => each.includes('gone'))]).to.deep.equal([['ann'], []])
    })

    it('passes from a group that is being closed to the next one of its channel', async () => {
      const [a, b] = [await bus({ node: 'a' }), await bus({ node: 'b' })]
      await using here = new BusGroup(protocol, a, 'hall', { presenceTtlMs: 60_000 })
      await here.members()
      const { now } = Date
      const at = now()
      Date.now = () => at // All of it may fall into one millisecond.
      try {
        let there = new BusGroup(protocol, b, 'hall')
        await there.join(new Client().writer, { name: 'ann' })
        await become(here, 'ann@b')
        for (const name of ['ben', 'cleo', 'dan', null]) {
          const closed = there.close()
          there = new BusGroup(protocol, b, 'hall')
          if (name !== null) await there.join(new Client().writer, { name })
          await closed
          await become(here, ...(name === null ? [] : [`${name}@b`]))
        }
        await there.close()
      } finally {
        Date.now = now
      }
    })

    it('can be off', async () => {
      const [a, b] = [await bus({ node: 'a' }), await bus({ node: 'b' })]
      await using here = new BusGroup(protocol, a, 'hall', quick)
      await using silent = new BusGroup(protocol, b, 'hall', { presence: false })
      await silent.join(new Client().writer, { name: 'ann' })
      expect(await namesOf(here)).to.deep.equal([])
      expect(await codeOf(silent.members())).to.equal('ERR_QBP_BAD_OPTION')
    })
  })

  it('leaves the store alone once a group has closed, also one that was beginning to watch', async () => {
    await using bus = localBus()
    const group = new BusGroup(protocol, bus, 'hall', quick)
    group.on('leave', () => {})
    await group.close()
    let calls = 0
    const { store } = bus
    store.get = store.put = (() => Promise.reject(new Error(`call ${++calls}`))) as never
    await pause(100)
    expect(calls).to.be.lessThan(3)
  })

  it('adds no listener to the bus per group', async () => {
    await using bus = localBus()
    const groups = Array.from({ length: 50 }, (_, n) => new BusGroup(protocol, bus, `${n}`))
    expect(bus.listenerCount('up') + bus.listenerCount('frame')).to.be.lessThan(4)
    await Promise.all(groups.map((group) => group.close()))
    expect(bus.listenerCount('up') + bus.listenerCount('frame')).to.equal(0)
  })
})

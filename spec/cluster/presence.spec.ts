import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'chai'
import { BusGroup, localBus, type Presence } from '../../lib/index.ts'
import { codeOf, overBothEngines, until } from '../support/engines.ts'
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

    it('can be off', async () => {
      const [a, b] = [await bus({ node: 'a' }), await bus({ node: 'b' })]
      await using here = new BusGroup(protocol, a, 'hall', quick)
      await using silent = new BusGroup(protocol, b, 'hall', { presence: false })
      await silent.join(new Client().writer, { name: 'ann' })
      expect(await namesOf(here)).to.deep.equal([])
      expect(await codeOf(silent.members())).to.equal('ERR_QBP_BAD_OPTION')
    })
  })

  it('adds no listener to the bus per group', async () => {
    await using bus = localBus()
    const groups = Array.from({ length: 50 }, (_, n) => new BusGroup(protocol, bus, `${n}`))
    expect(bus.listenerCount('up') + bus.listenerCount('frame')).to.be.lessThan(4)
    await Promise.all(groups.map((group) => group.close()))
    expect(bus.listenerCount('up') + bus.listenerCount('frame')).to.equal(0)
  })
})

import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import { joinAll } from '../../lib/cluster/join-all.ts'
import { BusGroup, formatPosition, localBus, type Position, parsePosition } from '../../lib/index.ts'
import { codeOf, overBothEngines, until } from '../support/engines.ts'
import { Client, protocol, say } from '../support/grid.ts'

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => String(from + i))

describe('BusGroup', () => {
  it('refuses bad options', () => {
    const options = [
      { slow: 'wait' as never },
      { durable: true, slow: 'skip' as const },
      { stamp: () => say('') },
      { maxBodyBytes: 0 },
      { presenceTtlMs: 1 },
      { durible: true } as never,
    ]
    for (const each of options)
      expect(() => new BusGroup(protocol, localBus(), 'lobby', each))
        .to.throw()
        .with.property('code', 'ERR_QBP_BAD_OPTION')
  })

  overBothEngines((bus, engine) => {
    const position = (message: object, at: Position) => ({
      ...message,
      $name: 'Said' as const,
      position: formatPosition(at),
    })
    const live = { presenceTtlMs: 600 }
    const durable = { presenceTtlMs: 600, durable: true, stamp: position }

    it('reaches the members on all nodes once when live, with one subscription on each', async () => {
      const [busA, busB] = [await bus(), await bus()]
      let subscriptions = 0
      const { subscribe } = busB
      busB.subscribe = ((...args: Parameters<typeof subscribe>) => {
        subscriptions++
        return subscribe.apply(busB, args)
      }) as typeof subscribe
      await using a = new BusGroup(protocol, busA, 'lobby', live)
      await using b = new BusGroup(protocol, busB, 'lobby', live)
      const [a1, a2, b1, b2] = [new Client(), new Client(), new Client(), new Client()]
      await Promise.all([a.join(a1.writer), a.join(a2.writer), b.join(b1.writer), b.join(b2.writer)])
      await a.broadcast(say('1'))
      await a.broadcast(say('2'), { except: a1.writer })
      await until(() => a2.heard.length === 2 && b1.heard.length === 2 && b2.heard.length === 2)
      await b.broadcast(say('3'), { except: b1.writer })
      await until(() => a1.heard.length === 2 && a2.heard.length === 3 && b2.heard.length === 3)
      expect([a1.heard, a2.heard, b1.heard, b2.heard]).to.deep.equal([
        ['1', '3'],
        ['1', '2', '3'],
        ['1', '2'],
        ['1', '2', '3'],
      ])
      expect(subscriptions).to.equal(1)
    })

    it('refuses a live message while the engine is away, and then nobody gets it', async () => {
      const busA = await bus()
      await using a = new BusGroup(protocol, busA, 'lobby', live)
      const a1 = new Client()
      await a.join(a1.writer)
      await engine().down()
      await until(() => !busA.isUp)
      expect(await codeOf(a.broadcast(say('1')))).to.equal('ERR_QBP_BUS_DOWN')
      await engine().up()
      await a.broadcast(say('2'))
      await until(() => a1.heard.length === 1)
      expect(a1.heard).to.deep.equal(['2'])
    })

    it('has one order for all when durable, whoever publishes, and leaves out the one excepted', async () => {
      const [busA, busB] = [await bus(), await bus()]
      await using a = new BusGroup(protocol, busA, 'lobby', durable)
      await using b = new BusGroup(protocol, busB, 'lobby', durable)
      const [a1, b1, b2] = [new Client(), new Client(), new Client()]
      await a.join(a1.writer)
      await b.join(b1.writer)
      await b.join(b2.writer)
      await Promise.all(
        numbers(1, 50).map((n) => {
          const group = Number(n) % 2 ? a : b
          return group.broadcast(say(n), n === '10' ? { except: b1.writer } : {})
        }),
      )
      await until(() => a1.heard.length === 50 && b1.heard.length === 49 && b2.heard.length === 50)
      expect(b2.heard).to.deep.equal(a1.heard)
      expect(b1.heard).to.deep.equal(a1.heard.filter((n) => n !== '10'))
      expect(a1.heard.toSorted()).to.deep.equal(numbers(1, 50).toSorted())
      expect(b2.positions).to.deep.equal(a1.positions)
    })

    it('gives a client that comes back, on any node, all that it missed while more is sent, in order and once', async () => {
      const [busA, busB] = [await bus(), await bus()]
      await using a = new BusGroup(protocol, busA, 'lobby', durable)
      await using b = new BusGroup(protocol, busB, 'lobby', durable)
      const [first, other] = [new Client(), new Client()]
      const start = await a.join(first.writer, { name: 'ann' })
      await b.join(other.writer)
      await a.broadcast(say('1'))
      await a.broadcast(say('2'))
      await until(() => first.heard.length === 2)
      expect(parsePosition(first.positions[1] ?? '').offset > (start?.offset ?? 0n)).to.equal(true)
      first.writer.destroy()
      let n = 2
      let isTalking = true
      const talking = (async () => {
        while (isTalking) {
          await Promise.all([a.broadcast(say(String(++n))), a.broadcast(say(String(++n)))])
          await turn()
        }
      })()
      await until(() => n > 100)
      // Three come back at once, from different places, to both nodes.
      const back = [0, 1, 1].map((seen, i) => ({ seen, client: new Client(), group: i === 2 ? a : b }))
      await Promise.all(
        back.map(({ seen, client, group }) =>
          group.join(client.writer, { name: 'ann', since: parsePosition(first.positions[seen] ?? '') }),
        ),
      )
      for (const { client } of back) await until(() => client.heard.length > 50)
      const joinedAt = n
      await until(() => n > joinedAt + 20)
      isTalking = false
      await talking
      for (const { seen, client } of back) {
        await until(() => client.heard.at(-1) === String(n))
        expect(client.heard).to.deep.equal(numbers(seen + 2, n))
      }
      await until(() => other.heard.length === n)
    })

    it('goes on from the place that join returned, without a stamp', async () => {
      const { stamp: _, ...unstamped } = durable
      await using group = new BusGroup(protocol, await bus(), 'lobby', unstamped)
      const a = new Client()
      const start = (await group.join(a.writer)) as Position
      a.writer.destroy()
      for (const n of numbers(1, 5)) await group.broadcast(say(n))
      const again = new Client()
      await group.join(again.writer, { since: start })
      await until(() => again.heard.length === 5)
      expect(again.heard).to.deep.equal(numbers(1, 5))
    })

    it('gives a large past to a slow reader piece by piece, and does not drop it for that', async () => {
      await using group = new BusGroup(protocol, await bus(), 'lobby', { ...durable })
      const a = new Client({ reads: false, maxQueuedBytes: 200_000 })
      const text = 'x'.repeat(1000)
      const start = (await group.broadcast(say('0'))) as Position
      await Promise.all(numbers(1, 1000).map((n) => group.broadcast(say(`${n} ${text}`))))
      const joined = group.join(a.writer, { since: start })
      await until(() => a.writer.writableLength > 90_000) // A past is given up to half of what may wait.
      await new Promise((resolve) => setTimeout(resolve, 20))
      expect(a.writer.writableLength).to.be.lessThan(200_000)
      a.read()
      await joined
      await until(() => a.heard.length === 1000)
      expect(a.heard.map((each) => each.split(' ')[0])).to.deep.equal(numbers(1, 1000))
    })

    it('drops a slow client with the place to go on from, and the others lose no time', async () => {
      await using group = new BusGroup(protocol, await bus(), 'lobby', { ...durable })
      const [quick, stuck] = [new Client(), new Client({ reads: false, maxQueuedBytes: 100_000 })]
      await group.join(quick.writer)
      await group.join(stuck.writer)
      const text = 'x'.repeat(1000)
      await Promise.all(numbers(1, 200).map((n) => group.broadcast(say(`${n} ${text}`))))
      await until(() => quick.heard.length === 200 && stuck.fault !== undefined)
      expect(stuck.fault).to.have.property('code', 'ERR_QBP_QUEUE_FULL')
      const { position: at } = stuck.fault as Error & { position: string }
      const again = new Client()
      await group.join(again.writer, { since: parsePosition(at) })
      await until(() => again.heard.at(-1)?.startsWith('200 ') ?? false)
      expect(again.positions).to.deep.equal(quick.positions.slice(quick.positions.indexOf(at) + 1))
    })

    it('rejects a client that comes back too late, or from nowhere', async () => {
      await using group = new BusGroup(protocol, await bus({ logMaxFrames: 10 }), 'lobby', durable)
      const start = (await group.broadcast(say('1'))) as Position
      for (const n of numbers(2, 30)) await group.broadcast(say(n))
      for (const since of [start, { ...start, offset: 1000n }, { epoch: 'other', offset: 3n }]) {
        const late = new Client()
        expect(await codeOf(group.join(late.writer, { since }))).to.equal('ERR_QBP_GAP')
        expect([late.heard, late.writer.destroyed]).to.deep.equal([[], false])
      }
      expect(group.size).to.equal(0)
    })

    it('shows a snapshot to a newcomer, and to one that comes back too late, which goes on from there', async () => {
      await using group = new BusGroup(protocol, await bus({ logMaxFrames: 10 }), 'lobby', durable)
      const start = (await group.broadcast(say('1'))) as Position
      let at = start
      for (const n of numbers(2, 30)) at = (await group.broadcast(say(n))) as Position
      const shown: string[] = []
      const show = (name: string, place: Position | undefined) => async () => {
        shown.push(name)
        await turn()
        return place
      }
      const clients = [new Client(), new Client(), new Client(), new Client()]
      const [late, fresh, quick, empty] = clients as [Client, Client, Client, Client]
      await group.join(late.writer, { since: start, snapshot: show('late', at) })
      await group.join(fresh.writer, { snapshot: show('new', at) })
      await group.join(quick.writer, { since: at, snapshot: show('quick', at) })
      await group.join(empty.writer, { snapshot: () => undefined })
      expect(shown).to.deep.equal(['late', 'new'])
      await group.broadcast(say('31'))
      await until(() => clients.every(({ heard }) => heard.length > 0))
      for (const { heard } of clients) expect(heard).to.deep.equal(['31'])

      // What was said while the snapshot was made is not missed.
      const during = new Client()
      await group.join(during.writer, {
        snapshot: async () => {
          const place = (await group.broadcast(say('32'))) as Position
          await group.broadcast(say('33'))
          return place
        },
      })
      await until(() => during.heard.length === 1)
      expect(during.heard).to.deep.equal(['33'])

      const failing = new Client()
      const fault = Object.assign(new Error('no snapshot'), { code: 'MINE' })
      expect(await codeOf(group.join(failing.writer, { snapshot: () => Promise.reject(fault) }))).to.equal('MINE')
      const wrong = [{ since: null }, { since: {} }, { since: { last: 1, epoch: 'x' } }, { snapshot: 'all' }]
      for (const options of [...wrong, { snapshot: () => 'all' }, { snapshot: () => null }, { snapshot: () => ({}) }])
        expect(await codeOf(group.join(failing.writer, options as never))).to.equal('ERR_QBP_BAD_OPTION')
      expect(group.has(failing.writer)).to.equal(false)
      expect(group.has(failing.writer)).to.equal(false)
    })

    it('ends a member that cannot be given a message, and lets nobody pass it over', async () => {
      const busA = await bus()
      await using group = new BusGroup(protocol, busA, 'lobby', { durable: true })
      const a = new Client()
      const since = await group.join(a.writer)
      await busA.publish('lobby', new Uint8Array([7]), { durable: true })
      await until(() => a.fault !== undefined)
      expect(a.fault).to.have.property('code', 'ERR_QBP_INVALID_BODY')
      const again = new Client()
      expect(await codeOf(group.join(again.writer, { since: since as Position }))).to.equal('ERR_QBP_INVALID_BODY')
    })

    it('drops its members when the log is lost under them', async () => {
      const busA = await bus()
      await using group = new BusGroup(protocol, busA, 'lobby', durable)
      const a = new Client()
      await group.join(a.writer)
      await group.broadcast(say('1'))
      await until(() => a.heard.length === 1)
      await engine().down()
      await engine().up({ lost: true })
      await until(() => a.fault !== undefined)
      expect(a.fault).to.have.property('code', 'ERR_QBP_GAP')
      const again = new Client()
      expect(await codeOf(group.join(again.writer, { since: parsePosition(a.positions[0] ?? '') }))).to.equal(
        'ERR_QBP_GAP',
      )
      await group.join(again.writer)
      await group.broadcast(say('2'))
      await until(() => again.heard.length === 1)
    })

    it('gives a newcomer all that is kept, or the last of it', async () => {
      await using group = new BusGroup(protocol, await bus(), 'lobby', durable)
      await Promise.all(numbers(1, 300).map((n) => group.broadcast(say(n))))
      for (const [since, first] of [
        ['first', 1],
        [{ last: 7 }, 294],
        [{ last: 1 }, 300],
        [{ last: 300 }, 1],
        [{ last: 1000 }, 1],
      ] as const) {
        const client = new Client()
        await group.join(client.writer, { since })
        await until(() => client.heard.at(-1) === '300')
        expect(client.heard).to.deep.equal(numbers(first, 300))
      }
      expect(await codeOf(group.join(new Client().writer, { since: { last: 0 } }))).to.equal('ERR_QBP_BAD_OPTION')
    })

    it('leaves out the connection that is excepted, not others of its name', async () => {
      await using group = new BusGroup(protocol, await bus(), 'lobby', durable)
      const [one, two] = [new Client(), new Client()]
      await group.join(one.writer, { name: 'ann' })
      await group.join(two.writer, { name: 'ann' })
      await group.broadcast(say('1'), { except: one.writer })
      await group.broadcast(say('2'))
      await until(() => one.heard.length === 1 && two.heard.length === 2)
      expect([one.heard, two.heard]).to.deep.equal([['2'], ['1', '2']])
    })

    it('refuses a durable message that cannot be stamped before it is stored', async () => {
      const stamp = (message: object, at: Position) => {
        if ((message as { text: string }).text === 'bad') throw new RangeError('a bug')
        return position(message, at)
      }
      await using group = new BusGroup(protocol, await bus(), 'lobby', { ...durable, stamp })
      const client = new Client()
      await group.join(client.writer)
      expect(await codeOf(group.broadcast(say('bad')))).to.equal('RangeError')
      await group.broadcast(say('good'))
      await until(() => client.heard.length === 1)
      expect([client.heard, client.fault]).to.deep.equal([['good'], undefined])
    })

    it('names the group where a connection joins twice, and where it is cut off', async () => {
      await using group = new BusGroup(protocol, await bus(), 'lobby', durable)
      const [twice, stuck] = [new Client(), new Client({ reads: false, maxQueuedBytes: 10_000 })]
      await group.join(twice.writer)
      const refusal = await group.join(twice.writer).catch((error: Error) => error)
      expect(refusal).to.be.instanceOf(Error).with.property('message').that.includes('"lobby"')
      await group.join(stuck.writer)
      await Promise.all(numbers(1, 30).map((n) => group.broadcast(say(`${n} ${'x'.repeat(1000)}`))))
      await until(() => stuck.fault !== undefined)
      expect(stuck.fault).to.include({ code: 'ERR_QBP_QUEUE_FULL', channel: 'lobby' })
    })

    it('reaches the members of a name on whichever node, and cuts them off', async () => {
      const [busA, busB] = [await bus({ node: 'a' }), await bus({ node: 'b' })]
      for (const options of [live, durable]) {
        const lobby = `reached ${'durable' in options}`
        await using a = new BusGroup(protocol, busA, lobby, options)
        await using b = new BusGroup(protocol, busB, lobby, options)
        const [ann, ben, other] = [new Client(), new Client(), new Client()]
        await a.join(ann.writer, { name: 'ann' })
        await b.join(ben.writer, { name: 'ann' })
        await b.join(other.writer, { name: 'other' })
        // What a node has just said of itself takes a moment to the others.
        while ((await a.members()).length < 3 || (await b.members()).length < 3) await turn()
        expect(await a.send('ann', say('to ann'))).to.equal(2)
        expect(await b.send('nobody', say('x'))).to.equal(0)
        await until(() => ann.heard.length === 1 && ben.heard.length === 1)
        await a.broadcast(say('to all'))
        await until(() => ben.heard.length === 2 && other.heard.length === 1)
        expect(await b.disconnect('ann')).to.equal(2)
        await until(() => ann.fault !== undefined && ben.fault !== undefined)
        expect([ann.fault, ben.fault].map((fault) => (fault as Error & { code: string }).code)).to.deep.equal([
          'ERR_QBP_CLOSED',
          'ERR_QBP_CLOSED',
        ])
        expect([other.heard, other.fault]).to.deep.equal([['to all'], undefined])
      }
    })

    it('lets a client come back to all of its rooms in one call', async () => {
      const rooms = await bus()
      const groups = ['x', 'y', 'z'].map((room) => new BusGroup(protocol, rooms, room, durable))
      const client = new Client()
      const positions = await joinAll(
        client.writer,
        groups.map((group) => ({ group, name: 'ann' })),
      )
      client.writer.destroy()
      for (const group of groups) await group.broadcast(say(group.channel))
      const again = new Client()
      const back = await joinAll(
        again.writer,
        positions.map(({ group, position }, n) => ({
          group,
          name: 'ann',
          since: n === 1 ? { epoch: 'other', offset: 1n } : (position as Position),
        })),
      )
      await until(() => again.heard.length === 2)
      expect(again.heard.toSorted()).to.deep.equal(['x', 'z'])
      expect(back.map(({ gap }) => gap?.code)).to.deep.equal([undefined, 'ERR_QBP_GAP', undefined])
      expect(groups.map(({ size }) => size)).to.deep.equal([1, 1, 1])
      await groups[2]?.close()
      const third = new Client()
      expect(
        await codeOf(
          joinAll(
            third.writer,
            groups.map((group) => ({ group })),
          ),
        ),
      ).to.equal('ERR_QBP_CLOSED')
      expect(groups.map((group) => group.has(third.writer))).to.deep.equal([false, false, false])
      await Promise.all(groups.map((group) => group.close()))
    })

    it('lets timers and sockets have their turn, however many broadcasts are awaited', async () => {
      for (const options of [live, durable]) {
        await using group = new BusGroup(protocol, await bus(), `turns ${'durable' in options}`, options)
        await group.join(new Client().writer)
        let fired = 0
        const timer = setInterval(() => fired++, 1)
        for (let n = 0; n < 2000; n++) await group.broadcast(say('x'))
        clearInterval(timer)
        expect(fired).to.be.greaterThan(0)
      }
    })

    it('knows which member is on which node, and forgets a node that goes', async () => {
      const [busA, busB, busC] = [await bus({ node: 'a' }), await bus({ node: 'b' }), await bus({ node: 'c' })]
      await using a = new BusGroup(protocol, busA, 'lobby', live)
      await using c = new BusGroup(protocol, busC, 'lobby', live)
      const b = new BusGroup(protocol, busB, 'lobby', live)
      const namesNow = async () => (await c.members()).map(({ name, node }) => `${name}@${node}`).sort()
      const become = async (...names: string[]) => {
        while (String(await namesNow()) !== String(names)) await new Promise((resolve) => setTimeout(resolve, 2))
      }
      expect(await namesNow()).to.deep.equal([])
      const [ann, ben, cleo] = [new Client(), new Client(), new Client()]
      await a.join(ann.writer, { name: 'ann' })
      await b.join(ben.writer, { name: 'ben' })
      await b.join(cleo.writer, { name: 'cleo' })
      await become('ann@a', 'ben@b', 'cleo@b')
      ben.writer.destroy()
      await become('ann@a', 'cleo@b')
      // The leases run out while nobody can renew them: that says nothing about the nodes.
      await engine().down()
      await new Promise((resolve) => setTimeout(resolve, 700))
      expect(await namesNow()).to.deep.equal(['ann@a', 'cleo@b'])
      await engine().up()
      expect(await namesNow()).to.deep.equal(['ann@a', 'cleo@b'])
      await busB.close() // without a word of the group's
      await become('ann@a')
      await a.close()
      await become()
      await b.close()
    })
  })
})

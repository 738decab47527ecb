import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'chai'
import type { Change, Gap, Position } from '../../lib/bus/contract.ts'
import { decodePosition, encodePosition } from '../../lib/bus/position.ts'
import { bytes, codeOf, overBothEngines, text, until } from '../support/engines.ts'

describe('a bus', () => {
  overBothEngines((join, engine) => {
    describe('live', () => {
      it('delivers to every other node, in order, and not to the publishing one', async () => {
        const [a, b, c] = [await join(), await join(), await join()]
        const heard: string[][] = [[], [], []]
        for (const [i, bus] of [a, b, c].entries()) {
          await bus.subscribe('room', (frame) => heard[i]?.push(text(frame)))
        }
        for (let n = 0; n < 100; n++) await a.publish('room', bytes(`${n}`))
        await b.publish('room', bytes('end'))
        await until(() => heard[0]?.length === 1 && heard[1]?.length === 100 && heard[2]?.length === 101)
        const sent = Array.from({ length: 100 }, (_, n) => `${n}`)
        expect(heard[0]).to.deep.equal(['end'])
        expect(heard[1]).to.deep.equal(sent)
        expect(heard[2]?.filter((each) => each !== 'end')).to.deep.equal(sent)
      })

      it('keeps channels apart whatever their names hold', async () => {
        const [a, b] = [await join(), await join()]
        const names = [
          'a',
          'A',
          '>',
          '*',
          '.',
          'a.b',
          'a.*',
          'a.>',
          ' ',
          '\r\n',
          '\0',
          '$SYS',
          '_',
          '_61',
          '/',
          '\\',
          '..',
          'é',
          '房间',
          '🙂',
        ]
        names.push('long'.repeat(128), `${'long'.repeat(127)}lona`)
        const heard: string[] = []
        for (const name of names) await b.subscribe(name, (frame) => heard.push(`${name}: ${text(frame)}`))
        for (const name of names) await a.publish(name, bytes(name))
        await until(() => heard.length >= names.length)
        expect(heard).to.deep.equal(names.map((name) => `${name}: ${name}`))
      })

      it('refuses names that are empty, too long, or not text', async () => {
        const bus = await join()
        for (const name of ['', 'x'.repeat(513), '\ud800', 7 as never, null as never]) {
          expect(await codeOf(bus.publish(name, bytes('')))).to.equal('ERR_QBP_BAD_NAME')
          expect(await codeOf(bus.publish(name, bytes(''), { durable: true }))).to.equal('ERR_QBP_BAD_NAME')
          expect(await codeOf(bus.subscribe(name, () => {}))).to.equal('ERR_QBP_BAD_NAME')
          expect(await codeOf(bus.send(name, bytes('')))).to.equal('ERR_QBP_BAD_NAME')
          expect(await codeOf(bus.store.get([name]))).to.equal('ERR_QBP_BAD_NAME')
        }
      })

      it('carries a frame of maxFrameBytes and refuses one byte more', async () => {
        const [a, b] = [await join(), await join()]
        const sizes: number[] = []
        await b.subscribe('big', (frame) => sizes.push(frame.length))
        await a.publish('big', new Uint8Array(a.maxFrameBytes))
        await a.publish('big', new Uint8Array(0))
        await a.publish('big', new Uint8Array(a.maxFrameBytes), { durable: true })
        expect(await codeOf(a.publish('big', new Uint8Array(a.maxFrameBytes + 1)))).to.equal('ERR_QBP_TOO_LONG')
        await until(() => sizes.length === 2)
        expect(sizes).to.deep.equal([a.maxFrameBytes, 0])
      })

      it('goes on when a listener throws, and reports it', async () => {
        const [a, b] = [await join(), await join()]
        const errors: unknown[] = []
        const heard: string[] = []
        b.on('error', (error) => errors.push(error))
        await b.subscribe('room', () => {
          throw new Error('a bug')
        })
        await b.subscribe('room', (frame) => heard.push(text(frame)))
        await a.publish('room', bytes('1'))
        await a.publish('room', bytes('2'))
        await until(() => heard.length === 2 && errors.length === 2)
        expect(errors.map(String)).to.deep.equal(['Error: a bug', 'Error: a bug'])
      })

      it('calls no listener after close', async () => {
        const [a, b] = [await join(), await join()]
        const heard: string[] = []
        const first = await b.subscribe('room', (frame) => {
          heard.push(`first ${text(frame)}`)
          first.close()
        })
        await b.subscribe('room', (frame) => heard.push(text(frame)))
        await a.publish('room', bytes('1'))
        await a.publish('room', bytes('2'))
        await until(() => heard.includes('2'))
        expect(heard.filter((each) => each.startsWith('first'))).to.deep.equal(['first 1'])
      })
    })

    describe('the log', () => {
      it('gives all readers one order, with offsets that rise', async () => {
        const [a, b] = [await join(), await join()]
        const read: string[][] = [[], []]
        for (const [i, bus] of [a, b].entries()) {
          await bus.subscribe('log', (frame, position) => read[i]?.push(`${position.offset} ${text(frame)}`), {
            since: 'now',
            echo: true,
          })
        }
        const work = [a, b].flatMap((bus, i) =>
          Array.from({ length: 50 }, (_, n) => bus.publish('log', bytes(`${i}:${n}`), { durable: true })),
        )
        const offsets = (await Promise.all(work)).map((position) => position.offset)
        await until(() => read.every((each) => each.length === 100))
        expect(read[0]).to.deep.equal(read[1])
        expect(read[0]?.map((each) => BigInt(each.split(' ')[0] as string))).to.deep.equal(
          [...offsets].sort((x, y) => Number(x - y)),
        )
        expect(offsets.slice(0, 50)).to.deep.equal([...offsets.slice(0, 50)].sort((x, y) => Number(x - y)))
        expect(new Set(offsets).size).to.equal(100)
      })

      it('leaves own publications out unless echo asks for them, and moves the position over them', async () => {
        const [a, b] = [await join(), await join()]
        const heard: string[] = []
        const subscription = await a.subscribe('log', (frame) => heard.push(text(frame)), { since: 'first' })
        await a.publish('log', bytes('own'), { durable: true })
        const last = await b.publish('log', bytes('other'), { durable: true })
        await until(() => heard.length === 1)
        const own = await a.publish('log', bytes('own'), { durable: true })
        await until(() => subscription.position?.offset === own.offset)
        expect(heard).to.deep.equal(['other'])
        expect(own.epoch).to.equal(last.epoch)
        expect(own.offset > last.offset).to.equal(true)
      })

      it('resumes after any position, without gap or repetition', async () => {
        const [a, b] = [await join(), await join()]
        const positions: Position[] = []
        for (let n = 1; n <= 20; n++) positions.push(await a.publish('log', bytes(`${n}`), { durable: true }))
        b.on('gap', () => expect.fail('there is no gap'))
        const asBytes = positions.map((position) => decodePosition(encodePosition(position)))
        for (const [i, since] of [...positions.entries(), ...asBytes.entries()]) {
          const heard: string[] = []
          await b.subscribe('log', (frame) => heard.push(text(frame)), { since, onCaughtUp: () => heard.push('all') })
          await until(() => heard.at(-1) === 'all')
          expect(heard).to.deep.equal([...Array.from({ length: 19 - i }, (_, n) => `${i + n + 2}`), 'all'])
        }
      })

      it('resumes after the place where nothing was yet', async () => {
        const [a, b] = [await join(), await join()]
        await a.publish('another', bytes('x'), { durable: true })
        b.on('gap', () => expect.fail('there is no gap'))
        const subscription = await b.subscribe('log', () => {}, { since: 'now' })
        const since = subscription.position as Position
        subscription.close()
        await a.publish('another', bytes('y'), { durable: true })
        for (const each of ['1', '2']) await a.publish('log', bytes(each), { durable: true })
        const heard: string[] = []
        await b.subscribe('log', (frame) => heard.push(text(frame)), { since })
        await until(() => heard.length === 2)
        expect(heard).to.deep.equal(['1', '2'])
      })

      it('resumes where still nothing is, whatever others have published meanwhile', async () => {
        const [a, b] = [await join(), await join()]
        b.on('gap', () => expect.fail('there is no gap'))
        const subscription = await b.subscribe('log', () => {}, { since: 'now' })
        const since = subscription.position as Position
        subscription.close()
        for (let n = 0; n < 5; n++) await a.publish('another', bytes(`${n}`), { durable: true })
        const heard: string[] = []
        await b.subscribe('log', (frame) => heard.push(text(frame)), { since, onCaughtUp: () => heard.push('all') })
        await until(() => heard.length === 1)
        await a.publish('log', bytes('1'), { durable: true })
        await until(() => heard.length === 2)
        expect(heard).to.deep.equal(['all', '1'])
      })

      it('keeps the order of what is published at once, each frame with a place of its own', async () => {
        const [a, b] = [await join(), await join()]
        const sent = Array.from({ length: 3000 }, (_, n) => `${n}`)
        const positions = await Promise.all(sent.map((each) => a.publish('log', bytes(each), { durable: true })))
        const offsets = positions.map(({ offset }) => offset)
        expect(offsets).to.deep.equal([...new Set(offsets)].sort((x, y) => (x < y ? -1 : 1)))
        for (const i of [0, 1, 2, 500, 1500, 2998]) {
          const heard: string[] = []
          const subscription = await b.subscribe('log', (frame) => heard.push(text(frame)), {
            since: positions[i] as Position,
            onGap: () => expect.fail('there is no gap'),
          })
          await until(() => heard.length === sent.length - i - 1)
          expect(heard).to.deep.equal(sent.slice(i + 1))
          subscription.close()
        }
      })

      it('reports a gap, exactly, where the log was trimmed', async () => {
        const options = { logMaxFrames: 5 }
        const [a, b] = [await join(options), await join(options)]
        const positions: Position[] = []
        for (let n = 1; n <= 8; n++) positions.push(await a.publish('log', bytes(`${n}`), { durable: true }))
        const [first, , third] = positions as [Position, Position, Position]
        const log: unknown[] = []
        const whole: Gap[] = []
        b.on('gap', (gap) => whole.push(gap))
        await b.subscribe('log', (frame) => log.push(text(frame)), {
          since: first,
          onGap: (gap) => log.push(gap.reason, gap.after, gap.resumed.offset),
        })
        await until(() => log.at(-1) === '8')
        expect(log).to.deep.equal(['trimmed', first, third.offset, '4', '5', '6', '7', '8'])
        expect(whole.map(({ channel, reason, after }) => ({ channel, reason, after }))).to.deep.equal([
          { channel: 'log', reason: 'trimmed', after: first },
        ])
        // The third is not kept for a newcomer any more, but nothing after it is missing.
        for (const since of [third, 'first'] as const) {
          const heard: string[] = []
          await b.subscribe('log', (frame) => heard.push(text(frame)), { since })
          await until(() => heard.at(-1) === '8')
          expect(heard).to.deep.equal(['4', '5', '6', '7', '8'])
        }
        expect(whole.length).to.equal(1)
      })

      it('reports a gap for a position of another epoch, and for one beyond the end', async () => {
        const bus = await join()
        const last = await bus.publish('log', bytes('1'), { durable: true })
        const { epoch } = last
        const gaps: Gap[] = []
        const heard: string[] = []
        const onGap = (gap: Gap) => gaps.push(gap)
        const listen = (frame: Uint8Array) => heard.push(text(frame))
        await bus.subscribe('log', listen, { since: { epoch: 'other', offset: 1n }, onGap, echo: true })
        await until(() => heard.length === 1)
        const beyond = { epoch, offset: last.offset + 1_000_000n }
        const subscription = await bus.subscribe('log', listen, { since: beyond, onGap, echo: true })
        await until(() => gaps.length === 2)
        expect(gaps.map(({ reason }) => reason)).to.deep.equal(['lost', 'lost'])
        expect(gaps.every(({ resumed }) => resumed.epoch === epoch)).to.equal(true)
        subscription.close()
        await bus.publish('log', bytes('2'), { durable: true })
        await until(() => heard.length === 2)
        expect(heard).to.deep.equal(['1', '2'])
      })

      it('reports a gap for a position that came as bytes and names what is not there', async () => {
        const bus = await join({ logMaxFrames: 2 })
        const positions: Position[] = []
        for (let n = 1; n <= 6; n++) positions.push(await bus.publish('log', bytes(`${n}`), { durable: true }))
        const [first, last] = [positions[0], positions[5]] as [Position, Position]
        const asBytes = (position: Position) => decodePosition(encodePosition(position))
        const wrong = { ...last, mark: `${last.mark}x` }
        for (const [since, reason] of [
          [first, 'trimmed'],
          [wrong, 'lost'],
          [{ ...last, offset: last.offset * 1000n }, 'lost'],
        ] as const) {
          const reasons: string[] = []
          await bus.subscribe('log', () => {}, { since: asBytes(since), onGap: (gap) => reasons.push(gap.reason) })
          await until(() => reasons.length > 0)
          expect(reasons).to.deep.equal([reason])
        }
      })

      it('refuses a malformed position', async () => {
        const bus = await join()
        const bad = [
          { epoch: 'a.>', offset: 1n },
          { epoch: '', offset: 1n },
          { epoch: 'a', offset: -1n },
          { epoch: 'a', offset: 1 },
          { epoch: 'a', offset: 1n, mark: 'a.>' },
          { epoch: 'a', last: 3 },
          {},
          [],
          'then',
          null,
        ]
        for (const since of bad) {
          expect(await codeOf(bus.subscribe('log', () => {}, { since: since as never }))).to.equal('ERR_QBP_BAD_OPTION')
        }
      })
    })

    describe('send', () => {
      it('reaches one node, in order, and resolves when it has the frame', async () => {
        const [a, b, c] = [await join({ node: 'a' }), await join({ node: 'b.>' }), await join({ node: 'c' })]
        const heard: string[] = []
        b.on('frame', (frame) => heard.push(text(frame)))
        c.on('frame', () => expect.fail('not sent here'))
        await Promise.all(Array.from({ length: 20 }, (_, n) => a.send('b.>', bytes(`${n}`))))
        expect(heard).to.deep.equal(Array.from({ length: 20 }, (_, n) => `${n}`))
        await b.send('b.>', bytes('to myself'))
        expect(heard.at(-1)).to.equal('to myself')
      })

      it('rejects where no such node is', async () => {
        const [a, b] = [await join(), await join({ node: 'b' })]
        expect(await codeOf(a.send('nobody', bytes('')))).to.equal('ERR_QBP_NO_NODE')
        await b.close()
        expect(await codeOf(a.send('b', bytes('')))).to.equal('ERR_QBP_NO_NODE')
      })
    })

    describe('the store', () => {
      it('gets what was put, from any node, and nothing after delete', async () => {
        const [a, b] = [await join(), await join()]
        const key = ['session', '*.>', 'é']
        expect(await b.store.get(key)).to.equal(undefined)
        const revision = await a.store.put(key, bytes('1'))
        expect(await b.store.get(key)).to.deep.include({ key, revision })
        expect(text((await b.store.get(key))?.value ?? bytes('?'))).to.equal('1')
        await b.store.delete(key)
        await b.store.delete(key)
        expect(await a.store.get(key)).to.equal(undefined)
      })

      it('writes only over the revision that was asked for', async () => {
        const [a, b] = [await join(), await join()]
        const first = await a.store.put(['k'], bytes('1'), { revision: null })
        expect(await codeOf(b.store.put(['k'], bytes('x'), { revision: null }))).to.equal('ERR_QBP_STALE_REVISION')
        const second = await b.store.put(['k'], bytes('2'), { revision: first })
        expect(await codeOf(a.store.put(['k'], bytes('x'), { revision: first }))).to.equal('ERR_QBP_STALE_REVISION')
        expect(await codeOf(a.store.delete(['k'], { revision: first }))).to.equal('ERR_QBP_STALE_REVISION')
        await a.store.delete(['k'], { revision: second })
        expect(await codeOf(a.store.put(['k'], bytes('x'), { revision: second }))).to.equal('ERR_QBP_STALE_REVISION')
        await b.store.put(['k'], bytes('3'), { revision: null })
        expect(text((await a.store.get(['k']))?.value ?? bytes('?'))).to.equal('3')
      })

      it('lets one of many concurrent writers win', async () => {
        const nodes = await Promise.all([join(), join(), join()])
        const won: number[] = []
        let revision: Position | null = null
        for (let round = 0; round < 20; round++) {
          const expected: Position | null = revision
          const results: PromiseSettledResult<Position>[] = await Promise.allSettled(
            nodes.map((bus) => bus.store.put(['k'], bytes(bus.node), { revision: expected })),
          )
          const kept = results.filter((each) => each.status === 'fulfilled')
          won.push(kept.length)
          revision = kept[0]?.value ?? null
        }
        expect(won).to.deep.equal(Array.from({ length: 20 }, () => 1))
      })

      it('drops an entry when its time is over, for get, put and watch alike', async () => {
        const [a, b] = [await join(), await join()]
        const changes: (string | null)[] = []
        await b.store.watch(['lease'], ({ value }) => changes.push(value && text(value)))
        const first = await a.store.put(['lease', 'x'], bytes('1'), { ttlMs: 150 })
        await until(() => changes.length === 1)
        const second = await a.store.put(['lease', 'x'], bytes('2'), { ttlMs: 150, revision: first })
        await until(() => changes.length === 3)
        expect(changes).to.deep.equal(['1', '2', null])
        await pause(20)
        expect(await a.store.get(['lease', 'x'])).to.equal(undefined)
        expect(await codeOf(a.store.put(['lease', 'x'], bytes('3'), { revision: second }))).to.equal(
          'ERR_QBP_STALE_REVISION',
        )
        await a.store.put(['lease', 'x'], bytes('3'), { revision: null })
        await until(() => changes.length === 4)
      })

      it('watches what is there, then what changes, below its prefix only', async () => {
        const [a, b] = [await join(), await join()]
        await a.store.put(['p', 'room', '1'], bytes('one'))
        await a.store.put(['p', 'room', '2'], bytes('two'))
        await a.store.put(['p', 'rooms', '3'], bytes('three'))
        await a.store.delete(['p', 'room', '2'])
        const changes: string[] = []
        const note = ({ key, value }: Change) => changes.push(`${key.join('/')} ${value && text(value)}`)
        const watch = await b.store.watch(['p', 'room'], note)
        expect(changes).to.deep.equal(['p/room/1 one'])
        await a.store.put(['p', 'roo'], bytes('not below'))
        await a.store.put(['p', 'room', '1'], bytes('uno'))
        await a.store.put(['p', 'room', '>'], bytes('x'))
        await a.store.delete(['p', 'room', '1'])
        await until(() => changes.length === 4)
        expect(changes.slice(1)).to.deep.equal(['p/room/1 uno', 'p/room/> x', 'p/room/1 null'])
        watch.close()
        const all: string[] = []
        await b.store.watch([], ({ key }) => all.push(key.join('/')))
        expect(all.sort()).to.deep.equal(['p/roo', 'p/room/>', 'p/rooms/3'])
        expect(changes.length).to.equal(4)
      })

      it('reports all that is there before it resolves, while it is being written', async () => {
        const nodes = [await join(), await join()]
        for (let round = 0; round < 40; round++) {
          const room = ['p', `${round}`]
          for (const { store, node } of nodes) await store.put([...room, node], bytes('0'))
          await Promise.all(
            nodes.map(async ({ store, node }) => {
              const changes = new Set<string | undefined>()
              const watching = store.watch(room, ({ key }) => changes.add(key.at(-1)))
              for (let n = 1; n <= 4; n++) await store.put([...room, node], bytes(`${n}`))
              const watch = await watching
              expect([...changes]).to.have.members(nodes.map((other) => other.node))
              watch.close()
            }),
          )
        }
      })

      it('refuses bad keys and bad times', async () => {
        const { store } = await join()
        expect(await codeOf(store.put([], bytes('')))).to.equal('ERR_QBP_BAD_OPTION')
        expect(await codeOf(store.put('key' as never, bytes('')))).to.equal('ERR_QBP_BAD_OPTION')
        for (const ttlMs of [0, -1, 1.5, Infinity, NaN, store.maxTtlMs + 1]) {
          expect(await codeOf(store.put(['k'], bytes(''), { ttlMs }))).to.equal('ERR_QBP_BAD_OPTION')
        }
      })
    })

    describe('while the engine is away', () => {
      it('rejects at once, emits down and up, and goes on where it was', async () => {
        const [a, b] = [await join({ node: 'a' }), await join({ node: 'b' })]
        const [heard, read, changes, events]: [string[], string[], string[], string[]] = [[], [], [], []]
        b.on('up', () => events.push('up')).on('down', () => events.push('down'))
        b.on('gap', () => events.push('gap'))
        await b.subscribe('room', (frame) => heard.push(text(frame)))
        await b.subscribe('log', (frame) => read.push(text(frame)), { since: 'now' })
        await b.store.watch(['k'], ({ value }) => changes.push(`${value && text(value)}`))
        await a.publish('log', bytes('1'), { durable: true })
        await a.store.put(['k', '1'], bytes('kept'))
        await until(() => read.length === 1 && changes.length === 1)

        await engine().down()
        await until(() => !a.isUp && !b.isUp)
        const calls = [
          a.publish('room', bytes('x')),
          a.subscribe('room', () => {}),
          a.subscribe('log', () => {}, { since: 'now' }),
          a.send('b', bytes('x')),
          a.store.get(['k', '1']),
          a.store.put(['k', '1'], bytes('x')),
          a.store.delete(['k', '1']),
          a.store.watch(['k'], () => {}),
        ]
        expect(await Promise.all(calls.map(codeOf))).to.deep.equal(calls.map(() => 'ERR_QBP_BUS_DOWN'))
        const late = ['2', '3', '4'].map((each) => a.publish('log', bytes(each), { durable: true }))
        const abort = new AbortController()
        const given = a.publish('log', bytes('given up'), { durable: true, signal: abort.signal })
        abort.abort()
        expect(await codeOf(given)).to.equal(20) // the code of a DOMException named AbortError
        await engine().up()
        const offsets = (await Promise.all(late)).map((position) => position.offset)
        expect(offsets).to.deep.equal([...offsets].sort((x, y) => (x < y ? -1 : 1)))
        await until(() => a.isUp && b.isUp && read.length === 4)
        await a.publish('room', bytes('back'))
        await a.store.put(['k', '2'], bytes('new'))
        await until(() => heard.length === 1 && changes.length === 2)
        expect({ heard, read, changes, events }).to.deep.equal({
          heard: ['back'],
          read: ['1', '2', '3', '4'],
          changes: ['kept', 'new'],
          events: ['down', 'up'],
        })
      }).timeout(15_000)

      it('comes back under a new epoch where it lost everything', async () => {
        const [a, b] = [await join(), await join()]
        const log: string[] = []
        const changes: string[] = []
        await b.subscribe('log', (frame) => log.push(text(frame)), {
          since: 'now',
          onGap: (gap) => log.push(gap.reason),
        })
        await b.store.watch(['k'], ({ key, value }) => changes.push(`${key[1]} ${value && text(value)}`))
        let last: Position | undefined
        for (const each of ['1', '2', '3']) last = await a.publish('log', bytes(each), { durable: true })
        const revision = await a.store.put(['k', '1'], bytes('x'))
        await until(() => log.length === 3 && changes.length === 1)

        await engine().down()
        await until(() => !a.isUp && !b.isUp)
        await engine().up({ lost: true })
        await until(() => a.isUp && b.isUp && log.length === 4 && changes.length === 2)
        const next = await a.publish('log', bytes('4'), { durable: true })
        await until(() => log.length === 5)
        expect(log).to.deep.equal(['1', '2', '3', 'lost', '4'])
        expect(next.epoch).not.to.equal(last?.epoch)
        // Its number may come again, but not its epoch: an old fence opens nothing.
        const again = await a.store.put(['k', '1'], bytes('y'))
        expect(again.epoch).not.to.equal(revision.epoch)
        expect(
          await codeOf(b.store.put(['k', '1'], bytes('z'), { revision: { ...again, epoch: revision.epoch } })),
        ).to.equal('ERR_QBP_STALE_REVISION')
        await until(() => changes.length === 3)
        expect(changes).to.deep.equal(['1 x', '1 null', '1 y'])
      }).timeout(15_000)

      it('gives a durable publication up after timeoutMs', async () => {
        const bus = await join({ timeoutMs: 50 })
        await engine().down()
        await until(() => !bus.isUp)
        expect(await codeOf(bus.publish('log', bytes('x'), { durable: true }))).to.equal('ERR_QBP_BUS_TIMEOUT')
        await engine().up()
      }).timeout(15_000)
    })

    describe('close', () => {
      it('ends all calls and subscriptions, also of a bus whose engine is away, and may be repeated', async () => {
        const [a, b] = [await join(), await join()]
        const heard: string[] = []
        await b.subscribe('room', (frame) => heard.push(text(frame)))
        await b.subscribe('log', (frame) => heard.push(text(frame)), { since: 'now' })
        await b.store.watch(['k'], () => heard.push('change'))
        await b.close()
        await a.publish('room', bytes('1'))
        await a.publish('log', bytes('2'), { durable: true })
        await a.store.put(['k', '1'], bytes('3'))
        expect(heard).to.deep.equal([])
        expect(b.isUp).to.equal(false)
        const calls = [
          b.publish('room', bytes('x')),
          b.publish('log', bytes('x'), { durable: true }),
          b.subscribe('room', () => {}),
          b.send(a.node, bytes('x')),
          b.store.get(['k', '1']),
        ]
        expect(await Promise.all(calls.map(codeOf))).to.deep.equal(calls.map(() => 'ERR_QBP_BUS_CLOSED'))

        await engine().down()
        await until(() => !a.isUp)
        const waiting = codeOf(a.publish('log', bytes('x'), { durable: true }))
        const [first, second] = [a.close(), a.close()]
        expect(first).to.equal(second)
        await first
        expect(await waiting).to.equal('ERR_QBP_BUS_CLOSED')
        await engine().up()
      }).timeout(15_000)

      it('sends first what was published before', async () => {
        const [a, b] = [await join(), await join()]
        const heard: string[] = []
        await b.subscribe('room', (frame) => heard.push(text(frame)))
        for (let n = 0; n < 100; n++) await a.publish('room', bytes(`${n}`))
        await a.close()
        await until(() => heard.length === 100)
      })
    })
  })
})

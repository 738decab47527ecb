import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { expect } from 'chai'
import type { Gap, Position } from '../../lib/bus/contract.ts'
import { LocalHub } from '../../lib/bus/local/local-bus.ts'
import { bytes, codeOf, text, until } from '../support/engines.ts'

describe('a LocalHub in a file', () => {
  let folder: string
  let path: string
  let child: ChildProcess | undefined

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'qbp-hub-'))
    path = join(folder, 'hub')
  })
  afterEach(() => {
    child?.kill('SIGKILL')
    chmodSync(folder, 0o700)
    rmSync(folder, { recursive: true, force: true })
  })

  const read = async (hub: LocalHub, since: Position | 'first') => {
    const heard: string[] = []
    let isDone = false
    const onCaughtUp = () => {
      isDone = true
    }
    const onGap = ({ reason }: Gap) => heard.push(reason)
    const options = { since, echo: true, onCaughtUp, onGap }
    await hub.bus().subscribe('log', (frame) => heard.push(text(frame)), options)
    await until(() => isDone)
    return heard
  }

  it('comes back with its logs and its store', async () => {
    const hub = new LocalHub({ logKinds: { brief: {} } })
    const bus = hub.bus()
    const positions: Position[] = []
    for (let n = 1; n <= 5; n++) positions.push(await bus.publish('log', bytes(`${n}`), { durable: true }))
    await bus.publish('log', bytes('brief'), { durable: true, logKind: 'brief' })
    await bus.publish('', bytes('')).catch(() => {})
    const key = ['session', '*.>', 'é']
    const revision = await bus.store.put(key, new Uint8Array([0, 255, 10]))
    await bus.store.put(['short'], bytes('x'), { ttlMs: 1 })
    await hub.save(path)

    const again = await LocalHub.load(path, { logKinds: { brief: {} } })
    const { store } = again.bus()
    expect(await store.get(key)).to.deep.equal({ key, value: Buffer.from([0, 255, 10]), revision })
    expect(await store.get(['short'])).to.equal(undefined)
    await store.put(key, bytes('2'), { revision })
    for (const [i, since] of positions.entries())
      expect(await read(again, since)).to.deep.equal(['1', '2', '3', '4', '5'].slice(i + 1))
    expect(again.logsOf('brief').log('log').end.offset).to.equal(1n)
    const last = await again.bus().publish('log', bytes('6'), { durable: true })
    expect(last.epoch).to.equal(positions[4]?.epoch)
    expect(await read(again, positions[3] as Position)).to.deep.equal(['5', '6'])
  })

  it('reports a gap to a reader of what was not saved', async () => {
    const hub = new LocalHub()
    const bus = hub.bus()
    const kept = await bus.publish('log', bytes('1'), { durable: true })
    await hub.save(path)
    const lost = await bus.publish('log', bytes('lost'), { durable: true })
    const again = await LocalHub.load(path)
    await again.bus().publish('log', bytes('2'), { durable: true })
    await again.bus().publish('log', bytes('3'), { durable: true })
    expect(await read(again, lost)).to.deep.equal(['lost', '2', '3'])
    expect(await read(again, kept)).to.deep.equal(['2', '3'])
    await again.save(path)
    const third = await LocalHub.load(path)
    expect(await read(third, lost)).to.deep.equal(['lost', '2', '3'])
    expect(await read(third, kept)).to.deep.equal(['2', '3'])
  })

  it('is empty where there is no file, and saves what has changed, by the clock and at its close', async () => {
    const hub = await LocalHub.load(path, { saveEveryMs: 5 })
    const bus = hub.bus()
    await bus.publish('log', bytes('1'), { durable: true })
    await until(() => statSync(path, { throwIfNoEntry: false }) !== undefined)
    expect(await read(await LocalHub.load(path), 'first')).to.deep.equal(['1'])
    await bus.publish('log', bytes('2'), { durable: true })
    await hub.close()
    expect(await read(await LocalHub.load(path), 'first')).to.deep.equal(['1', '2'])
    expect(statSync(path).mode & 0o077).to.equal(0)
  })

  it('reports to its nodes what keeps it from being saved by the clock, and goes on', async () => {
    const hub = await LocalHub.load(join(folder, 'gone', 'hub'), { saveEveryMs: 5 })
    const bus = hub.bus()
    const codes: unknown[] = []
    bus.on('error', (error) => codes.push((error as NodeJS.ErrnoException).code))
    await bus.publish('log', bytes('1'), { durable: true })
    await until(() => codes.length > 1)
    expect(new Set(codes)).to.deep.equal(new Set(['ENOENT']))
    mkdirSync(join(folder, 'gone'))
    await hub.close()
    expect(await read(await LocalHub.load(join(folder, 'gone', 'hub')), 'first')).to.deep.equal(['1'])
  })

  it('is whole, whichever hubs of whichever processes save into it at once, and leaves nothing beside it', async () => {
    const hubs = await Promise.all(Array.from({ length: 3 }, () => LocalHub.load(path, { saveEveryMs: 1 })))
    const buses = hubs.map((hub) => hub.bus())
    for (let n = 0; n < 20; n++) {
      await Promise.all(buses.map((bus) => bus.publish('log', new Uint8Array(50_000), { durable: true })))
      await Promise.all(hubs.flatMap((hub) => [hub.save(path), hub.save(relative(process.cwd(), path))]))
      expect((await read(await LocalHub.load(path), 'first')).length).to.equal(n + 1)
    }
    await Promise.all(hubs.map((hub) => hub.close()))
    // Another process writes beside it, wherever it has come to.
    writeFileSync(`${path}.tmp`, 'half of a fi')
    writeFileSync(`${path}.1-0.tmp`, 'half of a fi')
    await hubs[0]?.save()
    expect((await read(await LocalHub.load(path), 'first')).length).to.equal(20)
    expect(readdirSync(folder).filter((name) => name.includes(`${process.pid}`))).to.deep.equal([])
  })

  it('is bounded: the oldest frames are left out, of all logs alike', async () => {
    const hub = new LocalHub()
    const bus = hub.bus()
    for (let n = 0; n < 100; n++) {
      await bus.publish(n % 2 ? 'log' : 'other', bytes(`${n}`.padEnd(1000)), { durable: true })
      if (n % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 2))
    }
    await hub.save(path, { maxFileBytes: 50_000 })
    expect(statSync(path).size).to.be.within(30_000, 50_000)
    const heard = await read(await LocalHub.load(path), 'first')
    expect(heard.at(-1)?.trim()).to.equal('99')
    expect(heard.length).to.be.within(14, 25)
    expect(await codeOf(LocalHub.load(path, { maxFileBytes: 1000 }))).to.equal('ERR_QBP_TOO_LONG')
    for (let n = 0; n < 10; n++) await bus.store.put([`${n}`], new Uint8Array(1000))
    expect(await codeOf(hub.save(path, { maxFileBytes: 5000 }))).to.equal('ERR_QBP_TOO_LONG')
    expect((await read(await LocalHub.load(path), 'first')).length).to.equal(heard.length) // the old file stands
  })

  it('refuses a file that is another, or damaged in any byte', async () => {
    const hub = new LocalHub()
    await hub.bus().publish('log', bytes('1'), { durable: true })
    await hub.save(path)
    const whole = readFileSync(path)
    const damaged = Array.from(whole, (byte, at) => {
      const copy = Buffer.from(whole)
      copy[at] = byte ^ 1
      return copy
    })
    for (const wrong of [
      Buffer.alloc(0),
      Buffer.from('{}'),
      whole.subarray(0, -1),
      Buffer.concat([whole, whole]),
      ...damaged,
    ]) {
      writeFileSync(path, wrong)
      expect(await codeOf(LocalHub.load(path))).to.equal('ERR_QBP_INVALID_BODY')
    }
    expect(await codeOf(LocalHub.load(''))).to.equal('ERR_QBP_BAD_OPTION')
    expect(await codeOf(new LocalHub().save())).to.equal('ERR_QBP_BAD_OPTION')
    expect(await codeOf(LocalHub.load(path, { saveEveryMs: 0 }))).to.equal('ERR_QBP_BAD_OPTION')
    expect(await codeOf(new LocalHub().save(join(folder, 'none', 'hub')))).to.equal('ENOENT')
  })

  it('survives a process that is killed in the middle of saving: sessions, and what their clients had', async function () {
    this.timeout(20_000)
    const args = [join(__dirname, '../../scripts/ts.cjs'), join(__dirname, '../support/hub-node.ts'), path]
    for (let round = 0; round < 2; round++) {
      child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
      const heard: { token: string; position: string; resumed: number; missed: number }[] = []
      child.on('message', (message) => heard.push(message as never))
      await until(() => heard.length > 30)
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
      // Each line was sent once it had been saved: the last one stands for all before it.
      expect(heard.every(({ resumed, missed }) => resumed === round && missed === 0)).to.equal(true)
    }
  })
})

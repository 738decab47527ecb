import { once } from 'node:events'
import net from 'node:net'
import { Duplex } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { expect } from 'chai'
import { Protocol, QbpConnection } from '../../lib/index.ts'
import { portOf, transports, transportsOf } from '../support/transports.ts'

const LENGTHS = [10, 70_000, 300, 200_000, 65_530, 131_072, 5, 900_000, 16_384, 16_383, 400_000]
const COUNT = 44
/** More than the operating system takes off a writer whose peer does not read. */
const MANY = 66

/** Bytes that no other message has at these places. */
function contentOf(n: number): Buffer {
  const content = Buffer.alloc(LENGTHS[n % LENGTHS.length] as number)
  for (let at = 0; at < content.length; at++) content[at] = n * 31 + at * 7 + (at >> 8)
  return content
}

const protocol = Protocol.load('spec/protos/blob.proto', { types: { Blob: 1 } })
// The links are typed for another protocol.
const blob = (content: Uint8Array) => ({ $name: 'Blob', content }) as never
const bytesOf = (message: object) => (message as { content: Uint8Array }).content

/** A duplex that holds all that it is given, as one may that records. */
function recorder(): { own: Duplex; kept: Uint8Array[]; copies: Buffer[] } {
  const kept: Uint8Array[] = []
  const copies: Buffer[] = []
  const own = new Duplex({
    read() {},
    write(chunk, _encoding, done) {
      kept.push(chunk)
      copies.push(Buffer.from(chunk))
      done()
    },
  })
  return { own, kept, copies }
}

for (const name of Object.keys(transports)) {
  describe(`long bodies over ${name}`, () => {
    it('arrive as they were written, whatever becomes of the bytes afterwards', async () => {
      const wrong: number[] = []
      let count = 0
      const open = transportsOf(await protocol)[name] as (typeof transports)[string]
      await using link = await open({}, async (reader) => {
        for await (const message of reader) {
          if (!contentOf(count).equals(bytesOf(message))) wrong.push(count)
          count++
          await setImmediate() // So that much waits.
        }
      })
      const { writer } = await link.connect()
      for (let n = 0; n < COUNT; n++) {
        const content = contentOf(n)
        await writer.writeMessage(blob(content))
        content.fill(255) // It is the caller's again.
      }
      writer.end()
      while (count < COUNT) await setImmediate()
      expect(wrong).to.deep.equal([])
    }).timeout(30_000)
  })
}

for (const name of Object.keys(transports)) {
  describe(`long bodies by reference over ${name}`, () => {
    it('arrive as they were written, and are free once their callback was called', async () => {
      const wrong: number[] = []
      let count = 0
      const open = transportsOf(await protocol)[name] as (typeof transports)[string]
      await using link = await open({ shareBytes: true }, async (reader) => {
        for await (const message of reader) {
          if (!contentOf(count).equals(bytesOf(message))) wrong.push(count)
          count++
          await setImmediate()
        }
      })
      const { writer } = await link.connect({ shareBytes: true })
      let free = 0
      for (let n = 0; n < COUNT; n++) {
        const content = contentOf(n)
        const hasRoom = writer.write(blob(content), (error) => {
          content.fill(255)
          if (!error) free++
        })
        if (!hasRoom) await once(writer, 'drain')
      }
      writer.end()
      while (count < COUNT || free < COUNT) await setImmediate()
      expect(wrong).to.deep.equal([])
    }).timeout(30_000)
  })
}

describe('what waits for a peer that does not read', () => {
  for (const name of ['a Unix socket', 'TLS']) {
    it(`stays as it is while others write, over ${name}`, async () => {
      const wrong: number[] = []
      let count = 0
      let go = () => {}
      const held = new Promise<void>((resolve) => {
        go = resolve
      })
      const open = transportsOf(await protocol)[name] as (typeof transports)[string]
      await using link = await open({}, async (reader) => {
        const first = bytesOf((await reader.readMessage()) ?? {})
        if (first.length > 1) for await (const _ of reader);
        await held
        for await (const message of reader) {
          if (!contentOf(count).equals(bytesOf(message))) wrong.push(count)
          count++
        }
      })
      const [slow, fast] = [(await link.connect({ maxQueuedBytes: 2 ** 26 })).writer, (await link.connect()).writer]
      slow.write(blob(Buffer.alloc(1)))
      fast.write(blob(Buffer.alloc(2)))
      for (let n = 0; n < MANY; n++) {
        slow.write(blob(contentOf(n)))
        await fast.writeMessage(blob(Buffer.alloc(LENGTHS[n % LENGTHS.length] as number, 255)))
      }
      go()
      slow.end()
      fast.end()
      await once(slow, 'finish')
      while (count < MANY) await setImmediate()
      expect(wrong).to.deep.equal([])
    }).timeout(30_000)
  }
})

describe('chunks that were sent', () => {
  it('are not changed afterwards where a duplex, or a socket with a write of its own, may hold them', async () => {
    const loaded = await protocol
    const { own, kept, copies } = recorder()
    const server = net.createServer((socket) => socket.resume()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const socket = net.connect(portOf(server), '127.0.0.1')
    const { write } = socket
    socket.write = function (this: net.Socket, chunk: Uint8Array, ...rest: never[]) {
      kept.push(chunk)
      copies.push(Buffer.from(chunk))
      return Reflect.apply(write, this, [chunk, ...rest])
    } as typeof socket.write
    for (const duplex of [own, socket]) {
      const { writer } = new QbpConnection(loaded, duplex)
      for (let n = 0; n < COUNT; n++) await writer.writeMessage(blob(contentOf(n)))
      writer.end()
      await once(writer, 'finish')
    }
    expect(kept.length).to.be.greaterThan(2 * LENGTHS.length)
    expect(kept.flatMap((chunk, i) => ((copies[i] as Buffer).equals(chunk) ? [] : [i]))).to.deep.equal([])
    socket.destroy()
    server.close()
  })
})

import { once } from 'node:events'
import net from 'node:net'
import { PassThrough, pipeline, promises, Readable, Writable } from 'node:stream'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { QbpReadable } from '../../lib/index.ts'
import { hex, protocol } from '../support/chat.ts'
import { rejection } from '../support/rejection.ts'
import { uncaught } from '../support/uncaught.ts'

const SAY = hex('0003 0000000a 0a0468616c6c 12026869')
const LONG = Buffer.concat([hex('0003 0000ea63 12 dfd403'), Buffer.alloc(59_999, 0x61)])

/** A pipeline that ends in a reader, and its outcome. */
function into(source: Readable, reader: QbpReadable) {
  return new Promise<unknown>((resolve) => pipeline(source, reader, (error) => resolve(error ?? null)))
}

const pushed = (...chunks: Buffer[]): Readable => {
  const source = new Readable({ read() {} })
  for (const chunk of chunks) source.push(chunk)
  return source
}

describe('a source that fails in a pipeline', () => {
  it('fails the reader after the messages that it has brought, however they lie in the streams', async () => {
    const reset = new Error('reset')
    const layouts: Record<string, Buffer[]> = {
      'in one chunk': [Buffer.concat([SAY, SAY, SAY])],
      'each in one': [SAY, SAY, SAY],
      'with a piece of a next': [SAY, SAY, Buffer.concat([SAY, SAY.subarray(0, 9)])],
      'longer than the streams take': [LONG, LONG, LONG],
    }
    for (const [how, chunks] of Object.entries(layouts)) {
      for (const isEarly of [true, false]) {
        for (const error of [reset, undefined]) {
          const source = pushed(...chunks)
          const reader = new QbpReadable(protocol)
          const outcome = into(source, reader)
          if (isEarly) await reader.readMessage()
          await setTimeout(1)
          source.destroy(error)
          await setTimeout(1)
          let count = isEarly ? 1 : 0
          const fault = await rejection(
            (async () => {
              for await (const _ of reader) count++
            })(),
          )
          expect(count, how).to.equal(3)
          expect(await outcome).to.equal(fault)
          if (error === reset) expect(fault).to.equal(reset)
          else expect(fault).to.have.property('code', 'ERR_STREAM_PREMATURE_CLOSE')
          expect(reader.destroyed).to.equal(true)
        }
      }
    }
  })

  it('the same for `data`, and for a socket that is reset', async () => {
    const server = net.createServer(async (socket) => {
      for (let n = 0; n < 3; n++) {
        socket.write(SAY)
        await setTimeout(5)
      }
      socket.resetAndDestroy()
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const socket = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
    const reader = new QbpReadable(protocol)
    const outcome = into(socket, reader)
    await new Promise((resolve) => socket.on('close', resolve))
    let count = 0
    reader.on('data', () => count++)
    expect(await outcome).to.have.property('code', 'ECONNRESET')
    if (!reader.closed) await new Promise((resolve) => reader.on('close', resolve))
    expect(count).to.equal(3)
    server.close()
  })

  it('does not hold up a destroy of this side, an abort, or the fault of a sink', async () => {
    const source = pushed(SAY, SAY, SAY)
    const reader = new QbpReadable(protocol)
    const outcome = into(source, reader)
    await setImmediate()
    reader.destroy(new Error('enough'))
    expect(await rejection(reader.readMessage())).to.have.property('message', 'enough')
    expect(await outcome).to.have.property('message', 'enough')

    const controller = new AbortController()
    const aborted = new QbpReadable(protocol)
    const over = rejection(promises.pipeline(pushed(SAY, SAY), aborted, { signal: controller.signal }))
    await setImmediate()
    controller.abort()
    expect(await over).to.have.property('name', 'AbortError')
    expect(aborted.destroyed).to.equal(true)

    const sunk = new QbpReadable(protocol)
    const sink = new Writable({
      objectMode: true,
      write(_message, _encoding, done) {
        done(new Error('full'))
      },
    })
    const full = new Promise((resolve) => pipeline(pushed(SAY, SAY, SAY), sunk, sink, resolve))
    expect(await full).to.have.property('message', 'full')
    expect(sunk.destroyed).to.equal(true)
  })

  it('ends a pipeline that goes on after the reader', async () => {
    const source = pushed(SAY, SAY)
    const reader = new QbpReadable(protocol)
    const over = new Promise((resolve) => pipeline(source, reader, new PassThrough({ objectMode: true }), resolve))
    await setTimeout(1)
    source.destroy(new Error('reset'))
    expect(await over).to.have.property('message', 'reset')
    expect(reader.destroyed).to.equal(true)
  })

  it('leaves the errors of a source that is piped by hand to its owner', async () => {
    const source = pushed(SAY)
    source.pipe(new QbpReadable(protocol))
    expect(await uncaught(() => source.destroy(new Error('mine')))).to.have.property('message', 'mine')
  })
})

describe('a chunk that is no bytes', () => {
  it('is refused after the messages before it', async () => {
    for (const text of ['0003', '']) {
      const reader = new QbpReadable(protocol)
      reader.write(SAY)
      reader.write(text)
      expect(await reader.readMessage()).to.include({ text: 'hi' })
      expect(await rejection(reader.readMessage())).to.have.property('code', 'ERR_QBP_NOT_BYTES')
    }
  })

  it('is refused from a source with setEncoding', async () => {
    const source = pushed(SAY)
    source.setEncoding('utf8')
    const reader = new QbpReadable(protocol)
    const outcome = into(source, reader)
    expect(await rejection(reader.readMessage())).to.have.property('code', 'ERR_QBP_NOT_BYTES')
    expect(await outcome).to.have.property('code', 'ERR_QBP_NOT_BYTES')
  })

  it('is not a plain Uint8Array, nor one of another kind', async () => {
    class Mine extends Uint8Array {}
    const reader = new QbpReadable(protocol)
    reader.write(new Uint8Array(SAY))
    reader.end(new Mine(SAY))
    expect(await reader.readMessage()).to.include({ room: 'hall', text: 'hi' })
    expect(await reader.readMessage()).to.include({ room: 'hall', text: 'hi' })
    expect(await reader.readMessage()).to.equal(null)
  })
})

describe('readMessage({ timeoutMs })', () => {
  it('rejects with ERR_QBP_READ_TIMEOUT and consumes nothing', async () => {
    const reader = new QbpReadable(protocol)
    reader.write(SAY.subarray(0, 9))
    expect(await rejection(reader.readMessage({ timeoutMs: 2 }))).to.include({ code: 'ERR_QBP_READ_TIMEOUT', limit: 2 })
    expect(await rejection(reader.readMessages(3, { timeoutMs: 2 }))).to.have.property('code', 'ERR_QBP_READ_TIMEOUT')
    reader.write(SAY.subarray(9))
    expect(await reader.readMessage({ timeoutMs: 2 })).to.include({ text: 'hi' })
    const waiting = reader.readMessage({ timeoutMs: 1_000_000 })
    reader.write(SAY)
    expect(await waiting).to.include({ text: 'hi' })
    const never = reader.readMessage({ timeoutMs: Number.POSITIVE_INFINITY, signal: new AbortController().signal })
    reader.end()
    expect(await never).to.equal(null)
  })

  it('hands out what came while this process was busy', async () => {
    const reader = new QbpReadable(protocol)
    const server = net.createServer((socket) => socket.write(SAY))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const socket = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
    socket.pipe(reader)
    const waiting = reader.readMessage({ timeoutMs: 20 })
    await once(server, 'connection')
    for (const until = performance.now() + 60; performance.now() < until; );
    expect(await waiting).to.include({ text: 'hi' })
    socket.destroy()
    server.close()
  })

  it('refuses what is no time, and options that it does not have', async () => {
    const reader = new QbpReadable(protocol)
    for (const options of [
      { timeoutMs: 0 },
      { timeoutMs: -1 },
      { timeoutMs: '5' },
      { timeout: 5 },
      { signal: undefined, ms: 1 },
    ])
      expect(await rejection(reader.readMessage(options as never)), JSON.stringify(options)).to.have.property(
        'code',
        'ERR_QBP_BAD_OPTION',
      )
  })
})

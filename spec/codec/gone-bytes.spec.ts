import { expect } from 'chai'
import { Group, Protocol, type QbpError } from '../../lib/index.ts'
import { connectionPair } from '../../lib/testing/index.ts'
import { connect, Protocol as WebProtocol } from '../../lib/web/index.ts'
import { Accounts, accounts } from '../calls/accounts.ts'
import { plain } from '../protos/plain.ts'
import { reflectedProtocol, rootOf } from '../support/reflected.ts'
import { rejection } from '../support/rejection.ts'
import { webPair } from '../support/web-pair.ts'

// A view whose buffer was transferred, or has shrunk, says that it is empty. Nothing false is sent: it is refused.

type Resizable = ArrayBuffer & { resize(size: number): void }
const resizable = (size: number): Resizable =>
  new (ArrayBuffer as unknown as new (size: number, options: object) => Resizable)(size, { maxByteLength: 64 })
const transferred = <V extends Uint8Array>(view: V): V => {
  structuredClone(null, { transfer: [view.buffer as ArrayBuffer] })
  return view
}
const shrunk = (size: number, view: (buffer: ArrayBuffer) => Uint8Array): Uint8Array => {
  const buffer = resizable(16)
  const made = view(buffer)
  buffer.resize(size)
  return made
}

const gone: Record<string, () => Uint8Array> = {
  'a Uint8Array': () => transferred(new Uint8Array(8)),
  'a part of one': () => transferred(new Uint8Array(8).subarray(2, 5)),
  'an empty part of one': () => transferred(new Uint8Array(8).subarray(2, 2)),
  'a Buffer': () => transferred(Buffer.from(new ArrayBuffer(8))),
  'a long one': () => transferred(new Uint8Array(100_000)),
  'one of a resizable buffer': () => transferred(new Uint8Array(resizable(8) as ArrayBuffer)),
  'one beyond the end of its buffer': () => shrunk(4, (buffer) => new Uint8Array(buffer, 8)),
  'one partly beyond it': () => shrunk(4, (buffer) => new Uint8Array(buffer, 0, 8)),
  'a Buffer beyond it': () => shrunk(4, (buffer) => Buffer.from(buffer, 8, 8)),
}
const empty: Record<string, () => Uint8Array> = {
  'a Uint8Array': () => new Uint8Array(0),
  'a Buffer': () => Buffer.alloc(0),
  'a part at the end': () => new Uint8Array(8).subarray(8),
  'one of shared memory': () => new Uint8Array(new SharedArrayBuffer(0)),
  'a part of shared memory': () => new Uint8Array(new SharedArrayBuffer(8), 8),
  'one that follows its buffer, which is empty': () => shrunk(0, (buffer) => new Uint8Array(buffer)),
  'one that follows its buffer, up to where that ends': () => shrunk(8, (buffer) => new Uint8Array(buffer, 8)),
}

const SCHEMA = `syntax = "proto2"; package t;
  message M { optional bytes one = 1; repeated bytes list = 2; map<string, bytes> map = 3; oneof either { bytes a = 4; string b = 5; } optional M inner = 6;
    extensions 100 to 200; }
  message Three { required bytes value = 1; }
  extend M { optional bytes more = 100; }`
const protocol = reflectedProtocol(rootOf(SCHEMA), { header: 'length:varint', message: 'M', package: 't' })
const [extension] = protocol.messageType('M').fields.filter(({ id }) => id === 100)
const any = reflectedProtocol(
  rootOf(`syntax = "proto3"; package google.protobuf; message Any { string type_url = 1; bytes value = 2; }`),
  { header: 'length:varint', message: 'Any', package: 'google.protobuf' },
)
const plainValues = Protocol.from(plain)
const HEADER = Protocol.raw({ header: 'type:u16 length(id):u16 length:u32 id:bytes' })

/** By the path that is to be named. */
const places: Record<string, (bytes: Uint8Array) => unknown> = {
  one: (one) => protocol.encode('M', { one }),
  'list[1]': (bytes) => protocol.encode('M', { list: [Buffer.from('x'), bytes] }),
  'map["k"]': (k) => protocol.encode('M', { map: { k } }),
  a: (a) => protocol.encode('M', { a }),
  'inner.inner.one': (one) => protocol.encode('M', { inner: { inner: { one } } }),
  value: (value) => protocol.encode('Three', { value }),
  [extension?.name ?? 'no extension']: (bytes) => protocol.encode('M', { [extension?.name as string]: bytes }),
}

const refusal = (act: () => unknown): QbpError => {
  try {
    act()
  } catch (error) {
    return error as QbpError
  }
  expect.fail('it was taken')
}
const LOST = 'whose buffer was transferred, or has shrunk'

describe('bytes that are gone', () => {
  for (const [what, make] of Object.entries(gone)) {
    for (const [path, encode] of Object.entries(places))
      it(`are refused at ${path}: ${what}`, () => {
        const { code, field, message } = refusal(() => encode(make()))
        expect([code, field]).to.deep.equal(['ERR_QBP_INVALID_MESSAGE', path])
        expect(message).to.include(LOST)
      })

    it(`are refused in an Any, as a plain value, and in JSON: ${what}`, () => {
      expect(refusal(() => any.encode('Any', { typeUrl: 'x', value: make() }))).to.include({ field: 'value' })
      expect(refusal(() => plainValues.encode('Row', { raw: make() }))).to.include({ field: 'raw' })
      expect(refusal(() => protocol.toJson('M', { one: make() }))).to.include({ field: 'one' })
    })

    it(`are refused as a body, in a header, and as a frame: ${what}`, () => {
      const { client, server } = connectionPair(HEADER)
      const group = new Group<typeof HEADER>().join(client)
      const body = { $name: null, type: 1, body: make() }
      const header = { $name: null, type: 1, body: Buffer.from('b'), $header: { id: make() } }
      for (const [message, path] of [
        [body, 'body'],
        [header, '$header.id'],
      ] as const) {
        const write = () => client.writer.write(message as never)
        for (const act of [write, () => HEADER.frame(message as never), () => group.broadcast(message as never)]) {
          const { code, field, message: text } = refusal(act)
          expect([code, field]).to.deep.equal(['ERR_QBP_INVALID_MESSAGE', path])
          expect(text).to.include(LOST)
        }
      }
      client.destroy()
      server.destroy()
    })

    it(`are refused by a writer, a group, a call, and in a page: ${what}`, async () => {
      const node = Protocol.from(accounts, { calls: true })
      const { client, server } = connectionPair(node)
      void server.serve(Accounts, { watch: () => [{ balance: 1 }, { filler: make() }] })
      const failed = await rejection(client.client(Accounts).open({ name: 'a', photo: make() }))
      expect(failed).to.include({ code: 'INVALID_ARGUMENT' })
      expect(failed.message).to.include('photo is').and.to.include(LOST)
      const answers = client.client(Accounts).watch({})[Symbol.asyncIterator]()
      expect((await answers.next()).value).to.include({ balance: 1 })
      expect(await rejection(answers.next())).to.include({ code: 'INTERNAL' })
      const wrong = { $name: 'M', inner: { one: make() } }
      const connection = connectionPair(protocol)
      const group = new Group<Protocol>().join(connection.client)
      for (const act of [() => connection.client.writer.write(wrong), () => group.broadcast(wrong)])
        expect(refusal(act)).to.include({ field: 'inner.one' })
      const page = await connect(WebProtocol.from(accounts), webPair()[0])
      const message = { $name: 'OpenRequest', photo: make() }
      expect(refusal(() => WebProtocol.from(accounts).encode('OpenRequest', message))).to.include({ field: 'photo' })
      for (const each of [client, server, connection.client, connection.server, page]) each.destroy()
    })

    it(`are no chunk, no body to decode, and what a hook may not give: ${what}`, () => {
      expect(refusal(() => protocol.decode('M', make()))).to.include({ code: 'ERR_QBP_NOT_BYTES' })
      const hooked = Protocol.from(accounts, { body: { read: (bytes: Uint8Array) => bytes, write: make } })
      expect(refusal(() => hooked.frame({ $name: 'News', number: 1 }))).to.include({ code: 'ERR_QBP_BAD_OPTION' })
    })
  }

  it('are refused as a frame that was made, and then transferred', () => {
    const { client, server } = connectionPair(protocol)
    const frame = protocol.frame({ $name: 'M', one: Buffer.from('x') })
    const own = { ...frame, bytes: new Uint8Array(frame.bytes) }
    const moved = Object.assign(Object.create(Object.getPrototypeOf(frame)), own) as typeof frame
    client.writer.write(moved)
    transferred(own.bytes)
    const group = new Group<Protocol>().join(client)
    for (const act of [() => client.writer.write(moved), () => group.broadcast(moved)])
      expect(refusal(act).message).to.include(LOST)
    client.destroy()
    server.destroy()
  })
})

describe('bytes that are merely empty', () => {
  for (const [what, make] of Object.entries(empty))
    it(`go as they are: ${what}`, () => {
      const whole = { one: make(), list: [make()], map: { k: make() }, a: make(), inner: { one: make() } }
      const read = protocol.decode('M', protocol.encode('M', whole))
      const none = Buffer.alloc(0)
      expect(read).to.deep.include({ one: none, list: [none], map: { k: none }, a: none })
      expect(HEADER.frame({ $name: null, type: 1, body: make(), $header: { id: make() } } as never).bodyBytes).to.equal(
        0,
      )
    })
})

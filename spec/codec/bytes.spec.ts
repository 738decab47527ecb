import { Duplex } from 'node:stream'
import vm from 'node:vm'
import { expect } from 'chai'
import { bytesOf } from '../../lib/codec/bytes.ts'
import { QbpConnection, type QbpError } from '../../lib/index.ts'
import { reflectedProtocol, rootOf } from '../support/reflected.ts'

const SCHEMA = `syntax = "proto3"; package t;
  message M { string short = 1; string long = 2; bytes bytes = 3; repeated double numbers = 4; map<string, M> map = 5; }`
const protocol = reflectedProtocol(rootOf(SCHEMA), { header: 'length:varint', message: 'M', package: 't' })

// Text over 32 bytes, text that is not ASCII, and an unknown field: what is read by Buffer's own methods.
const message = {
  short: 'é',
  long: 'x'.repeat(100),
  bytes: Buffer.from('bytes'),
  numbers: [1.5],
  map: { k: { short: 'v' } },
}
const body = Buffer.concat([protocol.encode('M', message), Buffer.from('9a06050102030405', 'hex')])

class Sub extends Uint8Array {
  static get [Symbol.species](): never {
    throw new Error('nothing is to be made of it')
  }
}
class Liar extends Uint8Array {
  override get length(): number {
    return 1
  }
  override subarray(): never {
    throw new Error('no part of it is to be taken')
  }
}
const into = <T extends Uint8Array>(array: T): T => {
  Uint8Array.prototype.set.call(array, body)
  return array
}
const foreign = vm.runInNewContext(`(bytes) => Uint8Array.from(bytes)`) as (bytes: number[]) => Uint8Array

const kinds: Record<string, () => Uint8Array> = {
  'a Buffer': () => Buffer.from(body),
  'a Uint8Array': () => new Uint8Array(body),
  'a view with an offset': () =>
    new Uint8Array(Buffer.concat([Buffer.from('xyz'), body, Buffer.from('xyz')])).subarray(3, 3 + body.length),
  'a view of shared memory': () => into(new Uint8Array(new SharedArrayBuffer(body.length))),
  'a Buffer of shared memory': () => into(Buffer.from(new SharedArrayBuffer(body.length + 5), 5)),
  'a view of memory that may be resized': () =>
    into(
      new Uint8Array(
        new (ArrayBuffer as never as new (size: number, options: object) => ArrayBuffer)(body.length, {
          maxByteLength: 4096,
        }),
      ),
    ),
  'one of another realm': () => foreign([...body]),
  'an instance of a subclass': () => into(new Sub(body.length)),
  'an instance of a subclass that lies': () => into(new Liar(body.length)),
}

const others: Record<string, unknown> = {
  'an ArrayBuffer': new Uint8Array(body).buffer,
  'a SharedArrayBuffer': new SharedArrayBuffer(4),
  'a DataView': new DataView(new ArrayBuffer(4)),
  'an Uint16Array': new Uint16Array(4),
  'an Uint8ClampedArray': new Uint8ClampedArray(4),
  text: body.toString('latin1'),
  'text in hex': body.toString('hex'),
  undefined: undefined,
  null: null,
  'a number': 5,
  'an array of numbers': [...body],
  'what JSON makes of a Buffer': JSON.parse(JSON.stringify(body)),
  'an object of that prototype': Object.create(Uint8Array.prototype),
  'a Proxy of an array': new Proxy(new Uint8Array(4), {}),
}

function refusal(act: () => unknown): QbpError {
  try {
    act()
  } catch (error) {
    return error as QbpError
  }
  throw new Error('nothing was thrown')
}

/** What a connection reads of a duplex in object mode that yields these. */
async function readBy(...chunks: unknown[]): Promise<unknown[]> {
  const duplex = new Duplex({ objectMode: true, read() {}, write: (_chunk, _encoding, done) => done() })
  const connection = new QbpConnection(protocol, duplex)
  for (const chunk of chunks) duplex.push(chunk)
  duplex.push(null)
  const read: unknown[] = []
  for await (const each of connection.reader) read.push(each)
  return read
}

describe('Bytes', () => {
  const whole = protocol.decode('M', body)
  for (const [about, make] of Object.entries(kinds)) {
    it(`may be ${about}`, async () => {
      const decoded = protocol.decode('M', make())
      expect(decoded).to.deep.equal(whole)
      expect(protocol.encode('M', decoded).equals(body)).to.equal(true)
      expect(decoded.bytes.equals(message.bytes)).to.equal(true)
      const framed = await readBy(Buffer.from([(body.length & 127) | 128, body.length >> 7]), make())
      expect(framed).to.have.length(1)
      expect(protocol.encode('M', framed[0] as object).equals(body)).to.equal(true)
    })

    it(`of a field may be ${about}`, () => {
      const encoded = protocol.encode('M', { bytes: make() })
      expect(protocol.decode('M', encoded).bytes.equals(body)).to.equal(true)
    })
  }

  for (const [about, value] of Object.entries(others)) {
    it(`are not ${about}`, async () => {
      const fault = refusal(() => protocol.decode('M', value as Uint8Array))
      expect(fault.code).to.equal('ERR_QBP_NOT_BYTES')
      expect(fault.message).to.match(/^The body is .*; give a Uint8Array or Buffer/)
      expect(refusal(() => bytesOf('A chunk', value)).message).to.match(/^A chunk is /)
      if (value === undefined || value === null) return
      expect(await readBy(Buffer.from([0]), value).catch((error) => error.code)).to.equal('ERR_QBP_NOT_BYTES')
    })

    it(`of a field are not ${about}`, () => {
      if (value === undefined || value === null) return
      const fault = refusal(() => protocol.encode('M', { bytes: value }))
      expect([fault.code, fault.field]).to.deep.equal(['ERR_QBP_INVALID_MESSAGE', 'bytes'])
    })
  }

  it('of shared memory are copied: another thread may change it', () => {
    const shared = kinds['a view of shared memory']?.() as Uint8Array
    const own = bytesOf('The body', shared)
    shared.fill(0)
    expect(Buffer.from(own).equals(body)).to.equal(true)
  })
})

import { expect } from 'chai'
import { headers, type QbpError, QbpReadable, QbpWritable } from '../../lib/index.ts'
import { reflectedProtocol, rootOf } from '../support/reflected.ts'

// A TFRecord file, made here by hand from its description, https://www.tensorflow.org/tutorials/load_data/tfrecord: for each record
//
//     uint64 length, uint32 masked_crc32_of_length, byte data[length], uint32 masked_crc32_of_data
//
// all little-endian, with masked_crc = ((crc >> 15) | (crc << 17)) + 0xa282ead8. The checksum is computed bit by bit: by nothing of lib/.

function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}

function masked(bytes: Uint8Array): Buffer {
  const crc = BigInt(crc32c(bytes))
  const rotated = ((crc >> 15n) | (crc << 17n)) & 0xffffffffn
  const four = Buffer.alloc(4)
  four.writeUInt32LE(Number((rotated + 0xa282ead8n) & 0xffffffffn))
  return four
}

function record(data: Buffer): Buffer {
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(data.length))
  return Buffer.concat([length, masked(length), data, masked(data)])
}

// tensorflow.Example, cut down: features { feature { key: 'x' value { int64_list { value: [i] } } } }
const protocol = reflectedProtocol(
  rootOf(`syntax = "proto3"; package tensorflow;
    message Example { Features features = 1; }
    message Features { map<string, Feature> feature = 1; }
    message Feature { oneof kind { BytesList bytes_list = 1; FloatList float_list = 2; Int64List int64_list = 3; } }
    message BytesList { repeated bytes value = 1; }
    message FloatList { repeated float value = 1; }
    message Int64List { repeated int64 value = 1; }`),
  { package: 'tensorflow', header: headers.tfrecord, message: 'Example' },
)
const body = (value: number) => Buffer.from(`0a0c 0a0a 0a0178 1205 1a03 0a01 0${value}`.replaceAll(' ', ''), 'hex')

describe('a TFRecord file', () => {
  const records = [0, 1, 2].map((value) => record(body(value)))
  const file = Buffer.concat(records)

  it('is known by the checksums of its description: crc32c of 123456789 is e3069283', () => {
    expect(crc32c(Buffer.from('123456789')).toString(16)).to.equal('e3069283')
  })

  it('is read, and written to the same bytes', async () => {
    const reader = new QbpReadable(protocol)
    reader.end(file)
    const values: unknown[] = []
    const writer = new QbpWritable(protocol)
    for await (const example of reader) {
      values.push(example.features.feature.x.int64List.value)
      writer.write(example)
    }
    expect(values).to.deep.equal([[0n], [1n], [2n]])
    writer.end()
    expect((writer.read() as Buffer).toString('hex')).to.equal(file.toString('hex'))
  })

  it('is refused with any one bit turned, after the records before it', async () => {
    const [{ length: first }] = records as [Buffer]
    for (let bit = 0; bit < first * 8; bit++) {
      const turned = Buffer.from(file)
      const at = first + (bit >> 3)
      turned[at] = (turned[at] as number) ^ (1 << (bit & 7))
      const reader = new QbpReadable(protocol)
      reader.end(turned)
      const whole = await reader.readMessage()
      expect(whole?.features.feature.x.int64List.value).to.deep.equal([0n])
      const fault = (await reader.readMessage().catch((error) => error)) as QbpError
      // A length of over 1 MiB, or 2**53, is refused before its checksum has come.
      expect(fault.code, `bit ${bit}`).to.be.oneOf(['ERR_QBP_BAD_CHECKSUM', 'ERR_QBP_BAD_LENGTH', 'ERR_QBP_TOO_LONG'])
      expect(fault).to.include({ offset: first, frame: 1 })
      if (bit >= 64) expect(fault.code, `bit ${bit}`).to.equal('ERR_QBP_BAD_CHECKSUM')
    }
  })
})

import { expect } from 'chai'
import { headers, Protocol, QbpReadable, QbpWritable } from '../../lib/index.ts'
import { rejection } from '../support/rejection.ts'

type Raw = { $name: null; type: number | string; body: Uint8Array; $header?: Record<string, unknown> }

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

describe('lengths and types in a section, by its fields’ numbers', () => {
  const frames: [what: string, header: string, bytes: string, type: number | string, body: string][] = [
    ['a text', 'length(H):u8 {H} type=H.1 length=H.3', '06 0a0261621803 0a0163', 'ab', '0a0163'],
    ['a number', 'length(H):u8 {H} type=H.1 length=H.2', '04 08051002 0801', 5, '0801'],
    ['fixed numbers', 'length(H):u8 {H} type=H.1 length=H.2', '0e 0d05000000 110200000000000000 0801', 5, '0801'],
    ['fields of a message', 'length(H):u8 {H} type=H.1.2 length=H.1.3', '06 0a0410071802 0801', 7, '0801'],
    ['fields that are not there, for nothing', 'length(H):u8 {H} type=H.1 length=H.2', '00', 0, ''],
    ['the last of a field that comes twice', 'length(H):u8 {H} type=H.1 length=H.2', '06 080108021002 0801', 2, '0801'],
    ['a preset', headers.osmpbf, '0000000d 0a094f534d4865616465721802 0801', 'OSMHeader', '0801'],
  ]
  for (const [what, header, text, type, body] of frames) {
    const whole = hex(text)
    it(`are ${what}: read without a schema, at every cut, and written back`, async () => {
      const protocol = Protocol.raw({ header })
      for (let cut = 0; cut <= whole.length; cut++) {
        const reader = new QbpReadable(protocol)
        reader.write(whole.subarray(0, cut))
        reader.end(whole.subarray(cut))
        const [message, ...more] = (await reader.toArray()) as Raw[]
        expect(more).to.deep.equal([])
        expect(message).to.include({ type })
        expect(Buffer.from(message?.body ?? []).toString('hex')).to.equal(body)
        const writer = new QbpWritable(protocol)
        writer.end(message as never)
        const [written] = await writer.toArray()
        expect((written as Buffer).toString('hex')).to.equal(whole.toString('hex'))
      }
    })
  }

  it('are filled in on write, whatever stands there', async () => {
    const protocol = Protocol.raw({ header: 'length(H):u8 {H} type=H.1 length=H.3' })
    const sent: [given: string, type: number | string, bytes: string][] = [
      ['', 'ab', '06 0a02616218020801'],
      ['0a017a', 'ab', '06 0a02616218020801'],
      ['1209 6e6f74206f75727321 1863', 300, '0e 12096e6f74206f757273211802 08ac02'],
    ]
    for (const [given, type] of sent) {
      const writer = new QbpWritable(protocol)
      writer.end({ $name: null, type, body: hex('0801'), $header: { H: hex(given) } } as never)
      const reader = new QbpReadable(protocol)
      for (const chunk of await writer.toArray()) reader.write(chunk)
      reader.end()
      const [message] = (await reader.toArray()) as Raw[]
      expect(message).to.include({ type })
      expect(Buffer.from(message?.body ?? []).toString('hex')).to.equal('0801')
      if (given.startsWith('12'))
        expect(Buffer.from(message?.$header?.H as Uint8Array).toString()).to.include('not ours!')
    }
  })

  it('count with a schema, too, beside names', async () => {
    const load = (header: string) =>
      Protocol.load('spec/peers/osm.proto', { header, types: { OSMHeader: { type: 'OSMHeader', message: 'Blob' } } })
    const protocol = await load('length(BlobHeader):u32 {BlobHeader} type=BlobHeader.1 length=BlobHeader.3')
    const reader = new QbpReadable(protocol)
    reader.end(hex('0000000d 0a094f534d4865616465721802 0a00'))
    const [message] = await reader.toArray()
    expect(message).to.include({ $name: 'OSMHeader' })
    expect(message.$header.BlobHeader).to.include({ type: 'OSMHeader', datasize: 2 })
    const none = await rejection(load('length(BlobHeader):u32 {BlobHeader} type=BlobHeader.99 length=BlobHeader.3'))
    expect(none).to.include({ code: 'ERR_QBP_BAD_LAYOUT' })
    expect(none.message).to.match(/BlobHeader has no field 99/)
  })

  it('want a schema, or a number, where they are names', () => {
    expect(() => Protocol.raw({ header: 'length(H):u8 {H} type=H.kind length:u8' })).to.throw(
      /takes a schema to say, or the field's number \(H\.1\)/,
    )
  })
})

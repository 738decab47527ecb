import { expect } from 'chai'
import type { Message } from '../../lib/codec/message-class.ts'
import { type Field, Type } from '../../lib/codec/type.ts'
import { copy } from '../../lib/codec/wire.ts'

const NAME: Field = {
  ...{ name: 'name', protoName: 'name', jsonName: 'name', id: 2, kind: 'string', key: null, utf8: true, initial: '' },
  ...{ repeated: false, presence: false, required: false, packed: false, group: false, oneof: null, enum: null },
  ...{ named: false, message: null, form: null },
}
const FIELDS: readonly Field[] = [NAME, { ...NAME, name: 'id', protoName: 'id', jsonName: 'id', id: 1 }]

/** A type, and how often it has asked for its fields. */
function type(): { made: Type; asked: () => number } {
  let asked = 0
  const fields = () => {
    asked++
    return [...FIELDS]
  }
  const codec = (of: Type) => ({
    decode: (_message: object, _buf: Uint8Array, pos: number) => pos,
    read: () => new of.Roomy() as Message,
    nest: () => new of.Bare() as Message,
    encode: (_message: object, _output: object, pos: number) => pos,
  })
  return { made: new Type('a.Named', 'Named', 'bigint', codec, fields), asked: () => asked }
}

const USES: Record<string, (made: Type) => unknown> = {
  'its fields are asked for': (made) => made.fields,
  'its class is asked for': (made) => made.Message,
  'a class with room is asked for': (made) => made.Roomy,
  'a class without room is asked for': (made) => made.Bare,
  'the size of roomy bodies is asked for': (made) => made.roomyFrom,
  'a message is read': (made) => made.read('Named', null, copy(new Uint8Array(0), 0, 0), 0, 0, false),
}

describe('a message type', () => {
  it('is not made before it is used', () => {
    const { made, asked } = type()
    expect([made.name, made.fullName, made.int64]).to.deep.equal(['Named', 'a.Named', 'bigint'])
    expect(asked()).to.equal(0)
  })

  for (const [name, use] of Object.entries(USES))
    it(`is made once, when ${name}`, () => {
      const { made, asked } = type()
      use(made)
      use(made)
      expect(asked()).to.equal(1)
      expect(made.fields.map(({ id }) => id)).to.deep.equal([1, 2])
      const message = new made.Bare() as Message & { name: string }
      expect([message.name, message instanceof made.Message, made.Message.name]).to.deep.equal(['', true, 'Named'])
    })
})

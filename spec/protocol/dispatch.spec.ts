import { expect } from 'chai'
import { dispatch, type Incoming, Protocol } from '../../lib/index.ts'
import { chat } from '../../schemas/chat.ts'

const protocol = Protocol.from(chat)
const message = (name: string, fields = {}): Incoming<typeof protocol> =>
  protocol.decode(name, protocol.encode(name, fields))

describe('dispatch()', () => {
  it('calls the function of the message’s name with it, and gives what that returns', async () => {
    const handlers = { Say: ({ text }: { text: string }) => text, Join: async ({ room }: { room: string }) => room }
    expect(dispatch(message('Say', { text: 'hi' }), handlers)).to.equal('hi')
    expect(await dispatch(message('Join', { room: 'a' }), handlers)).to.equal('a')
    expect(dispatch(message('Leave'), handlers)).to.equal(undefined)
    expect(dispatch(message('Leave'), { Leave: undefined })).to.equal(undefined)
  })

  it('finds nothing that an object has by nature', () => {
    expect(dispatch({ $name: 'toString' }, {})).to.equal(undefined)
    expect(dispatch({ $name: null }, {} as never)).to.equal(undefined)
    expect(dispatch({ $name: '__proto__' }, {})).to.equal(undefined)
  })

  it('throws what the function throws', () => {
    const fault = new Error('mine')
    const failing = () => {
      throw fault
    }
    expect(() => dispatch(message('Say'), { Say: failing })).to.throw(fault)
  })
})

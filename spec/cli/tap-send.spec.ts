import { once } from 'node:events'
import net from 'node:net'
import { expect } from 'chai'
import type { TapEvent } from '../../lib/cli/tap/events.ts'
import { Tap } from '../../lib/cli/tap/proxy.ts'
import { type Protocol, Protocol as Protocols } from '../../lib/index.ts'
import { chat } from '../../schemas/chat.ts'

const protocol = Protocols.from(chat) as unknown as Protocol
const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex')
/** Say, in the default layout, of some text. */
const say = (text: string) => {
  const body = protocol.encode('Say', { text })
  const head = Buffer.alloc(6)
  head.writeUInt16BE(3)
  head.writeUInt32BE(body.length, 2)
  return Buffer.concat([head, body])
}

describe('a tap that sends frames of its own', () => {
  let server: net.Server
  let tap: Tap
  let client: net.Socket
  let accepted: net.Socket
  let events: TapEvent[]
  let recorded: Buffer[]
  let arrived: Buffer
  let expected = 0
  let reached: (() => void) | undefined

  beforeEach(async () => {
    server = net.createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as net.AddressInfo
    tap = new Tap(protocol, { connect: () => net.connect({ port, host: '127.0.0.1', allowHalfOpen: true }) })
    events = []
    recorded = []
    arrived = Buffer.alloc(0)
    tap.on('event', (event) => events.push(event))
    tap.on('bytes', ({ direction, bytes }) => {
      if (direction === 'client') recorded.push(Buffer.from(bytes))
    })
    tap.listen({ port: 0, host: '127.0.0.1' })
    await once(tap, 'listening')
    const both = once(server, 'connection')
    client = net.connect({ port: (tap.address() as net.AddressInfo).port, host: '127.0.0.1' })
    ;[accepted] = (await both) as [net.Socket]
    for (const socket of [client, accepted]) socket.on('error', () => {})
    accepted.on('data', (chunk) => {
      arrived = Buffer.concat([arrived, chunk])
      if (arrived.length >= expected) reached?.()
    })
  })
  afterEach(async () => {
    client.destroy()
    accepted.destroy()
    await tap.close()
    server.close()
  })

  /** What came to the server, once it is so much. */
  const whole = async (length: number): Promise<string> => {
    expected = length
    if (arrived.length < length) await new Promise<void>((resolve) => (reached = resolve))
    return arrived.toString('hex')
  }
  const frames = () => events.filter(({ kind }) => kind === 'frame')

  it('puts them between two frames of the client, and says that they were sent here', async () => {
    client.write(say('one'))
    await whole(say('one').length)
    tap.send(1, 'client', say('ours'))
    client.write(say('two'))
    const all = Buffer.concat([say('one'), say('ours'), say('two')])
    expect(await whole(all.length)).to.equal(all.toString('hex'))
    expect(frames().map(({ message, sentHere }) => [(message as { text: string }).text, sentHere])).to.deep.equal([
      ['one', undefined],
      ['ours', true],
      ['two', undefined],
    ])
    expect(Buffer.concat(recorded).toString('hex')).to.equal(all.toString('hex'))
  })

  it('waits for the end of a frame that has begun, wherever it is cut', async () => {
    const [one, two] = [say('one'), say('two')]
    let all = Buffer.alloc(0)
    for (let cut = 1; cut < one.length; cut++) {
      client.write(one.subarray(0, cut))
      all = Buffer.concat([all, one.subarray(0, cut)])
      await whole(all.length)
      tap.send(1, 'client', say(`ours ${cut}`))
      // The rest comes with a whole frame, and the beginning of another.
      client.write(Buffer.concat([one.subarray(cut), two, one.subarray(0, 1)]))
      all = Buffer.concat([all, one.subarray(cut), two, say(`ours ${cut}`), one.subarray(0, 1)])
      await whole(all.length)
      client.write(one.subarray(1))
      all = Buffer.concat([all, one.subarray(1)])
    }
    expect(await whole(all.length)).to.equal(all.toString('hex'))
  })

  it('sends to the client in the name of the server, too', async () => {
    const came = once(client, 'data')
    tap.send(1, 'server', bytes('0002 00000000'))
    expect(((await came) as [Buffer])[0].toString('hex')).to.equal('000200000000')
  })

  it('refuses what is no whole frame, an unknown connection, and one that is over', async () => {
    expect(() => tap.send(1, 'client', bytes('0003 00000005 0a'))).to.throw('it is no frame')
    expect(() => tap.send(7, 'client', say('x'))).to.throw('connection 7 is not open')
    client.end()
    await once(accepted, 'end')
    expect(() => tap.send(1, 'client', say('x'))).to.throw('not open')
  })

  it('refuses after a fault: nobody knows where a frame ends', async () => {
    const broken = bytes('0003 ffffffff 00')
    client.write(broken)
    await whole(broken.length)
    expect(() => tap.send(1, 'client', say('x'))).to.throw('passes undecoded')
  })
})

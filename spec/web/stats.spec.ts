import { Duplex } from 'node:stream'
import { expect } from 'chai'
import { Protocol as NodeProtocol, QbpConnection } from '../../lib/index.ts'
import {
  type CallTraffic,
  type ConnectOptions,
  calls,
  connect,
  connections,
  layout,
  Protocol,
  resync,
  stats,
} from '../../lib/web/index.ts'
import { chat } from '../../schemas/chat.ts'
import { Accounts, accounts } from '../calls/accounts.ts'
import { accountsHandlers, converse } from '../support/accounts-handlers.ts'
import { rejection } from '../support/rejection.ts'
import { webPair } from '../support/web-pair.ts'

const protocol = Protocol.from(chat, { unknown: 'skip', invalid: 'skip' })
const node = NodeProtocol.from(chat, { unknown: 'skip', invalid: 'skip' })

/** A page's connection that counts, and that of the main entry at its other end. */
async function ends(options: ConnectOptions = {}) {
  const [page, server] = webPair()
  return {
    web: await connect(protocol, page, { stats: stats(), ...options }),
    main: new QbpConnection(node, Duplex.fromWeb(server as never), { role: 'server' }),
  }
}

/** A page's connection that counts, and the bare bytes of its other end. */
async function bare<P extends Protocol>(own: P, options: ConnectOptions = {}) {
  const [page, server] = webPair()
  const connection = await connect(own, page, { stats: stats(), ...options })
  return { connection, writer: server.writable.getWriter(), reader: server.readable.getReader() }
}

describe('stats() of qbp-stream/web', () => {
  it('counts what the main entry counts at the other end, by name and in all', async () => {
    const { web, main } = await ends()
    const none = web.stats()
    expect(none).to.deep.equal(main.stats())
    for (const text of ['a', 'bc', 'def']) await web.writer.writeMessage({ $name: 'Say', text })
    await web.writer.writeMessage({ $name: 'Join', room: 'hall' })
    for (let i = 0; i < 4; i++) await main.reader.readMessage()
    main.writer.write({ $name: 'Said', text: 'grüße' })
    await main.writer.writeMessage({ $name: null, type: 77, body: Buffer.from('unlisted') } as never)
    await main.writer.writeMessage({ $name: null, type: 3, body: Buffer.from([0xff]) } as never) // No Say.
    await main.writer.writeMessage({ $name: 'Welcome', room: 'hall' })
    await web.reader.readMessage()
    expect(await web.reader.readMessage()).to.include({ $name: 'Welcome' })
    const [ours, theirs] = [web.stats(), main.stats()]
    expect(ours).to.deep.include({ messagesOut: 4, messagesIn: 4, faults: {} })
    expect(ours.byName.out).to.have.all.keys('Say', 'Join').and.to.deep.equal(theirs.byName.in)
    expect(ours.byName.in).to.have.all.keys('Said', '(unlisted)', 'Say', 'Welcome')
    expect(ours.skipped).to.deep.equal({ unknown: 1, invalid: 1, slow: 0 })
    expect([ours.bytesOut, ours.bytesIn]).to.deep.equal([theirs.bytesIn, theirs.bytesOut])
    expect(none.messagesOut).to.equal(0) // A copy: it does not change.
    main.destroy()
    web.destroy()
  })

  it('counts what waits for the peer', async () => {
    const { connection } = await bare(protocol)
    for (let i = 0; i < 3; i++) connection.writer.write({ $name: 'Say', text: 'x'.repeat(100) })
    const { queuedBytes, bytesOut } = connection.stats()
    expect(queuedBytes).to.equal(bytesOut).and.to.be.above(300)
    connection.destroy()
    expect(connection.stats()).to.include({ queuedBytes: 0, bytesOut })
  })

  it('counts faults by code: messages refused, and what ended it, also once it is closed', async () => {
    const { connection, writer } = await bare(Protocol.from(chat))
    for (const text of [5, {}]) expect(() => connection.writer.write({ $name: 'Say', text } as never)).to.throw()
    expect(connection.stats().faults).to.deep.equal({ ERR_QBP_INVALID_MESSAGE: 2 })
    expect(connection.stats().messagesOut).to.equal(0)
    void writer.write(Uint8Array.of(0, 77, 0, 0, 0, 0)).catch(() => {})
    await rejection(connection.reader.readMessage())
    connection.destroy()
    await connection.closed
    expect(connection.stats().faults).to.deep.equal({ ERR_QBP_INVALID_MESSAGE: 2, ERR_QBP_UNKNOWN_TYPE: 1 })
  })

  it('counts a refusal that then ends the connection once', async () => {
    const { connection } = await bare(protocol)
    let refusal: unknown
    try {
      connection.writer.write({ $name: 'Say', text: 5 } as never)
    } catch (error) {
      refusal = error
    }
    connection.destroy(refusal as Error)
    await connection.closed
    expect(connection.stats().faults).to.deep.equal({ ERR_QBP_INVALID_MESSAGE: 1 })
  })

  it('counts heartbeats as messages, and bytes that were no frame', async () => {
    const heartbeat = { message: { $name: 'Join' }, intervalMs: 1 }
    const beating = await bare(protocol, { heartbeat })
    const { value } = await beating.reader.read()
    expect(beating.connection.stats().byName.out).to.deep.equal({ Join: { messages: 1, bytes: value?.length } })
    beating.connection.destroy()

    const header = layout('0x94c3 type:u8 length:u16')
    const noisy = await bare(Protocol.from(chat, { header, resync: resync() }))
    const said = NodeProtocol.from(chat, { header: '0x94c3 type:u8 length:u16' }).frame({ $name: 'Said', text: 'a' })
    void noisy.writer.write(Uint8Array.from([...Buffer.from('booting'), ...said.bytes]))
    expect(await noisy.connection.reader.readMessage()).to.include({ text: 'a' })
    const { droppedBytes, byName } = noisy.connection.stats()
    expect([droppedBytes, byName.in]).to.deep.equal([
      'booting'.length,
      { Said: { messages: 1, bytes: said.bytes.length } },
    ])
    noisy.connection.destroy()
  })

  it('counts calls, their frames and their codes', async () => {
    const [page, server] = webPair()
    const own = Protocol.from(accounts, { calls: calls() })
    const web = await connect(own, page, { stats: stats() })
    const main = new QbpConnection(NodeProtocol.from(accounts, { calls: true }), Duplex.fromWeb(server as never), {
      role: 'server',
    })
    void main.serve(Accounts, accountsHandlers)
    await converse(web.client(Accounts))
    expect(await Promise.all([web.close(), main.close()])).to.deep.equal([null, null])
    const [ours, theirs] = [web.stats(), main.stats()]
    // The deadline of a call runs out on both sides: where the caller's is first, the server sees that it has given up.
    const ended = ({ byCode: { CANCELLED = 0, DEADLINE_EXCEEDED = 0, ...byCode }, ...counts }: CallTraffic) => ({
      ...counts,
      byCode,
      givenUp: CANCELLED + DEADLINE_EXCEEDED,
    })
    expect(ended(ours.calls?.out as CallTraffic)).to.deep.equal(ended(theirs.calls?.in as CallTraffic))
    expect(ours.calls?.out.begun).to.be.above(3)
    expect(ours.byName.out).to.deep.equal(theirs.byName.in)
    expect(ours.byName.in['qbp.Reply']).to.deep.equal(theirs.byName.out['qbp.Reply'])
  })

  it('is of each connection of a loop', async () => {
    for (let i = 0; i < 2; i++)
      for await (const connection of connections(protocol, () => webPair()[0], { stats: stats() })) {
        connection.writer.write({ $name: 'Say' })
        expect(connection.stats().messagesOut).to.equal(1)
        connection.destroy()
        break
      }
  })

  it('is refused where it was not asked for, and where it was as no option of a page is', async () => {
    const connection = await connect(protocol, webPair()[0])
    const advice = "There is no stats here: give connect { stats: stats() }, which 'qbp-stream/web' exports."
    expect(() => connection.stats())
      .to.throw(advice)
      .with.property('code', 'ERR_QBP_BAD_OPTION')
    connection.destroy()
    for (const wrong of [true, null, stats, {}]) {
      const refusal = await rejection(connect(protocol, webPair()[0], { stats: wrong as never }))
      expect(refusal).to.include({ code: 'ERR_QBP_BAD_OPTION', option: 'stats', message: advice })
    }
  })
})

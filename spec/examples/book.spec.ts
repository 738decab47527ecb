import { expect } from 'chai'
import { Book, feedServer, protocol } from '../../examples/applications/book.ts'
import { LocalHub } from '../../lib/index.ts'
import { ScriptedPeer } from '../../lib/testing/index.ts'
import { Side } from '../../schemas/book.ts'

const tick = (price: string, qty: bigint) => ({ side: Side.BID, price, qty })

describe('the order book example', () => {
  it('gives a snapshot, then increments, to each what it follows', async () => {
    const feed = feedServer(['A', 'B'])
    await feed.instrument('A')?.publish(tick('100', 5n))
    const peer = new ScriptedPeer(protocol, 'client')
    feed.server.attach(peer.duplex)
    await peer.send({ $name: 'Subscribe', symbols: ['A'] })
    const { bids } = await peer.expect({ $name: 'Snapshot', symbol: 'A' })
    expect(bids).to.deep.equal({ 100: 5n })
    await feed.instrument('B')?.publish(tick('7', 7n))
    await feed.instrument('A')?.publish(tick('100', 0n))
    const view = new Book()
    Object.assign(view.bids, bids)
    view.apply(await peer.expect({ $name: 'Update', symbol: 'A', price: '100' }))
    expect(view.bids).to.deep.equal({ ...feed.instrument('A')?.book.bids })
    await peer.end()
    await feed.close()
  })

  it('goes on where a subscriber stood, from a snapshot where its past is gone, and refuses what is no position', async () => {
    const feed = feedServer(['A', 'B'], new LocalHub({ logMaxFrames: 10 }).bus())
    const first = new ScriptedPeer(protocol, 'client')
    feed.server.attach(first.duplex)
    await feed.instrument('A')?.publish(tick('1', 1n))
    await first.send({ $name: 'Subscribe', symbols: ['A'] })
    const { position } = await first.expect({ $name: 'Snapshot' })
    first.reset()
    for (const price of ['2', '3']) await feed.instrument('A')?.publish(tick(price, 1n))
    const again = new ScriptedPeer(protocol, 'client')
    feed.server.attach(again.duplex)
    await again.send({ $name: 'Resume', positions: { A: position } })
    await again.expect({ $name: 'Update', price: '2' })
    await again.expect({ $name: 'Update', price: '3' })
    await again.end()

    for (let n = 0; n < 40; n++) await feed.instrument('A')?.publish(tick(String(n), 1n))
    const late = new ScriptedPeer(protocol, 'client')
    feed.server.attach(late.duplex)
    await late.send({ $name: 'Resume', positions: { A: position } })
    await late.expect({ $name: 'Snapshot', symbol: 'A' })
    await late.send({ $name: 'Resume', positions: { B: 'rubbish' } })
    await late.expect({ $name: 'Refused', symbol: 'B' })
    await late.send({ $name: 'Subscribe', symbols: ['C', 'B'] })
    await late.expect({ $name: 'Refused', symbol: 'C', reason: 'no such instrument' })
    await late.expect({ $name: 'Snapshot', symbol: 'B' })
    await late.end()
    await feed.close()
  })
})

import { expect } from 'chai'
import { gameServer, protocol } from '../../examples/applications/game.ts'
import { LocalHub } from '../../lib/index.ts'
import { ScriptedPeer } from '../../lib/testing/index.ts'

async function login(game: ReturnType<typeof gameServer>, name: string, token = '') {
  const peer = new ScriptedPeer(protocol, 'client')
  game.server.attach(peer.duplex)
  await peer.send({ $name: 'Login', name, token })
  const welcome = await peer.expect({ $name: 'Welcome' })
  return { peer, token: welcome.token }
}

describe('the game example', () => {
  it('refuses who does not log in', async () => {
    const game = gameServer()
    const peer = new ScriptedPeer(protocol, 'client')
    game.server.attach(peer.duplex)
    await peer.send({ $name: 'Move', dx: 1 })
    await peer.expect({ $name: 'Refused', reason: 'LOGIN_FIRST' })
    await peer.expectEnd()
    await peer.end()
    await game.close()
  })

  it('shows each room its own players, where they stand', async () => {
    const game = gameServer({ tickMs: 5 })
    const [ann, eve] = [await login(game, 'ann'), await login(game, 'eve')]
    await eve.peer.send({ $name: 'Enter', room: 'cave' })
    await ann.peer.send({ $name: 'Move', dx: 3, dy: -2 })
    await ann.peer.until({ $name: 'Snapshot', players: [{ name: 'ann', x: 3, y: -2 }] })
    await eve.peer.until({ $name: 'Snapshot', players: [{ name: 'eve', x: 0 }] })
    await game.close()
  })

  it('lets a player come back with its token, over a restart too', async () => {
    const hub = new LocalHub()
    const game = gameServer({ tickMs: 5, bus: hub.bus() })
    const ann = await login(game, 'ann')
    await ann.peer.send({ $name: 'Move', dx: 7 })
    await ann.peer.until({ $name: 'Snapshot', players: [{ x: 7 }] })
    const closing = game.close()
    await ann.peer.until({ $name: 'Bye' })
    await ann.peer.end()
    await closing
    const next = gameServer({ tickMs: 5, bus: hub.bus() })
    const again = await login(next, '', ann.token)
    await again.peer.until({ $name: 'Snapshot', players: [{ name: 'ann', x: 7 }] })
    await next.close()
  })

  it('gives a slow player the latest tick, and the others theirs', async () => {
    const game = gameServer({ tickMs: 1 })
    const [slow, fast] = [await login(game, 'slow'), await login(game, 'fast')]
    slow.peer.wire?.pause()
    let tick = 0
    while (tick < 50) ({ tick } = await fast.peer.until({ $name: 'Snapshot' }))
    slow.peer.wire?.resume()
    expect((await slow.peer.until({ $name: 'Snapshot' })).tick).to.be.at.least(1)
    await game.close()
  })
})

// A game server: rooms, a tick for each, players that come back with a token, slow ones that get the latest of what they missed.

import { type Bus, createServer, Group, localBus, Protocol, Sessions } from '../../lib/index.ts'
import { game } from '../../schemas/game.ts'

export const protocol = Protocol.from(game)
type Player = { name: string; room: string; x: number; y: number }
type Options = { bus?: Bus; tickMs?: number; loginMs?: number; graceMs?: number }
const LIMITS = { maxBodyBytes: 16 << 10, maxQueuedBytes: 64 << 10, idleTimeoutMs: 60_000 }

export function gameServer({ bus = localBus(), tickMs = 50, loginMs = 5000, graceMs = 2000 }: Options = {}) {
  const sessions = new Sessions<Player>(bus, { ttlMs: 30_000 })
  const everyone = new Group<typeof protocol, 'server', Player>({ slow: 'latest' })
  let isClosing = false
  let tick = 0
  const players = () => [...everyone.values()]

  const server = createServer(protocol, LIMITS, async (reader, writer, connection) => {
    const refuse = (reason: string) => writer.writeMessage({ $name: 'Refused', reason })
    const hello = await reader.readMessage({ timeoutMs: loginMs })
    if (hello === null) return
    if (isClosing) return refuse('RESTARTING')
    if (hello.$name !== 'Login') return refuse('LOGIN_FIRST')
    const { name, token } = hello
    if (!token && !/^\w{1,16}$/.test(name)) return refuse('BAD_NAME')
    if (!token && server.named(name)) return refuse('NAME_TAKEN')
    const session = token ? await sessions.resume(token) : await sessions.open({ name, room: 'lobby', x: 0, y: 0 })
    if (session === null) return refuse('TOKEN_GONE')
    const player = { ...session.state }
    server.name(connection, player.name)
    session.signal.addEventListener('abort', () => connection.destroy())
    try {
      await writer.writeMessage({ $name: 'Welcome', token: session.token, room: player.room })
      everyone.join(connection, player)
      for await (const message of reader) {
        if (message.$name === 'Login') return await refuse('ALREADY_IN')
        if (message.$name === 'Enter') player.room = message.room
        else Object.assign(player, { x: player.x + message.dx, y: player.y + message.dy })
      }
    } finally {
      await session.release(player)
    }
  })

  const timer = setInterval(() => {
    tick++
    for (const room of new Set(players().map((player) => player.room))) {
      const isHere = (player: Player) => player.room === room
      everyone.broadcast({ $name: 'Snapshot', tick, players: players().filter(isHere) }, { to: isHere })
    }
  }, tickMs)
  async function close() {
    isClosing = true
    clearInterval(timer)
    everyone.broadcast({ $name: 'Bye', reason: 'RESTART' }, { slow: 'destroy' })
    await server.close({ graceMs })
    await sessions.close()
  }
  return { server, close }
}

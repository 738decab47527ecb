// The chat server, as it is on every node.

import {
  type Bus,
  BusGroup,
  createServer,
  formatPosition,
  Protocol,
  parsePosition,
  type QbpConnection,
  type QbpServer,
  type Session,
  Sessions,
} from '../../lib/index.ts'
import { chat, Refused } from '../../schemas/chat.ts'

export const protocol = Protocol.from(chat)

interface Client {
  readonly name: string
  readonly room: string
}

/** What is said in a room is kept and comes in one order everywhere; who comes and goes is told to whoever is there. */
function roomOn(bus: Bus, room: string) {
  return {
    said: new BusGroup(protocol, bus, room, {
      durable: true,
      stamp: (message, position) =>
        message.$name === 'Said' ? { ...message, position: formatPosition(position) } : message,
    }),
    people: new BusGroup(protocol, bus, room),
  }
}

export function chatNode(bus: Bus): QbpServer<typeof protocol> {
  const sessions = new Sessions<Client>(bus)
  const rooms = new Map<string, ReturnType<typeof roomOn>>()

  /** Who is it? A new client, or one that comes back; null after a refusal. */
  async function greet(connection: QbpConnection<typeof protocol, 'server'>): Promise<Session<Client> | null> {
    const { reader, writer } = connection
    const hello = await reader.readMessage()
    if (hello === null || (hello.$name !== 'Join' && hello.$name !== 'Resume')) return null
    const { room } = hello
    const isBack = hello.$name === 'Resume'
    const session = isBack ? await sessions.resume(hello.token) : await sessions.open({ name: hello.name, room })
    const { said, people } = rooms.get(room) ?? roomOn(bus, room)
    rooms.set(room, { said, people })
    try {
      if (session === null) throw new Error('the token has run out')
      const { name } = session.state
      const since = isBack ? { since: parsePosition(hello.position) } : {}
      const position = await said.join(connection, { name, ...since }) // What it has missed is written here.
      await people.join(connection, { name })
      const members = (await said.members()).map((member) => member.name)
      const start = position === undefined ? '' : formatPosition(position)
      await writer.writeMessage({ $name: 'Welcome', room, members, token: session.token, position: start })
      if (!isBack) await people.broadcast({ $name: 'Joined', room, name }, { except: connection })
      return session
    } catch (error) {
      await session?.end()
      const text = (error as Error).message
      await writer.writeMessage({ $name: 'Refused', reason: Refused.Reason.GONE, text, room })
      return null
    }
  }

  return createServer(protocol, async (reader, _writer, connection) => {
    const session = await greet(connection)
    if (session === null) return
    await using _held = session // Its connection lost, it may come back.
    session.signal.addEventListener('abort', () => connection.destroy()) // It has, somewhere else.
    const { name, room } = session.state
    const { said, people } = rooms.get(room) as ReturnType<typeof roomOn>
    for await (const message of reader) {
      if (message.$name === 'Say') {
        await said.broadcast({ $name: 'Said', room, name, text: message.text, at: Date.now() })
      } else if (message.$name === 'Leave') {
        await session.end()
        await people.broadcast({ $name: 'Left', room, name }, { except: connection })
        return
      }
    }
  })
}

// A stateful chat server, and three clients that meet on it over real TCP:
//
//   npm start                      the clients join, talk and leave; it ends by itself
//   npm start -- --listen 7000     the server alone, for this machine, until Ctrl-C
//
// In a project of your own, import from 'qbp-stream', and make ./chat.ts with `npx qbp generate chat.proto -o chat.ts`.

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { parseArgs, styleText } from 'node:util'
import { connect, createServer, type Incoming, Protocol, type QbpServer, type QbpWritable } from '../lib/index.ts'
import { chat, Refused } from '../schemas/chat.ts'

const protocol = Protocol.from(chat)
type Message = Incoming<typeof protocol>
type Writer = QbpWritable<typeof protocol>

// ---- the server

interface Room {
  /** By name, in the order in which they came. */
  members: Map<string, Writer>
  history: { room: string; name: string; text: string; at: number }[]
}

const HISTORY = 20
const LONGEST = { name: 32, text: 2000 }

function chatServer(): QbpServer<typeof protocol> {
  const rooms = new Map<string, Room>() // All that the server knows; what one client is, its handler's closure knows.

  return createServer(protocol, { maxBodyBytes: 64 * 1024, idleTimeoutMs: 600_000 }, async (reader, writer) => {
    const joined = new Map<string, string>() // This client's name in each of its rooms.
    const refuse = (reason: number, text: string, room: string) =>
      writer.writeMessage({ $name: 'Refused', reason, text, room })
    const leave = (room: string) => {
      const name = joined.get(room) ?? ''
      joined.delete(room)
      const { members } = rooms.get(room) as Room
      members.delete(name)
      for (const member of members.values()) member.write({ $name: 'Left', room, name })
      if (members.size === 0) rooms.delete(room)
    }

    try {
      for await (const message of reader) {
        const { room } = message
        switch (message.$name) {
          case 'Join': {
            const { name } = message
            if (name === '' || name.length > LONGEST.name) {
              await refuse(Refused.Reason.NOT_ACCEPTABLE, `a name has 1 to ${LONGEST.name} characters`, room)
              break
            }
            const { members, history } = rooms.get(room) ?? { members: new Map(), history: [] }
            if (members.has(name) || joined.has(room)) {
              await refuse(Refused.Reason.NAME_TAKEN, `${name} is in ${room} already`, room)
              break
            }
            rooms.set(room, { members, history })
            for (const member of members.values()) member.write({ $name: 'Joined', room, name })
            members.set(name, writer)
            joined.set(room, name)
            await writer.writeMessage({ $name: 'Welcome', room, members: [...members.keys()], history })
            break
          }
          case 'Say': {
            const name = joined.get(room)
            if (name === undefined) await refuse(Refused.Reason.NOT_IN_ROOM, `join ${room} first`, room)
            else if (message.text.length > LONGEST.text) {
              await refuse(Refused.Reason.NOT_ACCEPTABLE, `a text has at most ${LONGEST.text} characters`, room)
            } else {
              const { members, history } = rooms.get(room) as Room
              const said = { room, name, text: message.text, at: Date.now() }
              if (history.push(said) > HISTORY) history.shift()
              for (const member of members.values()) member.write({ $name: 'Said', ...said })
            }
            break
          }
          case 'Leave':
            if (joined.has(room)) leave(room)
            else await refuse(Refused.Reason.NOT_IN_ROOM, `${room} was never joined`, room)
            break
          default:
            throw new Error(`a client sent ${message.$name}, which is the server's to send`)
        }
      }
    } finally {
      for (const room of joined.keys()) leave(room) // Gone is gone, however it went.
    }
  })
}

// ---- three clients

let crossed = 0

/** Prints a message as it crosses, with what its frame says of it. */
function show(name: string, direction: '→' | '←', message: Message): void {
  crossed++
  const { $name, ...fields } = message
  const type = protocol.sent.client.byName($name)?.type
  const { length } = protocol.encode($name, message)
  const who = `${name.padEnd(4)} ${direction} server`
  console.log(
    `${who}  ${styleText('bold', $name.padEnd(7))} type ${type}  ${String(length).padStart(3)} bytes  ${JSON.stringify(fields, decimal)}`,
  )
}
const decimal = (_key: string, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)

async function client(port: number, name: string, lines: { after: string; say: string }[]): Promise<void> {
  await using connection = await connect(protocol, { port, host: '127.0.0.1' })
  const { reader, writer } = connection
  const send = async (message: Parameters<typeof writer.writeMessage>[0]) => {
    show(name, '→', message as Message)
    await writer.writeMessage(message)
  }
  await send({ $name: 'Join', room: 'lobby', name })
  for await (const message of reader) {
    show(name, '←', message)
    const heard = message.$name === 'Said' ? message.text : message.$name === 'Welcome' ? 'welcome' : ''
    for (const { after, say } of lines) if (after === heard) await send({ $name: 'Say', room: 'lobby', text: say })
    if (heard === 'goodbye, all') {
      await send({ $name: 'Leave', room: 'lobby' })
      return
    }
  }
}

async function play(): Promise<void> {
  const server = chatServer().listen(0, '127.0.0.1')
  server.on('clientError', (error) => {
    console.error(error)
    process.exitCode = 1
  })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  console.log(`A chat server listens on 127.0.0.1:${port}. The header of its frames is '${protocol.header.text}'.\n`)

  const ann = client(port, 'ann', [{ after: 'hello ann', say: 'hello ben, and who is there?' }])
  await new Promise((resolve) => setTimeout(resolve, 100))
  const ben = client(port, 'ben', [{ after: 'welcome', say: 'hello ann' }])
  await new Promise((resolve) => setTimeout(resolve, 100))
  const cleo = client(port, 'cleo', [
    { after: 'welcome', say: 'cleo is: I read what you said' },
    { after: 'cleo is: I read what you said', say: 'goodbye, all' },
  ])
  await Promise.all([ann, ben, cleo])
  await server.close()

  const { accepted, messagesIn, messagesOut, bytesIn, bytesOut } = server.stats()
  console.log(
    `\n${accepted} clients, ${crossed} messages seen by them; the server read ${messagesIn} (${bytesIn} bytes) and wrote ${messagesOut} (${bytesOut} bytes). All closed.`,
  )
}

async function serve(port: number): Promise<void> {
  const server = chatServer().listen(port, '127.0.0.1') // Give no host to serve other machines too.
  server.on('error', (error) => {
    console.error(error.message)
    process.exitCode = 1
  })
  server.on('listening', () =>
    console.log(`The chat server listens on port ${(server.address() as AddressInfo).port}. Ctrl-C ends it.`),
  )
  server.on('clientError', (error) => console.error(`A client was dropped: ${error.message}`))
  process.once('SIGINT', async () => {
    const open = server.connections.size
    console.log(`\nClosing ${open} connection${open === 1 ? '' : 's'}: what was written is sent, then each is ended.`)
    await server.close({ graceMs: 5000 })
    console.log('Closed.')
  })
}

const { values } = parseArgs({ options: { listen: { type: 'string' } } })
if (values.listen === undefined) void play()
else void serve(Number(values.listen))

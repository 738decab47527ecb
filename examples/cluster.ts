// One machine, all its cores: the chat server in as many processes, its rooms spanning them, and clients that do not notice
// when one of the processes is killed:
//
//   npm run cluster
//
// The processes meet on a NATS server that this starts (Debian: apt-get install nats-server). Where there is none, nodes of this one process
// stand for them, on a bus that needs nothing installed: one line differs.

import { type ChildProcess, spawn } from 'node:child_process'
import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import { availableParallelism, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import {
  type Bus,
  BusGroup,
  connect,
  createServer,
  formatPosition,
  LocalHub,
  Protocol,
  parsePosition,
  type QbpConnection,
  type QbpServer,
  type Session,
  Sessions,
} from '../lib/index.ts'
import { chat, Refused } from '../schemas/chat.ts'

const protocol = Protocol.from(chat)
const ROOMS = ['lobby', 'kitchen', 'garden']
const CLIENTS_PER_ROOM = 4
const TALK_MS = 1_600
const PACE_MS = 8

// ---- the server, as it is on every node

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

function chatNode(bus: Bus): QbpServer<typeof protocol> {
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

// ---- clients, which count what they hear

interface Tally {
  sent: number
  delivered: number
  lost: number
  duplicated: number
  reordered: number
}

class Talker {
  readonly name: string
  readonly #room: string
  readonly #port: () => number
  /** Of each name in the room, the numbers heard, in the order heard. */
  readonly heard = new Map<string, number[]>()
  /** What was said and not heard yet: said again after a reconnection, if nobody has heard it. */
  readonly #open = new Set<number>()
  said = 0
  resumed = 0
  refused = 0
  /** Null until all are there. */
  isTalking: boolean | null = null
  #token = ''
  #position = ''
  #isDone = false

  constructor(name: string, room: string, port: () => number) {
    this.name = name
    this.#room = room
    this.#port = port
  }

  get isThere(): boolean {
    return this.#token !== ''
  }

  get isQuiet(): boolean {
    return this.#open.size === 0 && this.isTalking === false
  }

  /** Lives through any number of connections. */
  async run(): Promise<void> {
    while (!this.#isDone) {
      try {
        await this.#connection()
      } catch {
        // The server has gone: there are others.
      }
      if (!this.#isDone) await pause(20)
    }
  }

  async #connection(): Promise<void> {
    await using connection = await connect(protocol, { port: this.#port(), host: '127.0.0.1' })
    const { reader, writer } = connection
    const room = this.#room
    const isBack = this.#token !== ''
    if (isBack) writer.write({ $name: 'Resume', room, token: this.#token, position: this.#position })
    else writer.write({ $name: 'Join', room, name: this.name })
    const over = new AbortController()
    void connection.closed.then(() => over.abort())
    let talking = Promise.resolve()
    for await (const message of reader) {
      if (message.$name === 'Welcome') {
        if (isBack) this.resumed++
        else this.#position = message.position
        this.#token = message.token
        for (const n of this.#open) writer.write({ $name: 'Say', room, text: String(n) })
        talking = this.#talk(connection, over.signal)
      } else if (message.$name === 'Said') {
        this.#position = message.position
        const n = Number(message.text)
        this.heard.set(message.name, [...(this.heard.get(message.name) ?? []), n])
        if (message.name === this.name) this.#open.delete(n)
      } else if (message.$name === 'Refused') {
        this.refused++
        this.#token = ''
      }
    }
    over.abort()
    await talking
  }

  async #talk({ writer }: QbpConnection<typeof protocol, 'client'>, over: AbortSignal): Promise<void> {
    while (this.isTalking === null && !over.aborted) await pause(5)
    while (this.isTalking && !over.aborted) {
      this.#open.add(++this.said)
      writer.write({ $name: 'Say', room: this.#room, text: String(this.said) })
      await pause(PACE_MS)
    }
    while (!this.#isDone && !over.aborted) await pause(5)
    if (!over.aborted) writer.write({ $name: 'Leave', room: this.#room })
  }

  leave(): void {
    this.#isDone = true
  }
}

function count(talkers: readonly Talker[]): Tally {
  const tally = { sent: 0, delivered: 0, lost: 0, duplicated: 0, reordered: 0 }
  for (const { heard } of talkers) {
    for (const { name, said } of talkers.filter((other) => heard.has(other.name))) {
      const numbers = heard.get(name) ?? []
      const seen = new Set(numbers)
      tally.sent += said
      tally.delivered += seen.size
      tally.lost += said - seen.size
      tally.duplicated += numbers.length - seen.size
      tally.reordered += numbers.filter((n, i) => i > 0 && n < (numbers[i - 1] ?? 0)).length
    }
  }
  return tally
}

// ---- the machine

/** Where the chat server runs: in processes, or as nodes of this one. */
interface Grid {
  readonly port: () => number
  /** Ends one node without a word, and starts another in its place. */
  kill(): Promise<string>
  close(): Promise<void>
}

async function processes(natsServer: string): Promise<Grid> {
  const nats = await startNats(natsServer)
  cluster.setupPrimary({ exec: process.argv[1] ?? 'cluster' })
  let port = 0
  const fork = async () => {
    const worker = cluster.fork({ QBP_NATS: nats.url })
    const [told] = await once(worker, 'message')
    port = told.port
    return worker
  }
  const size = Math.max(2, Math.min(4, availableParallelism()))
  const workers = await Promise.all(Array.from({ length: size }, fork))
  console.log(`${size} processes listen on 127.0.0.1:${port}, and meet on NATS at ${nats.url}.`)
  return {
    port: () => port,
    async kill() {
      const worker = workers[0]
      const gone = once(worker as Worker, 'exit')
      worker?.process.kill('SIGKILL')
      await gone
      void fork().catch(() => {})
      return `process ${worker?.process.pid} was killed with -9, and another one starts`
    },
    async close() {
      const last = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
      for (const worker of last) worker.process.kill('SIGKILL')
      await Promise.all(last.map((worker) => worker.isDead() || once(worker, 'exit')))
      await nats.stop()
    },
  }
}

async function nodesHere(): Promise<Grid> {
  const hub = new LocalHub()
  const start = async () => {
    const bus = hub.bus()
    const server = chatNode(bus).listen(0, '127.0.0.1')
    await once(server, 'listening')
    return { bus, server, port: (server.address() as AddressInfo).port }
  }
  const nodes = [await start(), await start()]
  let turn = 0
  console.log(
    `No nats-server found (apt-get install nats-server): ${nodes.length} nodes of this one process stand for processes.`,
  )
  const stop = async ({ bus, server }: Awaited<ReturnType<typeof start>>) => {
    await bus.close()
    await server.close({ graceMs: 1 })
  }
  return {
    port: () => nodes[turn++ % nodes.length]?.port ?? 0,
    async kill() {
      const [node] = nodes.splice(0, 1, await start())
      if (node !== undefined) await stop(node)
      return `node ${node?.bus.node} was ended, and another one starts`
    },
    close: async () => {
      await Promise.all(nodes.map(stop))
    },
  }
}

async function startNats(binary: string): Promise<{ url: string; stop(): Promise<void> }> {
  const probe = net.createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  const folder = mkdtempSync(join(tmpdir(), 'qbp-cluster-'))
  const server: ChildProcess = spawn(binary, ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', folder], {
    stdio: 'ignore',
  })
  const end = () => {
    server.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  process.on('exit', end)
  while (!(await accepts(port))) await pause(10)
  return {
    url: `127.0.0.1:${port}`,
    async stop() {
      const gone = once(server, 'exit')
      server.kill('SIGKILL')
      await gone
      end()
      process.off('exit', end)
    },
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => end(true)).once('error', () => end(false))
  })
}

function findNats(): string | undefined {
  const folders = ['/usr/sbin', ...(process.env.PATH ?? '').split(delimiter)]
  return folders.map((folder) => join(folder, 'nats-server')).find((file) => existsSync(file))
}

// ---- the play

async function play(): Promise<void> {
  const nats = process.argv.includes('--local') ? undefined : findNats()
  const grid = nats === undefined ? await nodesHere() : await processes(nats)
  const talkers = ROOMS.flatMap((room) =>
    Array.from({ length: CLIENTS_PER_ROOM }, (_, i) => new Talker(`${room} ${i + 1}`, room, grid.port)),
  )
  console.log(`${talkers.length} clients talk in ${ROOMS.length} rooms.\n`)
  const runs: Promise<void>[] = []
  for (const talker of talkers) {
    runs.push(talker.run())
    await pause(10) // The processes take turns with those that connect one after the other.
  }
  while (!talkers.every((talker) => talker.isThere)) await pause(5)
  for (const talker of talkers) talker.isTalking = true
  await pause(TALK_MS / 2)
  console.log(`In the middle of it ${await grid.kill()}.`)
  await pause(TALK_MS / 2)
  for (const talker of talkers) talker.isTalking = false
  const complete = () => {
    const { delivered, sent } = count(talkers)
    return talkers.every((talker) => talker.isQuiet) && delivered === sent
  }
  for (let waited = 0; !complete() && waited < 10_000; waited += 20) await pause(20)
  for (const talker of talkers) talker.leave()
  await Promise.all(runs)
  const resumed = talkers.filter((talker) => talker.resumed > 0).length
  const refused = talkers.reduce((sum, talker) => sum + talker.refused, 0)
  console.log(
    `${resumed} clients lost their connection and resumed on another node; ${refused} were told that they cannot.\n`,
  )
  const tally = count(talkers)
  console.log(
    Object.entries(tally)
      .map(([what, n]) => `${what} ${n}`)
      .join(', '),
  )
  await grid.close()
  if (tally.lost + tally.duplicated + tally.reordered > 0 || resumed === 0) process.exitCode = 1
}

async function work(servers: string): Promise<void> {
  const { natsBus } = await import('../lib/bus/nats/nats-bus.ts')
  const server = chatNode(await natsBus({ servers })).listen(0, '127.0.0.1')
  server.on('clientError', (error) => {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ECONNRESET' && code !== 'ERR_QBP_CLOSED') console.error(error)
  })
  await once(server, 'listening')
  process.send?.({ port: (server.address() as AddressInfo).port })
}

const { QBP_NATS } = process.env
if (cluster.isWorker && QBP_NATS !== undefined) void work(QBP_NATS)
else void play()

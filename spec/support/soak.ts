// Clients that talk, pause, are killed and come back, for as long as one likes; a server that is restarted under them. Each item
// is numbered: the server takes an item once and in order, and what it acknowledged it has.
//
//   npm run soak -- --minutes 10
//   npm run soak -- --callers 0     messages alone, whose figures may be held against those of versions without calls

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { crc32 } from 'node:zlib'
import {
  type AnyMessage,
  connect,
  createServer,
  Protocol,
  type QbpConnection,
  type QbpServer,
  type QbpWritable,
} from '../../lib/index.ts'
import { randomNumbers } from '../../lib/testing/splits.ts'
import { type CallReport, SoakCalls } from './soak-calls.ts'
import { Starvation } from './starvation.ts'

/** What a soak has seen. All that should be 0 comes first. */
export interface SoakReport {
  lost: number
  duplicated: number
  reordered: number
  corrupted: number
  /** Errors that are none of those a kill, a restart or a starved machine leads to. */
  surprises: string[]
  openHandles: string[]
  calls: CallReport
  sent: number
  received: number
  acknowledged: number
  connections: number
  kills: number
  restarts: number
  /**
   * What the machine kept from the process: seconds without a core in all, and at a time; and the time-outs that came after
   * such starvation for at least STARVED of their wait.
   */
  starved: { seconds: number; longest: number; timeouts: number }
  /** Megabytes, once all clients are connected and at the end. */
  heap: [start: number, end: number]
  rss: [start: number, end: number]
}

export interface SoakOptions {
  seconds: number
  clients: number
  /** How many of the clients call, too. Default: all. */
  callers?: number
  seed: number
  progress?: (report: SoakReport) => void
}

const WINDOW = 32
const EXPECTED = new Set([
  'ECONNRESET',
  'EPIPE',
  'ECONNREFUSED',
  'ECONNABORTED',
  'ERR_QBP_CLOSED',
  'ERR_QBP_TRUNCATED',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_DESTROYED',
])
/** Errors that come by the clock alone, with the milliseconds that it has run by then. */
const TIMEOUTS = new Map([
  ['ERR_QBP_CONNECT_TIMEOUT', 10_000],
  ['ERR_QBP_FRAME_TIMEOUT', 30_000],
])
/** A process that had no core for such a part of a time-out, or longer, is not to blame for it. */
const STARVED = 0.5
/** How long clients may take to finish, not counting what the machine keeps from the process. */
const FINISH_MS = 60_000
const MB = 2 ** 20

/** What the server knows of a client: the last item taken, and which of its connections is the one that counts. */
interface Account {
  taken: number
  connection: object | null
}

class Soak {
  readonly calls = new SoakCalls(
    () => this.random(),
    (where, error) => this.surprise(where, error),
  )
  readonly report: SoakReport = {
    calls: this.calls.report,
    lost: 0,
    duplicated: 0,
    reordered: 0,
    corrupted: 0,
    surprises: [],
    openHandles: [],
    sent: 0,
    received: 0,
    acknowledged: 0,
    connections: 0,
    kills: 0,
    restarts: 0,
    starved: { seconds: 0, longest: 0, timeouts: 0 },
    heap: [0, 0],
    rss: [0, 0],
  }
  readonly protocol: Protocol
  readonly random: () => number
  readonly callers: number
  readonly accounts = new Map<number, Account>()
  readonly open = new Set<QbpConnection>()
  readonly starvation = new Starvation()
  server!: QbpServer
  port = 0
  stopping = false

  constructor(protocol: Protocol, seed: number, callers: number) {
    this.protocol = protocol
    this.callers = callers
    this.random = randomNumbers(seed)
  }

  below(limit: number): number {
    return Math.floor(this.random() * limit)
  }

  surprise(where: string, error: unknown): void {
    const code = (error as { code?: string } | null)?.code ?? ''
    if (error === null || EXPECTED.has(code)) return
    const waited = TIMEOUTS.get(code)
    if (waited !== undefined && this.starvation.within(waited) >= STARVED * waited) this.report.starved.timeouts++
    else if (this.report.surprises.length < 20) this.report.surprises.push(`${where}: ${String(error)}`)
  }

  /** Mostly small, now and then large. */
  content(): Buffer {
    const size = this.random() < 0.01 ? this.below(200_000) : this.below(200)
    return Buffer.alloc(size, String(this.below(1e9)))
  }

  async listen(): Promise<void> {
    this.server = createServer(this.protocol, async (reader, writer, connection) => {
      const hello = await reader.readMessage()
      if (hello === null) return
      const account = this.accounts.get(hello.client) ?? { taken: 0, connection: null }
      this.accounts.set(hello.client, account)
      account.connection = connection
      if (this.callers > 0) void connection.serve('Ledger', this.calls.handlers)
      await writer.writeMessage({ $name: 'Resume', seq: account.taken })
      for await (const item of reader) {
        if (account.connection !== connection) return // The client is back by another connection.
        this.take(account, item)
        await writer.writeMessage({ $name: 'Ack', seq: item.seq, crc: crc32(item.content) })
        if (this.random() < 0.02) await this.news(writer)
      }
    })
    this.server.on('clientError', (error) => this.surprise('server', error))
    this.server.on('error', (error) => this.surprise('listening', error))
    this.server.listen(this.port, '127.0.0.1')
    await once(this.server, 'listening')
    this.port = (this.server.address() as AddressInfo).port
  }

  take(account: Account, { seq, content, crc, tags, counts }: AnyMessage): void {
    if (seq <= account.taken) this.report.duplicated++
    else if (seq > account.taken + 1) this.report.lost += seq - account.taken - 1
    else this.report.received++
    account.taken = Math.max(account.taken, seq)
    const intact = crc32(content) === crc && tags.length === seq % 3 && counts[seq] === BigInt(seq) << 40n
    if (!intact) this.report.corrupted++
  }

  async news(writer: QbpWritable): Promise<void> {
    for (let number = 0; number < 20; number++)
      await writer.writeMessage({ $name: 'News', number, content: this.content() })
  }

  /** One client's life: connections one after the other, until all that it sent is acknowledged. */
  async client(client: number): Promise<void> {
    const unacknowledged = new Map<number, object>()
    let next = 1
    while (!this.stopping || unacknowledged.size > 0) {
      try {
        const connection = await connect(this.protocol, { port: this.port, host: '127.0.0.1' })
        this.report.connections++
        this.open.add(connection)
        try {
          next = await this.talk(client, connection, unacknowledged, next)
        } finally {
          this.open.delete(connection)
          connection.destroy()
          this.surprise('connection', await connection.closed)
        }
      } catch (error) {
        this.surprise('client', error)
      }
      await sleep(this.below(300))
    }
  }

  async talk(
    client: number,
    connection: QbpConnection,
    unacknowledged: Map<number, object>,
    next: number,
  ): Promise<number> {
    const { reader, writer } = connection
    await writer.writeMessage({ $name: 'Hello', client })
    const resume = await reader.readMessage()
    if (resume === null) return next
    for (const seq of unacknowledged.keys()) if (seq <= resume.seq) this.acknowledge(unacknowledged, seq)
    let acknowledged = resume.seq
    const reading = (async () => {
      for await (const message of reader) {
        if (message.$name === 'News') {
          if (this.random() < 0.01) await sleep(this.below(300)) // A slow reader.
          continue
        }
        if (message.seq !== ++acknowledged) this.report.reordered++
        const item = unacknowledged.get(message.seq) as { crc: number } | undefined
        if (item?.crc !== message.crc) this.report.corrupted++
        this.acknowledge(unacknowledged, message.seq)
      }
    })().catch((error) => this.surprise('reading', error))
    const calling = client < this.callers ? this.calls.run(connection, () => this.stopping) : null
    try {
      for (const item of unacknowledged.values()) await writer.writeMessage(item)
      while (!this.stopping && !connection.closing) {
        if (unacknowledged.size < WINDOW) {
          const content = this.content()
          const item = {
            $name: 'Item',
            seq: next,
            content,
            crc: crc32(content),
            tags: Array(next % 3).fill('tag'),
            counts: { [next]: BigInt(next) << 40n },
          }
          unacknowledged.set(next++, item)
          this.report.sent++
          await writer.writeMessage(item)
        }
        if (this.random() < 0.5) await sleep(this.below(100))
      }
    } catch (error) {
      this.surprise('writing', error)
    }
    if (!connection.closing) await calling
    if (!connection.writer.destroyed) connection.writer.end() // The server answers what it has, then ends too.
    await reading
    return next
  }

  acknowledge(unacknowledged: Map<number, object>, seq: number): void {
    if (unacknowledged.delete(seq)) this.report.acknowledged++
  }

  /** Ends connections from both sides, gently and not, and restarts the server now and then. */
  async havoc(until: number): Promise<void> {
    while (Date.now() < until) {
      await sleep(100)
      for (const connection of [...this.open, ...this.server.connections]) {
        if (this.random() > 0.005) continue
        this.report.kills++
        const how = this.below(4)
        if (how === 0) connection.destroy()
        else if (how === 1) connection.socket.destroy()
        else if (how === 2) connection.writer.end()
        else void connection.close({ graceMs: 1000 })
      }
      if (this.random() < 0.01) {
        this.report.restarts++
        await this.server.close({ graceMs: 1 + this.below(500) })
        await sleep(this.below(300))
        await this.listen()
      }
    }
  }
}

function memory(): [heap: number, rss: number] {
  globalThis.gc?.()
  const { heapUsed, rss } = process.memoryUsage()
  return [Math.round((heapUsed / MB) * 10) / 10, Math.round(rss / MB)]
}

/** Runs for so long, then lets every client finish what it has to say. */
export async function soak({ seconds, clients, callers = clients, seed, progress }: SoakOptions): Promise<SoakReport> {
  const protocol = await Protocol.load(join(__dirname, 'soak.proto'), { includeDirs: ['schemas'], calls: callers > 0 })
  const state = new Soak(protocol, seed, callers)
  const { report } = state
  const before = process.getActiveResourcesInfo()
  const starvation = state.starvation.watch()
  await state.listen()
  const running = Array.from({ length: clients }, (_, client) => state.client(client))
  const until = Date.now() + seconds * 1000
  await sleep(Math.min(10_000, (seconds * 1000) / 4))
  ;[report.heap[0], report.rss[0]] = memory()
  const ticker = setInterval(() => progress?.(report), 5000)
  await state.havoc(until)
  ;[report.heap[1], report.rss[1]] = memory()
  state.stopping = true
  const late = await isLate(Promise.all(running), starvation)
  if (late) report.surprises.push(`${state.open.size} clients did not finish within ${FINISH_MS / 1000} s`)
  clearInterval(ticker)
  await state.server.close({ graceMs: 5000 })
  // What every client was told of, the server has.
  const taken = [...state.accounts.values()].reduce((sum, account) => sum + account.taken, 0)
  report.lost += Math.abs(report.sent - taken)
  const openHandles = () =>
    process.getActiveResourcesInfo().filter((name) => /TCP|Pipe|TLS/.test(name) && !before.includes(name))
  for (let waits = 0; waits < 20 && openHandles().length > 0; waits++) await sleep(100)
  report.openHandles = openHandles()
  starvation.stop()
  report.starved.seconds = Math.round(starvation.total / 100) / 10
  report.starved.longest = Math.round(starvation.longest / 100) / 10
  return report
}

/** Whether something takes longer than FINISH_MS of the time that the process has had. */
async function isLate(running: Promise<unknown>, starvation: Starvation): Promise<boolean> {
  const { total } = starvation
  const began = performance.now()
  for (;;) {
    const left = FINISH_MS + (starvation.total - total) - (performance.now() - began)
    if (left <= 0) return true
    const done = await Promise.race([running, sleep(Math.min(left, 1000), 'not yet', { ref: false })])
    if (done !== 'not yet') return false
  }
}

/**
 * What of a report is a broken promise, in words. A starved machine excuses time-outs, which are not among the surprises
 * then, and nothing else.
 */
export function faultsOf(report: SoakReport, hasCallers = true): string[] {
  const faults: string[] = []
  for (const count of ['lost', 'duplicated', 'reordered', 'corrupted'] as const) {
    if (report[count] > 0) faults.push(`${report[count]} ${count}`)
  }
  for (const count of ['lost', 'doubled'] as const)
    if (report.calls[count] > 0) faults.push(`${report.calls[count]} calls ${count}`)
  if (hasCallers && report.calls.answered === 0) faults.push('no call was answered')
  if (report.acknowledged === 0) faults.push('nothing was acknowledged')
  return [...faults, ...report.surprises, ...report.openHandles.map((name) => `${name} is still open`)]
}

/** The command: `npm run soak`. */
export async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '1' },
      clients: { type: 'string', default: '1000' },
      callers: { type: 'string' },
      seed: { type: 'string', default: '1' },
    },
  })
  const { minutes, clients, callers = clients, seed } = values
  console.log(`${clients} clients, of which ${callers} call, for ${minutes} minutes, seed ${seed}`)
  const report = await soak({
    seconds: Number(minutes) * 60,
    clients: Number(clients),
    callers: Number(callers),
    seed: Number(seed),
    progress: ({ sent, received, connections, kills, restarts }) =>
      process.stderr.write(
        `${new Date().toISOString().slice(11, 19)}  sent ${sent}  received ${received}  connections ${connections}  kills ${kills}  restarts ${restarts}\n`,
      ),
  })
  console.log(report)
  const { seconds, timeouts } = report.starved
  if (seconds >= 1)
    console.log(`The machine gave this process no core for ${seconds} s; ${timeouts} time-outs came of it.`)
  const faults = faultsOf(report, Number(callers) > 0)
  for (const fault of faults) console.log(`Fault: ${fault}`)
  console.log(faults.length === 0 ? 'No promise was broken.' : `${faults.length} faults.`)
  if (faults.length > 0) process.exitCode = 1
}

// What becomes of durable frames under faults: each fault strikes while two nodes publish and a third reads. Prints a table, and ends with 1
// if anything stands where there must be a zero.
//
//   npm run faults [-- NAME …]

import { setTimeout as pause } from 'node:timers/promises'
import type { Bus, Gap } from '../../lib/bus/contract.ts'
import { natsBus } from '../../lib/bus/nats/nats-bus.ts'
import { NatsServer } from './nats-server.ts'
import { Wire } from './wire.ts'

/** How long the load goes on before and after a fault, and how long a frame may be on its way. */
const LOAD_MS = 500
const TIMEOUT_MS = 20_000
/** What has not come by then never will. */
const HANGS_MS = 30_000

interface Field {
  readonly servers: readonly NatsServer[]
  readonly wire: Wire
  /** Frames acknowledged up to now are lost with it: the fault says so. */
  expectLoss(): void
  /** How many frames were acknowledged up to now. */
  readonly acknowledged: number
  /** Of those, how many the reader has not had. */
  readonly missing: number
}

interface Fault {
  readonly servers?: number
  readonly config?: string
  strike(field: Field): Promise<void>
}

const all = <T>(servers: readonly NatsServer[], call: (server: NatsServer) => T) => Promise.all(servers.map(call))

const FAULTS: Record<string, Fault> = {
  'no fault': { strike: async () => {} },
  'kill -9, back after 0.3 s': {
    async strike({ servers: [server] }) {
      await server?.kill()
      await pause(300)
      await server?.up()
    },
  },
  'kill -9, three times': {
    async strike({ servers: [server] }) {
      for (let n = 0; n < 3; n++) {
        await server?.kill()
        await server?.up()
        await pause(300)
      }
    },
  },
  'the server stands still for 3 s': {
    async strike({ servers: [server] }) {
      server?.signal('SIGSTOP')
      await pause(3_000)
      server?.signal('SIGCONT')
    },
  },
  'the reader’s connection is reset, ten times': {
    async strike({ wire }) {
      for (let n = 0; n < 10; n++) {
        wire.cut()
        await pause(50)
      }
    },
  },
  'the reader hears nothing for 2 s, then a reset': {
    async strike({ wire }) {
      wire.isDeaf = true
      await pause(2_000)
      wire.isDeaf = false
      wire.cut()
    },
  },
  'the tail loses every third chunk': {
    async strike({ wire }) {
      let n = 0
      wire.loses = (said) => said.includes('.tail.') && said.toString('latin1').startsWith('MSG') && ++n % 3 === 0
      await pause(1_000)
      wire.loses = () => false
      wire.cut() // What was cut out may have been half a frame of NATS's.
    },
  },
  'no room left': {
    config: 'jetstream: { max_file_store: 400000 }\n',
    strike: () => pause(1_000),
  },
  'an older copy comes back': {
    async strike(field) {
      const [server] = field.servers
      await server?.kill()
      server?.save()
      await server?.up()
      const before = field.acknowledged
      while (field.acknowledged < before + 100) await pause(5)
      // What the reader never had, it cannot miss.
      const heard = field.acknowledged - field.missing
      while (field.acknowledged - field.missing < heard + 50) await pause(5)
      await server?.kill()
      field.expectLoss()
      server?.restore()
      await server?.up()
    },
  },
  'R3: one of three is killed': {
    servers: 3,
    async strike({ servers }) {
      await servers[1]?.kill()
      await pause(2_000)
      await servers[1]?.up()
    },
  },
  'R3: all three in turn': {
    servers: 3,
    async strike({ servers }) {
      for (const server of servers) {
        await server.kill()
        await pause(1_000)
        await server.up()
        await pause(6_000)
      }
    },
  },
  'R3: two of three are away for 3 s': {
    servers: 3,
    async strike({ servers }) {
      await all(servers.slice(1), (server) => server.kill())
      await pause(3_000)
      await all(servers.slice(1), (server) => server.up())
    },
  },
}

async function run(name: string, fault: Fault) {
  const servers = await NatsServer.cluster(fault.servers ?? 1, fault.config)
  const [first] = servers
  if (first === undefined) throw new Error('no server')
  const wire = await Wire.to((servers.at(-1) as NatsServer).port)
  const options = { prefix: 'faults', timeoutMs: TIMEOUT_MS, replicas: servers.length, reconnectTimeWait: 50 }
  const urls = servers.map(({ url }) => url)
  const writers = [
    await natsBus({ ...options, servers: urls }),
    await natsBus({ ...options, servers: [...urls].reverse() }),
  ]
  const reader: Bus = await natsBus({ ...options, servers: wire.url, ignoreClusterUpdates: true })
  const counts = {
    acknowledged: 0,
    rejected: 0,
    lost: 0,
    doubled: 0,
    reordered: 0,
    hung: 0,
    falseGaps: 0,
    missedGaps: 0,
  }
  const gaps: Gap[] = []
  const heard = [new Set<number>(), new Set<number>()]
  const last = [0, 0]
  const acknowledged = [new Set<number>(), new Set<number>()]
  let isLossy = false
  let isLoading = true
  // What was published before the fault is the reader's, or it hears of a gap.
  const started = writers[0]?.publish('log', Buffer.from('0:0'), { durable: true })
  await started
  reader.on('error', (error) => console.error(name, error))
  await reader.subscribe(
    'log',
    (frame) => {
      const [, who = 0, n = 0] = (/^(\d+):(\d+)/.exec(Buffer.from(frame).toString()) ?? []).map(Number)
      if (heard[who]?.has(n)) counts.doubled++
      else if (n < (last[who] as number)) counts.reordered++
      heard[who]?.add(n)
      last[who] = Math.max(n, last[who] as number)
    },
    { since: 'now', onGap: (gap) => gaps.push(gap) },
  )
  const missing = () => acknowledged.flatMap((set, who) => [...set].filter((n) => !heard[who]?.has(n))).length
  const body = 'x'.repeat(100)
  const load = writers.map(async (bus, who) => {
    for (let n = 1; isLoading; n += 10) {
      await Promise.all(
        Array.from({ length: 10 }, async (_, i) => {
          const work = bus.publish('log', Buffer.from(`${who}:${n + i} ${body}`), { durable: true })
          const outcome = await Promise.race([
            work.then(
              () => 'acknowledged' as const,
              () => 'rejected' as const,
            ),
            pause(HANGS_MS, 'hung' as const, { ref: false }),
          ])
          counts[outcome]++
          if (outcome === 'acknowledged') acknowledged[who]?.add(n + i)
        }),
      )
      if (counts.rejected > 1000) await pause(5)
    }
  })
  await pause(LOAD_MS)
  await fault.strike({
    servers,
    wire,
    expectLoss: () => {
      isLossy = true
    },
    get acknowledged() {
      return counts.acknowledged
    },
    get missing() {
      return missing()
    },
  })
  await pause(LOAD_MS)
  isLoading = false
  await Promise.all(load)
  for (let waited = 0; missing() > 0 && waited < 10_000; waited += 20) await pause(20)
  counts.lost = isLossy && gaps.length > 0 ? 0 : missing()
  if (isLossy) counts.missedGaps = gaps.length === 0 ? 1 : 0
  else counts.falseGaps = gaps.length
  await Promise.all([...writers, reader].map((bus) => bus.close()))
  await wire.close()
  await all(servers, (server) => server.stop())
  return counts
}

export async function main(): Promise<void> {
  const asked = process.argv.slice(2)
  const names = Object.keys(FAULTS).filter((name) => asked.length === 0 || asked.some((part) => name.includes(part)))
  const columns = ['acknowledged', 'rejected', 'lost', 'doubled', 'reordered', 'hung', 'false gaps', 'missed gaps']
  console.log(`| fault | ${columns.join(' | ')} |`)
  console.log(`| --- | ${columns.map(() => '--:').join(' | ')} |`)
  for (const name of names) {
    const counts = await run(name, FAULTS[name] as Fault)
    console.log(`| ${name} | ${Object.values(counts).join(' | ')} |`)
    const { acknowledged: _, rejected, ...zeros } = counts
    const isRefusal = name === 'no room left'
    if (Object.values(zeros).some((n) => n > 0) || rejected > 0 !== isRefusal) process.exitCode = 1
  }
}

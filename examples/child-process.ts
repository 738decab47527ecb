// A worker in a process of its own, spoken to over its standard input and output.
//
//   npm run example -- child-process
//
// It ends by itself. The parent starts this same file as a worker; the worker prints to standard error, since its standard
// output carries frames.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { createServer, Protocol, QbpConnection } from '../lib/index.ts'
import { work } from '../schemas/work.ts'

const protocol = Protocol.from(work)

// ---- the worker

async function worker(): Promise<void> {
  const server = createServer(protocol, async (reader, writer) => {
    for await (const task of reader) {
      if (task.$name !== 'Task') throw new Error(`the parent sent ${task.$name}`)
      const { from, to } = task
      const step = Math.ceil((to - from) / 4)
      let primes = 0
      for (let start = from; start < to; start += step) {
        for (let n = start; n < Math.min(start + step, to); n++) if (isPrime(n)) primes++
        const percent = Math.round((100 * Math.min(start + step - from, to - from)) / (to - from))
        await writer.writeMessage({ $name: 'Progress', percent })
        await setImmediate() // So that it leaves now.
      }
      await writer.writeMessage({ $name: 'Result', primes })
    }
  })
  // The parent's end of standard input is the end of the conversation, and of this process.
  const fault = await server.attach(Duplex.from({ readable: process.stdin, writable: process.stdout })).closed
  console.error(fault === null ? 'The worker ends.' : `The worker ends: ${fault.message}`)
}

function isPrime(n: number): boolean {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false
  return n > 1
}

// ---- the parent

async function parent(): Promise<void> {
  const child = spawn(process.execPath, [join(__dirname, '../scripts/ts.cjs'), __filename, 'worker'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const duplex = Duplex.from({ readable: child.stdout, writable: child.stdin })
  const connection = new QbpConnection(protocol, duplex, { role: 'client' as const })
  const { reader, writer } = connection

  const tasks = [
    { from: 0, to: 1000 },
    { from: 1000, to: 200_000 },
  ]
  const results: number[] = []
  for (const task of tasks) await writer.writeMessage({ $name: 'Task', ...task })
  writer.end()
  for await (const message of reader) {
    if (message.$name === 'Progress') console.log(`Task ${results.length + 1}: ${message.percent} %`)
    if (message.$name === 'Result') results.push(message.primes)
  }
  await connection.close()
  const [code] = await exited
  console.log(`${results.join(' and ')} primes; the worker has exited with ${code}. All closed.`)
}

void (process.argv[2] === 'worker' ? worker() : parent())

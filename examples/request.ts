// Requests and replies over a field of the messages, `id`: many requests at a time on one connection, each a promise.
//
//   npm run example -- request
//
// It ends by itself.

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { connect, createServer, type Incoming, type Outgoing, Protocol, type QbpConnection } from '../lib/index.ts'
import { calls } from '../schemas/calls.ts'

const protocol = Protocol.from(calls)
type Message = Incoming<typeof protocol>
type Named<M, N> = Extract<M, { readonly $name: N }>

/** Which reply answers which request. */
interface Replies {
  Divide: 'Quotient'
  Wait: 'Waited'
}

// ---- the client

/** Requests on one connection. It reads all that comes: nobody else may. */
class Requests {
  readonly #connection: QbpConnection<typeof protocol>
  readonly #pending = new Map<number, { resolve(reply: Message): void; reject(error: Error): void }>()
  #id = 0

  constructor(connection: QbpConnection<typeof protocol>) {
    this.#connection = connection
    void this.#receive()
  }

  /**
   * Sends a request and resolves with its reply.
   *
   * @throws the signal's reason; an Error with the reason of a Failed; the fault of the connection, if it goes first.
   */
  async request<N extends keyof Replies>(
    name: N,
    fields: Omit<Named<Outgoing<typeof protocol>, N>, '$name' | '$header' | 'id'>,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<Named<Message, Replies[N]>> {
    signal?.throwIfAborted()
    const id = ++this.#id
    let abort = () => {}
    try {
      const reply = new Promise<Message>((resolve, reject) => {
        this.#pending.set(id, { resolve, reject })
        abort = () => reject(signal?.reason)
        signal?.addEventListener('abort', abort)
      })
      // Together, so that neither's rejection goes unheard while the other is waited for.
      const message = { ...fields, $name: name, id } as unknown as Outgoing<typeof protocol>
      const [answer] = await Promise.all([reply, this.#connection.writer.writeMessage(message, signal && { signal })])
      if (answer.$name === 'Failed') throw new Error(answer.reason)
      return answer as Named<Message, Replies[N]>
    } finally {
      this.#pending.delete(id) // A reply that comes too late finds nobody.
      signal?.removeEventListener('abort', abort)
    }
  }

  async #receive(): Promise<void> {
    let fault: unknown = new Error('the connection has ended')
    try {
      for await (const message of this.#connection.reader) this.#pending.get(message.id)?.resolve(message)
    } catch (error) {
      fault = error
    }
    for (const { reject } of this.#pending.values()) reject(fault as Error)
  }
}

// ---- the server

const server = createServer(protocol, async (reader, writer) => {
  for await (const message of reader) {
    switch (message.$name) {
      case 'Divide': {
        const { id, dividend, divisor } = message
        if (divisor === 0) await writer.writeMessage({ $name: 'Failed', id, reason: 'nothing can be divided by 0' })
        else await writer.writeMessage({ $name: 'Quotient', id, value: dividend / divisor })
        break
      }
      case 'Wait': // Not awaited: the requests behind it are answered meanwhile.
        void wait(message.ms, undefined, { ref: false }).then(() => writer.write({ $name: 'Waited', id: message.id }))
        break
      default:
        await writer.writeMessage({ $name: 'Failed', id: message.id, reason: `${message.$name} is no request` })
    }
  }
})

async function main(): Promise<void> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const connection = await connect(protocol, { port: (server.address() as AddressInfo).port, host: '127.0.0.1' })
  const requests = new Requests(connection)
  const outcome = (promise: Promise<unknown>) => promise.catch((error: Error) => `${error.name}: ${error.message}`)

  const order: string[] = []
  const slow = requests.request('Wait', { ms: 100 }).then(() => order.push('Waited'))
  const quick = requests.request('Divide', { dividend: 22, divisor: 7 }).then(({ value }) => order.push(String(value)))
  await Promise.all([slow, quick])
  console.log(`Two at a time, answered out of order: ${order.join(', then ')}`)

  console.log(await outcome(requests.request('Divide', { dividend: 1, divisor: 0 })))
  console.log(await outcome(requests.request('Wait', { ms: 60_000 }, { signal: AbortSignal.timeout(50) })))

  const many = Array.from({ length: 1000 }, (_, n) => requests.request('Divide', { dividend: n, divisor: 2 }))
  const right = (await Promise.all(many)).filter(({ value }, n) => value === n / 2).length

  const late = outcome(requests.request('Wait', { ms: 60_000 }))
  await server.close()
  console.log(`A request whose connection goes: ${await late}`)
  await connection.close()
  console.log(`${right} of ${many.length} replies belong to their requests. All closed.`)
}

void main()

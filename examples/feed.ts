// A market-data feed: every quote is encoded once, and the same bytes go to all who follow its symbol.
//
//   npm run example -- feed
//
// It ends by itself. A group of writers waits for nobody: a member that takes its bytes too slowly has them queued up to
// maxQueuedBytes, and is let go then, which this server's `clientError` would tell.

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { connect, createServer, Group, Protocol, type QbpServer } from '../lib/index.ts'
import { feed } from '../schemas/feed.ts'

const protocol = Protocol.from(feed)
const SYMBOLS = ['ACME', 'BOLT', 'CORE', 'DUNE']
const ROUNDS = 500

// ---- the server

class Market {
  readonly server: QbpServer<typeof protocol>
  readonly #followers = new Map(SYMBOLS.map((symbol) => [symbol, new Group<typeof protocol, 'server'>()]))
  readonly #quotes = new Map(SYMBOLS.map((symbol) => [symbol, { symbol, sequence: 0, bid: 99.5, ask: 100.5 }]))
  broadcasts = 0

  constructor() {
    this.server = createServer(protocol, { maxQueuedBytes: 2 ** 20 }, async (reader, writer) => {
      for await (const message of reader) {
        if (message.$name !== 'Subscribe') throw new Error(`a client sent ${message.$name}`)
        const symbols = message.symbols.filter((symbol) => this.#followers.has(symbol))
        // Both in one turn: no quote can come between the snapshot and the first quote behind it.
        writer.write({ $name: 'Snapshot', quotes: symbols.flatMap((symbol) => this.#quotes.get(symbol) ?? []) })
        for (const symbol of symbols) this.#followers.get(symbol)?.join(writer)
      }
    })
  }

  get following(): number {
    return [...this.#followers.values()].reduce((sum, group) => sum + group.size, 0)
  }

  /** One step of a random walk, told to those who follow the symbol. */
  tick(symbol: string): void {
    const last = this.#quotes.get(symbol)
    if (last === undefined) return
    const step = Math.round((Math.random() - 0.5) * 10) / 100
    const quote = { symbol, sequence: last.sequence + 1, bid: last.bid + step, ask: last.ask + step }
    this.#quotes.set(symbol, quote)
    this.#followers.get(symbol)?.broadcast({ $name: 'Quote', ...quote })
    this.broadcasts++
  }
}

// ---- a client

interface Heard {
  quotes: number
  gaps: number
}

/** Follows symbols until the server closes. */
async function follow(port: number, symbols: string[]): Promise<Heard> {
  await using connection = await connect(protocol, { port, host: '127.0.0.1' })
  const { reader, writer } = connection
  await writer.writeMessage({ $name: 'Subscribe', symbols })
  const last = new Map<string, number>()
  const heard = { quotes: 0, gaps: 0 }
  for await (const message of reader) {
    if (message.$name === 'Snapshot') for (const quote of message.quotes) last.set(quote.symbol, quote.sequence)
    if (message.$name !== 'Quote') continue
    const { symbol, sequence } = message
    if (sequence !== (last.get(symbol) ?? 0) + 1) heard.gaps++
    last.set(symbol, sequence)
    heard.quotes++
  }
  return heard
}

async function main(): Promise<void> {
  const market = new Market()
  market.server.listen(0, '127.0.0.1')
  await once(market.server, 'listening')
  const { port } = market.server.address() as AddressInfo
  const wanted = [SYMBOLS, ['ACME'], ['BOLT', 'DUNE']]
  const clients = wanted.map((symbols) => follow(port, symbols))
  while (market.following < wanted.flat().length) await setImmediate()

  for (let round = 0; round < ROUNDS; round++) {
    for (const symbol of SYMBOLS) market.tick(symbol)
    await setImmediate() // What was written in this turn leaves as one chunk for each client.
  }
  await market.server.close() // Sends what is queued, then ends each connection.
  const heard = await Promise.all(clients)

  for (const [index, { quotes, gaps }] of heard.entries())
    console.log(`A client that follows ${wanted[index]?.join(', ')} got ${quotes} quotes, ${gaps} missing.`)
  const sum = heard.reduce((quotes, each) => quotes + each.quotes, 0)
  console.log(`${market.broadcasts} quotes broadcast, ${sum} received by ${heard.length} clients. All closed.`)
}

void main()

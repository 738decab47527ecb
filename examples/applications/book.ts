// An order book feed: a snapshot, then increments, and a subscriber that comes back goes on where it stood.

import type { Bus, Position, ServerConnection } from '../../lib/index.ts'
import { BusGroup, createServer, formatPosition, localBus, Protocol, parsePosition } from '../../lib/index.ts'
import { book, Side } from '../../schemas/book.ts'

export const protocol = Protocol.from(book)
type Feed = typeof protocol
export type Tick = { side: Side; price: string; qty: bigint }

export class Book {
  bids: Record<string, bigint> = {}
  asks: Record<string, bigint> = {}
  apply({ side, price, qty }: Tick) {
    const half = side === Side.ASK ? this.asks : this.bids
    half[price] = qty
    if (qty === 0n) delete half[price]
  }
}

function instrumentOf(symbol: string, bus: Bus) {
  const book = new Book()
  let at: Position | undefined
  const group = new BusGroup(protocol, bus, `book-${symbol}`, {
    durable: true,
    stamp: (message, at) => (message.$name === 'Update' ? { ...message, position: formatPosition(at) } : message),
  })

  async function publish(tick: Tick) {
    at = await group.broadcast({ $name: 'Update', symbol, ...tick })
    book.apply(tick)
  }

  /** From a position that the subscriber had, while the log goes back so far; else from a snapshot. */
  async function join(connection: ServerConnection<Feed>, from?: string) {
    const snapshot = () => {
      const { bids, asks } = book
      const position = at === undefined ? '' : formatPosition(at)
      connection.writer.write({ $name: 'Snapshot', symbol, bids, asks, position })
      return at
    }
    await group.join(connection, { since: from === undefined ? undefined : parsePosition(from), snapshot })
  }
  return { symbol, book, group, publish, join }
}

export function feedServer(symbols: readonly string[], bus: Bus = localBus()) {
  const instruments = symbols.map((symbol) => instrumentOf(symbol, bus))
  const instrument = (symbol: string) => instruments.find((each) => each.symbol === symbol)
  const server = createServer(protocol, { maxQueuedBytes: 1 << 20 }, async (reader, writer, connection) => {
    for await (const message of reader) {
      const from = message.$name === 'Resume' ? message.positions : {}
      for (const symbol of message.$name === 'Resume' ? Object.keys(from) : message.symbols) {
        const refuse = (reason: string) => writer.writeMessage({ $name: 'Refused', symbol, reason })
        const joining = instrument(symbol)?.join(connection, from[symbol])
        await (joining?.catch((error) => refuse(error.message)) ?? refuse('no such instrument'))
      }
    }
  })
  async function close() {
    await server.close({ graceMs: 1000 })
    for (const { group } of instruments) await group.close()
  }
  return { server, instrument, close }
}

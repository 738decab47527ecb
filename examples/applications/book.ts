// An order book feed: a snapshot, then increments, and a subscriber that comes back goes on where it stood.

import type { Bus, Position, ServerConnection } from '../../lib/index.ts'
import { BusGroup, createServer, formatPosition, localBus, Protocol, parsePosition, QbpError } from '../../lib/index.ts'
import { book, Side } from '../../schemas/book.ts'

export const protocol = Protocol.from(book)
type Feed = typeof protocol
export type Tick = { symbol: string; side: Side; price: string; qty: bigint }

export class Book {
  bids: Record<string, bigint> = {}
  asks: Record<string, bigint> = {}
  apply({ side, price, qty }: Pick<Tick, 'side' | 'price' | 'qty'>) {
    const half = side === Side.ASK ? this.asks : this.bids
    half[price] = qty
    if (qty === 0n) delete half[price]
  }
}

class Instrument extends Book {
  readonly symbol: string
  readonly group: BusGroup<Feed>
  #at: Position | undefined

  constructor(symbol: string, bus: Bus) {
    super()
    this.symbol = symbol
    this.group = new BusGroup(protocol, bus, `book-${symbol}`, {
      durable: true,
      stamp: (message, at) => (message.$name === 'Update' ? { ...message, position: formatPosition(at) } : message),
    })
  }

  async publish(tick: Tick) {
    this.#at = await this.group.broadcast({ $name: 'Update', ...tick })
    this.apply(tick)
  }

  /** From a position that the subscriber had, while the log goes back so far; else from a snapshot. */
  async join(connection: ServerConnection<Feed>, from?: string) {
    if (from === undefined || !(await this.#resume(connection, from))) {
      const { symbol, bids, asks } = this
      const position = this.#at === undefined ? '' : formatPosition(this.#at)
      connection.writer.write({ $name: 'Snapshot', symbol, bids, asks, position })
      await this.group.join(connection, this.#at === undefined ? {} : { since: this.#at })
    }
  }

  #resume(connection: ServerConnection<Feed>, from: string) {
    return this.group.join(connection, { since: parsePosition(from) }).then(
      () => true,
      (error) => {
        if (error instanceof QbpError && error.code === 'ERR_QBP_GAP') return false
        throw error
      },
    )
  }
}

export function feedServer(bus: Bus = localBus()) {
  const instruments: Record<string, Instrument> = {}
  const instrument = (symbol: string) => (instruments[symbol] ??= new Instrument(symbol, bus))
  const server = createServer(protocol, { maxQueuedBytes: 1 << 20 }, async (reader, writer, connection) => {
    for await (const message of reader) {
      if (message.$name === 'Subscribe') for (const symbol of message.symbols) await instrument(symbol).join(connection)
      else
        for (const [symbol, text] of Object.entries(message.positions))
          await instrument(symbol)
            .join(connection, text)
            .catch((error) => writer.writeMessage({ $name: 'Refused', symbol, reason: error.message }))
    }
  })
  async function close() {
    await server.close({ graceMs: 1000 })
    for (const { group } of Object.values(instruments)) await group.close()
  }
  return { server, instrument, publish: (tick: Tick) => instrument(tick.symbol).publish(tick), close }
}

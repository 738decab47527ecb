// What the specs of groups and sessions have in common: buses of both engines, and clients without a socket.

import { setTimeout as pause } from 'node:timers/promises'
import type { BusOptions, RetentionOptions } from '../../lib/bus/base.ts'
import { LocalHub } from '../../lib/bus/local/local-bus.ts'
import { natsBus } from '../../lib/bus/nats/nats-bus.ts'
import { type Bus, Protocol, QbpReadable, QbpWritable } from '../../lib/index.ts'
import { chat, type Said } from '../../schemas/chat.ts'
import type { Engine } from '../bus/suite.ts'
import { NatsServer } from './nats-server.ts'

export const protocol = Protocol.from(chat)

/** A client of a group: the writer that joins, and what has come out of it on the other side. */
export class Client {
  readonly writer: QbpWritable<typeof protocol, 'server'>
  readonly heard: string[] = []
  readonly positions: string[] = []
  readonly #reader = new QbpReadable(protocol, { role: 'client' })
  fault: Error | undefined
  onHeard: (message: Said) => void = () => {}

  /** One that does not read lets what is written pile up. */
  constructor({ reads = true, maxQueuedBytes = 2 ** 24 } = {}) {
    this.writer = new QbpWritable(protocol, { role: 'server' as const, maxQueuedBytes })
    this.writer.on('error', (error) => {
      this.fault = error
    })
    if (reads) this.read()
  }

  read(): void {
    this.writer.on('data', (chunk) => this.#reader.write(chunk))
    this.#reader.on('data', (message: Said) => {
      this.heard.push(message.text)
      this.positions.push(message.position)
      this.onHeard(message)
    })
  }
}

export const say = (text: string) => ({ $name: 'Said' as const, room: 'lobby', name: 'ann', text })

export type SpecBus = (options?: BusOptions & RetentionOptions) => Promise<Bus>

/** Runs `suite` over both engines; a bus that it makes is closed after each test. */
export function overBothEngines(suite: (bus: SpecBus, engine: () => Engine) => void): void {
  let buses: Bus[] = []
  let engine: Engine
  const bus: SpecBus = async (options) => {
    const one = await engine.bus(options)
    buses.push(one)
    return one
  }
  const closeAll = async () => {
    await Promise.all(buses.map((each) => each.close()))
    buses = []
  }

  describe('over localBus', () => {
    beforeEach(() => {
      let hub: LocalHub | undefined
      engine = {
        bus: async ({ node, timeoutMs, ...kept } = {}) => {
          hub ??= new LocalHub(kept)
          return hub.bus({ ...(node === undefined ? {} : { node }), ...(timeoutMs === undefined ? {} : { timeoutMs }) })
        },
        down: async () => hub?.down(),
        up: async (options) => hub?.up(options),
      }
    })
    afterEach(closeAll)
    suite(bus, () => engine)
  })

  describe('over natsBus', function () {
    this.timeout(60_000)
    let server: NatsServer
    let run = 0
    before(async function () {
      server = await NatsServer.start(this)
    })
    after(() => server?.stop())
    beforeEach(() => {
      const prefix = `grid-${++run}`
      engine = {
        bus: (options = {}) => natsBus({ servers: server.url, prefix, ...options }),
        down: () => server.kill(),
        up: async ({ lost = false } = {}) => {
          if (lost) server.lose()
          await server.up()
          while (!buses.every((each) => each.isUp)) await pause(5)
        },
      }
    })
    afterEach(closeAll)
    suite(bus, () => engine)
  })
}

// What the specs of buses, groups and sessions have in common: both engines, and waiting for what is bound to happen.

import { setTimeout as pause } from 'node:timers/promises'
import type { BusBase } from '../../lib/bus/bus-base.ts'
import type { BusOptions, RetentionOptions } from '../../lib/bus/bus-options.ts'
import { LocalHub } from '../../lib/bus/local/local-bus.ts'
import { natsBus } from '../../lib/bus/nats/nats-bus.ts'
import type { Bus } from '../../lib/index.ts'
import { NatsServer } from './nats-server.ts'

/** What makes nodes of one bus, and can be taken away. */
export interface Engine {
  bus(options?: BusOptions & RetentionOptions): Promise<Bus>
  down(): Promise<void>
  /** With `lost`, it comes back with nothing. */
  up(options?: { readonly lost?: boolean }): Promise<void>
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
export const text = (frame: Uint8Array): string => new TextDecoder().decode(frame)

// A listener's assertion that fails is a warning to the bus, which goes on: here it fails the test.
let assertion: Error | undefined
process.on('warning', (warning) => {
  if (warning.name === 'AssertionError') assertion ??= warning
})
if (typeof afterEach === 'function') {
  afterEach(() => {
    const failed = assertion
    assertion = undefined
    if (failed !== undefined) throw failed
  })
}

/** Waits for what is bound to happen; the runner's time limit is the only one. A wait that is given up holds no process. */
export async function until(happened: () => boolean): Promise<void> {
  while (!happened()) await pause(2, undefined, { ref: false })
}

/** The code that `work` rejects with. */
export async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'resolved',
    (error) => error.code ?? error.name,
  )
}

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
        bus: async ({ node, timeoutMs, maxQueuedBytes, ...kept } = {}) => {
          hub ??= new LocalHub(kept)
          const given = Object.entries({ node, timeoutMs, maxQueuedBytes }).filter(([, value]) => value !== undefined)
          return hub.bus(Object.fromEntries(given))
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
      const prefix = `spec-${++run}`
      engine = {
        bus: (options = {}) => natsBus({ servers: server.url, prefix, ...options }),
        down: () => server.kill(),
        up: async ({ lost = false } = {}) => {
          if (lost) server.lose()
          await server.up()
          while (!buses.every((each) => each.isUp || (each as BusBase).isClosed)) await pause(5)
        },
      }
    })
    afterEach(closeAll)
    suite(bus, () => engine)
  })
}

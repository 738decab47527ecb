import { QbpError } from '../base/errors.ts'
import type { Bus, Change } from '../bus/contract.ts'

/** Somebody in a group: by the name it joined with, and the node it is connected to. */
export interface Presence {
  readonly name: string
  readonly node: string
}

/** Of a lease's life, after how much it is renewed: two renewals may get lost. */
const RENEWAL = 1 / 3

/**
 * The members of a group, over all nodes. Each node keeps a lease on the list of its own members; that of a node that died runs out.
 */
export class Roster {
  readonly #bus: Bus
  /** Names the group in the store: its channel, and `log` or `live`. */
  readonly #group: readonly string[]
  readonly #ttlMs: number
  readonly #own: () => string[]
  /** The members of other nodes, as those have reported them. */
  readonly #others = new Map<string, readonly string[]>()
  /** Nodes whose lease has ended while nobody could renew one. */
  readonly #doubtful = new Set<string>()
  #quiet: NodeJS.Timeout | undefined
  #watch: Promise<{ close(): void }> | undefined
  #renewal: NodeJS.Timeout | undefined
  #reporting: Promise<void> | undefined
  #isChanged = false
  #isReported = false
  #isClosed = false

  constructor(bus: Bus, group: readonly string[], ttlMs: number, own: () => string[]) {
    this.#bus = bus
    this.#group = group
    this.#ttlMs = ttlMs
    this.#own = own
    bus.on('up', this.#onUp)
  }

  /** This node's members have changed. */
  change(): void {
    this.#isChanged = true
    this.#reporting ??= this.#report().finally(() => {
      this.#reporting = undefined
    })
  }

  /** This node's members, then the other nodes' as they last reported them. */
  async members(): Promise<Presence[]> {
    if (this.#watch === undefined && !this.#isClosed) {
      const watch = this.#bus.store.watch(['presence', ...this.#group], (change) => this.#hear(change))
      this.#watch = watch
      watch.catch(() => {
        if (this.#watch === watch) this.#watch = undefined
      })
    }
    await this.#watch
    const present = this.#own().map((name) => ({ name, node: this.#bus.node }))
    for (const [node, names] of this.#others) for (const name of names) present.push({ name, node })
    return present
  }

  /** Resolves once the others can know. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#bus.off('up', this.#onUp)
    clearTimeout(this.#renewal)
    clearTimeout(this.#quiet)
    this.#watch?.then(
      (watch) => watch.close(),
      () => {},
    )
    await this.#reporting
    if (this.#isReported) await this.#bus.store.delete(this.#key(this.#bus.node)).catch(() => {})
  }

  /** Writes the list as it is, again where it has changed meanwhile; then keeps the lease. */
  async #report(): Promise<void> {
    clearTimeout(this.#renewal)
    while (this.#isChanged && !this.#isClosed) {
      await new Promise((resolve) => setImmediate(resolve)) // Those who come at once are reported at once.
      this.#isChanged = false
      try {
        await this.#write()
      } catch (error) {
        const { code } = error as QbpError
        if (code === 'ERR_QBP_BUS_CLOSED') return
        // At the engine's return, or with the next renewal, it is reported anew.
        if (code !== 'ERR_QBP_BUS_DOWN' && code !== 'ERR_QBP_BUS_TIMEOUT') process.emitWarning(error as Error)
        break
      }
    }
    if (this.#isClosed || this.#own().length === 0) return
    this.#renewal = setTimeout(() => this.change(), this.#ttlMs * RENEWAL)
    this.#renewal.unref()
  }

  async #write(): Promise<void> {
    const names = this.#own()
    const key = this.#key(this.#bus.node)
    if (names.length > 0) {
      this.#isReported = true
      await this.#bus.store.put(key, Buffer.from(JSON.stringify(names)), { ttlMs: this.#ttlMs })
    } else if (this.#isReported) {
      await this.#bus.store.delete(key)
      this.#isReported = false
    }
  }

  #hear({ key, value }: Change): void {
    const node = key.at(-1)
    if (node === undefined || node === this.#bus.node) return
    this.#doubtful.delete(node)
    if (value !== null) this.#others.set(node, parse(value))
    else if (this.#bus.isUp && this.#quiet === undefined) this.#others.delete(node)
    else this.#doubtful.add(node)
  }

  /** While the engine was away nobody could renew a lease: the nodes get a lease's life to do so. */
  readonly #onUp = (): void => {
    if (this.#own().length > 0 || this.#isReported) this.change()
    clearTimeout(this.#quiet)
    this.#quiet = setTimeout(() => {
      this.#quiet = undefined
      for (const node of this.#doubtful) this.#others.delete(node)
      this.#doubtful.clear()
    }, this.#ttlMs)
    this.#quiet.unref()
  }

  #key(node: string): string[] {
    return ['presence', ...this.#group, node]
  }
}

function parse(value: Uint8Array): readonly string[] {
  try {
    const names: unknown = JSON.parse(Buffer.from(value).toString())
    if (Array.isArray(names) && names.every((name) => typeof name === 'string')) return names
  } catch {}
  throw new QbpError('ERR_QBP_INVALID_BODY', 'What stands in the store was not written by a group.')
}

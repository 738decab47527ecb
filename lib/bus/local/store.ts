import { knownOptions } from '../../base/options.ts'
import type { BusBase } from '../bus-base.ts'
import { PUT_OPTIONS, SUBSCRIBE_OPTIONS } from '../bus-options.ts'
import type { Change, Entry, Key, Position, PutOptions, Store, SubscribeOptions } from '../contract.ts'
import { checkTtl, encodeKey, encodePrefix } from '../key.ts'
import { checkPosition } from '../position.ts'
import { Watch } from '../watch.ts'
import type { LocalTable } from './table.ts'

/** One bus's view of its hub's table. */
export class LocalStore implements Store {
  readonly #bus: BusBase
  readonly #table: LocalTable
  readonly #watches = new Set<Watch>()

  constructor(bus: BusBase, table: LocalTable) {
    this.#bus = bus
    this.#table = table
  }

  get maxTtlMs(): number {
    return this.#table.maxTtlMs
  }

  async get(key: Key): Promise<Entry | undefined> {
    const id = encodeKey(key)
    this.#bus.checkUp()
    await this.#bus.breathe()
    return this.#table.get(id)
  }

  async put(key: Key, value: Uint8Array, options: PutOptions = {}): Promise<Position> {
    knownOptions('put()', options, PUT_OPTIONS)
    encodeKey(key)
    this.#bus.checkFrame(value)
    if (options.revision) checkPosition(options.revision)
    const ttlMs = checkTtl(options.ttlMs, this.maxTtlMs)
    this.#bus.checkUp()
    const revision = this.#table.put(key, value, ttlMs, options.revision)
    await this.#bus.breathe()
    return revision
  }

  async delete(key: Key, options: { readonly revision?: Position | undefined } = {}): Promise<void> {
    knownOptions('delete()', options, { revision: true })
    encodeKey(key)
    if (options.revision) checkPosition(options.revision)
    this.#bus.checkUp()
    this.#table.delete(key, options.revision)
    await this.#bus.breathe()
  }

  async watch(
    prefix: Key,
    listener: (change: Change) => void,
    options: SubscribeOptions = {},
  ): Promise<{ close(): void }> {
    knownOptions('watch()', options, SUBSCRIBE_OPTIONS)
    const text = encodePrefix(prefix)
    this.#bus.checkUp()
    options.signal?.throwIfAborted()
    const watch = new Watch((change) => this.#bus.guard(() => listener(change)))
    this.#watches.add(watch)
    await this.#table.watch(watch, text)
    return { close: () => this.#unwatch(watch) }
  }

  close(): void {
    for (const watch of this.#watches) this.#unwatch(watch)
  }

  #unwatch(watch: Watch): void {
    this.#watches.delete(watch)
    this.#table.unwatch(watch)
  }
}

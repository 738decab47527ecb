import type { BusBase } from '../bus-base.ts'
import type { Entry, Key, Position } from '../contract.ts'
import { StoreBase } from '../store-base.ts'
import type { Watch } from '../watch.ts'
import type { LocalTable } from './table.ts'

/** One bus's view of its hub's table. */
export class LocalStore extends StoreBase {
  readonly #table: LocalTable
  readonly #watches = new Set<Watch>()

  constructor(bus: BusBase, table: LocalTable) {
    super(bus)
    this.#table = table
  }

  get maxTtlMs(): number {
    return this.#table.maxTtlMs
  }

  protected async read(_key: Key, id: string): Promise<Entry | undefined> {
    await this.bus.breathe()
    return this.#table.get(id)
  }

  protected async write(
    key: Key,
    id: string,
    value: Uint8Array,
    ttlMs: number,
    expected: Position | null | undefined,
  ): Promise<Position> {
    const revision = this.#table.put(id, key, value, ttlMs, expected)
    await this.bus.breathe()
    return revision
  }

  protected async remove(key: Key, id: string, expected: Position | undefined): Promise<void> {
    this.#table.delete(id, key, expected)
    await this.bus.breathe()
  }

  protected async open(watch: Watch, _prefix: Key, below: string): Promise<{ close(): void }> {
    this.#watches.add(watch)
    await this.#table.watch(watch, below)
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

import { knownOptions } from '../base/options.ts'
import type { BusBase } from './bus-base.ts'
import { PUT_OPTIONS, SUBSCRIBE_OPTIONS } from './bus-options.ts'
import type { Change, Entry, Key, Position, PutOptions, Store, SubscribeOptions } from './contract.ts'
import { checkTtl, encodeKey, encodePrefix } from './key.ts'
import { checkPosition } from './position.ts'
import { Watch } from './watch.ts'

/** What the engines' stores have in common: the checks of arguments. Each key comes with its text. */
export abstract class StoreBase implements Store {
  abstract readonly maxTtlMs: number
  protected readonly bus: BusBase

  constructor(bus: BusBase) {
    this.bus = bus
  }

  /** See {@link Store.get}. */
  async get(key: Key): Promise<Entry | undefined> {
    const id = encodeKey(key)
    this.bus.checkUp()
    return this.read(key, id)
  }

  /** See {@link Store.put}. */
  async put(key: Key, value: Uint8Array, options: PutOptions = {}): Promise<Position> {
    knownOptions('put()', options, PUT_OPTIONS)
    const id = encodeKey(key)
    this.bus.checkFrame(value)
    if (options.revision) checkPosition(options.revision)
    const ttlMs = checkTtl(options.ttlMs, this.maxTtlMs)
    this.bus.checkUp()
    return this.write(key, id, value, ttlMs, options.revision)
  }

  /** See {@link Store.delete}. */
  async delete(key: Key, options: { readonly revision?: Position | undefined } = {}): Promise<void> {
    knownOptions('delete()', options, { revision: true })
    const id = encodeKey(key)
    if (options.revision) checkPosition(options.revision)
    this.bus.checkUp()
    await this.remove(key, id, options.revision)
  }

  /** See {@link Store.watch}. */
  async watch(
    prefix: Key,
    listener: (change: Change) => void,
    options: SubscribeOptions = {},
  ): Promise<{ close(): void }> {
    knownOptions('watch()', options, SUBSCRIBE_OPTIONS)
    const below = encodePrefix(prefix)
    this.bus.checkUp()
    options.signal?.throwIfAborted()
    const watch = new Watch((change) => this.bus.guard(() => listener(change)))
    return this.open(watch, prefix, below, options)
  }

  protected abstract read(key: Key, id: string): Promise<Entry | undefined>
  /** @param expected what the key must hold; null for nothing. */
  protected abstract write(
    key: Key,
    id: string,
    value: Uint8Array,
    ttlMs: number,
    expected: Position | null | undefined,
  ): Promise<Position>
  protected abstract remove(key: Key, id: string, expected: Position | undefined): Promise<unknown>
  protected abstract open(
    watch: Watch,
    prefix: Key,
    below: string,
    options: SubscribeOptions,
  ): Promise<{ close(): void }>
}

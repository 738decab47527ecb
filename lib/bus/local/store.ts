import { randomUUID } from 'node:crypto'
import { knownOptions } from '../../base/options.ts'
import type { BusBase } from '../bus-base.ts'
import { staleError } from '../bus-errors.ts'
import { PUT_OPTIONS, SUBSCRIBE_OPTIONS } from '../bus-options.ts'
import type { Change, Entry, Key, Position, PutOptions, Store, SubscribeOptions } from '../contract.ts'
import { checkTtl, encodeKey, encodePrefix } from '../key.ts'
import { checkPosition, samePosition } from '../position.ts'
import { Watch } from '../watch.ts'

interface Held {
  readonly entry: Entry
  /** In ms of `performance.now()`. */
  readonly endsAt: number
}

/** One of so many writes looks for entries that have expired and that nobody asked for since. */
const SWEEP_EVERY = 1024

/** The entries of a hub, which its buses share. */
export class LocalTable {
  readonly maxTtlMs: number
  readonly #later: (call: () => void) => void
  readonly #held = new Map<string, Held>()
  readonly #watches = new Map<Watch, string>()
  #epoch = randomUUID()
  #writes = 0n

  constructor(maxTtlMs: number, later: (call: () => void) => void) {
    this.maxTtlMs = maxTtlMs
    this.#later = later
  }

  get(id: string): Entry | undefined {
    const held = this.#held.get(id)
    if (held && held.endsAt > performance.now()) return held.entry
    if (held) this.#held.delete(id)
    return undefined
  }

  put(key: Key, value: Uint8Array, ttlMs: number, expected: Position | null | undefined): Position {
    const id = encodeKey(key)
    this.#check(id, key, expected)
    const revision = { epoch: this.#epoch, offset: ++this.#writes }
    const entry = { key: [...key], value, revision }
    const endsAt = performance.now() + ttlMs
    this.#held.set(id, { entry, endsAt })
    if (this.#writes % BigInt(SWEEP_EVERY) === 0n) for (const other of this.#held.keys()) this.get(other)
    this.#report(id, (watch) => watch.set(entry, endsAt - performance.now()))
    return revision
  }

  delete(key: Key, expected: Position | undefined): void {
    const id = encodeKey(key)
    this.#check(id, key, expected)
    this.#held.delete(id)
    this.#report(id, (watch) => watch.delete(key))
  }

  /** Resolves when the snapshot has been reported. */
  watch(watch: Watch, prefix: string): Promise<void> {
    this.#watches.set(watch, prefix)
    return new Promise((resolve) =>
      this.#later(() => {
        if (this.#watches.has(watch)) this.#snapshot(watch, prefix)
        resolve()
      }),
    )
  }

  unwatch(watch: Watch): void {
    this.#watches.delete(watch)
    watch.close()
  }

  /** All entries are gone; what is written from here on belongs to a new epoch. */
  lose(): void {
    this.#held.clear()
    this.#epoch = randomUUID()
    this.#writes = 0n
    for (const [watch, prefix] of this.#watches) this.#later(() => this.#snapshot(watch, prefix))
  }

  #check(id: string, key: Key, expected: Position | null | undefined): void {
    if (expected === undefined) return
    const found = this.get(id)?.revision
    if (expected === null ? found !== undefined : !found || !samePosition(found, expected))
      throw staleError(key, expected)
  }

  #snapshot(watch: Watch, prefix: string): void {
    watch.startSnapshot()
    for (const [id, { entry, endsAt }] of this.#held) {
      if (isBelow(id, prefix)) watch.set(entry, endsAt - performance.now())
    }
    watch.endSnapshot()
  }

  #report(id: string, call: (watch: Watch) => void): void {
    for (const [watch, prefix] of this.#watches) {
      if (isBelow(id, prefix)) this.#later(() => this.#watches.has(watch) && call(watch))
    }
  }
}

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

  async delete(key: Key, options: { readonly revision?: Position } = {}): Promise<void> {
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

function isBelow(id: string, prefix: string): boolean {
  return prefix === '' || id.startsWith(`${prefix}.`)
}

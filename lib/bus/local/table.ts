import { randomUUID } from 'node:crypto'
import { now } from '../../event-loop/clock.ts'
import { inRootContext } from '../../event-loop/root-context.ts'
import { staleError } from '../bus-errors.ts'
import type { Entry, Key, Position } from '../contract.ts'
import { encodeKey } from '../key.ts'
import { samePosition } from '../position.ts'
import type { Watch } from '../watch.ts'

interface Held {
  readonly entry: Entry
  /** By the clock. */
  readonly endsAt: number
  /** Ends it, where a stalled process does not look before: also if a test's clock has moved on, and not the real one. */
  readonly timer: NodeJS.Timeout
}

/** An entry as it stands in a file. */
export interface SavedEntry {
  readonly entry: Entry
  readonly leftMs: number
}

/** The entries of a hub, which its buses share. */
export class LocalTable {
  readonly maxTtlMs: number
  readonly #later: (call: () => void) => void
  readonly #held = new Map<string, Held>()
  readonly #watches = new Map<Watch, string>()
  #epoch = randomUUID()
  #writes = 0n
  /** Changes with what is held. */
  version = 0

  constructor(maxTtlMs: number, later: (call: () => void) => void) {
    this.maxTtlMs = maxTtlMs
    this.#later = later
  }

  get(id: string): Entry | undefined {
    const held = this.#held.get(id)
    if (held && held.endsAt > now()) return held.entry
    this.#remove(id)
    return undefined
  }

  put(id: string, key: Key, value: Uint8Array, ttlMs: number, expected: Position | null | undefined): Position {
    this.#check(id, key, expected)
    const revision = { epoch: this.#epoch, offset: ++this.#writes }
    const entry = { key: [...key], value, revision }
    const { endsAt } = this.#hold(id, entry, ttlMs)
    this.#report(id, (watch) => watch.set(entry, endsAt - now()))
    return revision
  }

  delete(id: string, key: Key, expected: Position | undefined): void {
    this.#check(id, key, expected)
    this.#remove(id)
    this.version++
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
    for (const id of [...this.#held.keys()]) this.#remove(id)
    this.#epoch = randomUUID()
    this.#writes = 0n
    this.version++
    for (const [watch, prefix] of this.#watches) this.#later(() => this.#snapshot(watch, prefix))
  }

  /** All that is held. */
  *saved(): Iterable<SavedEntry> {
    const at = now()
    for (const { entry, endsAt } of this.#held.values()) if (endsAt > at) yield { entry, leftMs: endsAt - at }
  }

  /** What a file has. What is written from here on has another epoch: no revision comes twice. */
  load({ entry, leftMs }: SavedEntry): void {
    if (leftMs > 0) this.#hold(encodeKey(entry.key), entry, Math.min(leftMs, this.maxTtlMs))
  }

  #hold(id: string, entry: Entry, ttlMs: number): Held {
    this.version++
    this.#remove(id)
    // In no writer's AsyncLocalStorage context, which the timer would keep alive.
    const timer = inRootContext(() => setTimeout(() => this.#remove(id), ttlMs))
    timer.unref()
    const held = { entry, endsAt: now() + ttlMs, timer }
    this.#held.set(id, held)
    return held
  }

  #remove(id: string): void {
    clearTimeout(this.#held.get(id)?.timer)
    this.#held.delete(id)
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
      if (isBelow(id, prefix)) watch.set(entry, endsAt - now())
    }
    watch.endSnapshot()
  }

  #report(id: string, call: (watch: Watch) => void): void {
    for (const [watch, prefix] of this.#watches) {
      if (isBelow(id, prefix)) this.#later(() => this.#watches.has(watch) && call(watch))
    }
  }
}

function isBelow(id: string, prefix: string): boolean {
  return prefix === '' || id.startsWith(`${prefix}.`)
}

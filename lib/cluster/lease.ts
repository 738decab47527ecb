import type { Bus, Key } from '../bus/contract.ts'
import { inRootContext } from '../event-loop/root-context.ts'

/** Of a lease's life, after how much of it is it renewed, and the others looked at: two renewals may get lost. */
export const RENEWALS = 3
/** How long an entry outlives its lease: a node is forgotten by what is heard of it, not by the store. */
const ENTRY_LIVES = 3

/** What a lease is kept for. */
export interface LeaseUser {
  readonly ttlMs: number
  /** The engine is there: it has taken a renewal, or answered a question. */
  answered(): void
}

//    none ── watch ──► watching ── hold ──► held
//     ▲ └──────────────── hold ──────────────┤
//     └───────── release ───────┴────────────┘
//
//   watching   Others are looked at: the engine is asked whether it is there, and nothing written.
//   held       Others can know of this node.

/** An entry of a node's in the store, which shows the others that it lives. It is renewed until it is released. */
export class Lease {
  readonly #bus: Bus
  readonly #key: Key
  readonly #user: LeaseUser
  #phase: 'none' | 'watching' | 'held' = 'none'
  #timer: NodeJS.Timeout | undefined
  #renewing: Promise<void> | undefined

  constructor(bus: Bus, key: Key, user: LeaseUser) {
    this.#bus = bus
    this.#key = key
    this.#user = user
  }

  watch(): void {
    if (this.#phase === 'none') this.#phase = 'watching'
    void this.renew()
  }

  hold(): void {
    if (this.#phase === 'held') return
    this.#phase = 'held'
    void this.renew()
  }

  /** Others forget this node at once. Always resolves. */
  async release(): Promise<void> {
    const wasHeld = this.#phase === 'held'
    this.#phase = 'none'
    clearTimeout(this.#timer)
    await this.#renewing
    if (!wasHeld || this.#isHeldAgain) return
    // Not deleted, which would look like an entry that has run out.
    await this.#bus.store.put(this.#key, Buffer.from('{"gone":true}'), { ttlMs: 1_000 }).catch(() => {})
  }

  get #isHeldAgain(): boolean {
    return this.#phase === 'held'
  }

  /** Looks whether the engine is there, now. */
  async renew(): Promise<void> {
    clearTimeout(this.#timer)
    this.#renewing ??= this.#write().finally(() => {
      this.#renewing = undefined
    })
    await this.#renewing
    if (this.#phase === 'none') return
    clearTimeout(this.#timer)
    // In no context: it would be that of whoever made the first group.
    this.#timer = inRootContext(() => setTimeout(() => void this.renew(), this.#user.ttlMs / (2 * RENEWALS)))
    this.#timer.unref()
  }

  async #write(): Promise<void> {
    const { store } = this.#bus
    const { ttlMs } = this.#user
    try {
      if (this.#phase === 'held')
        await store.put(this.#key, formatLease(ttlMs), { ttlMs: Math.min(ttlMs * ENTRY_LIVES, store.maxTtlMs) })
      else await store.get(this.#key)
    } catch {
      return // At the engine's return, or with the next one.
    }
    this.#user.answered()
  }
}

function formatLease(ttlMs: number): Buffer {
  return Buffer.from(JSON.stringify({ ttlMs }))
}

/** What another node's entry says; nothing where it was not written by one. */
export function parseLease(value: Uint8Array): { ttlMs?: number; gone?: boolean } {
  try {
    const lease: unknown = JSON.parse(Buffer.from(value).toString())
    if (typeof lease === 'object' && lease !== null) return lease
  } catch {}
  return {}
}

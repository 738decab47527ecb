import { randomBytes, randomUUID } from 'node:crypto'
import { QbpError } from '../base/errors.ts'
import type { Bus, Position } from '../bus/contract.ts'
import { formatHeld, parseHeld, Session, sessionKey } from './session.ts'

/** Options of sessions. */
export interface SessionsOptions {
  /** How long a client may stay away, in milliseconds, up to the bus's `maxTtlMs`. Default: 2 minutes. */
  ttlMs?: number
}

const TOKEN_BYTES = 24
const TOKEN = /^[A-Za-z0-9_-]{32}$/

/** Begins what nodes send one another through `bus.send`; after it stands the holder that is to let go. */
const LET_GO = Buffer.from('\0qbp:session:let-go\0')

/**
 * The sessions of a bus: clients that come back, to any node, as who they were. What they missed meanwhile a durable Group gives them.
 *
 *   const session = token === '' ? await sessions.open(state) : await sessions.resume(token)    // null: it cannot
 */
export class Sessions<State = unknown> {
  readonly #bus: Bus
  readonly #ttlMs: number
  /** Those served here, by holder. */
  readonly #held = new Map<string, Session<State>>()

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor(bus: Bus, options: SessionsOptions = {}) {
    const { ttlMs = Math.min(120_000, bus.store.maxTtlMs) } = options
    if (!Number.isInteger(ttlMs) || ttlMs < 10 || ttlMs > bus.store.maxTtlMs) {
      const message = `ttlMs is ${ttlMs}; allowed are integers from 10 to the bus's maxTtlMs, ${bus.store.maxTtlMs}.`
      throw new QbpError('ERR_QBP_BAD_OPTION', message, { option: 'ttlMs' })
    }
    this.#bus = bus
    this.#ttlMs = ttlMs
    bus.on('frame', this.#onFrame)
  }

  /** How many are served here. */
  get size(): number {
    return this.#held.size
  }

  /**
   * A new client's.
   *
   * @throws {QbpError} what `put` of the bus's store throws.
   */
  async open(state: State): Promise<Session<State>> {
    const token = randomBytes(TOKEN_BYTES).toString('base64url')
    return this.#take(token, state, null)
  }

  /**
   * That of a client that comes back, with the state saved last; or null if there is none of that token any more, which may have come from
   * anyone. Where another node still serves it, that node has ended it when this resolves, or is gone.
   *
   * @throws {QbpError} what `get` and `put` of the bus's store throw.
   */
  async resume(token: string): Promise<Session<State> | null> {
    if (typeof token !== 'string' || !TOKEN.test(token)) return null
    for (;;) {
      const entry = await this.#bus.store.get(sessionKey(token))
      if (entry === undefined) return null
      const held = parseHeld(entry.value)
      try {
        const session = await this.#take(token, held.state as State, entry.revision)
        if (held.node !== null) await this.#askToLetGo(held.node, held.holder)
        return session
      } catch (error) {
        // Another node was quicker, or the one that serves it has just saved: what counts is who comes last.
        if ((error as QbpError).code !== 'ERR_QBP_STALE_REVISION') throw error
      }
    }
  }

  /** Releases all that are served here. Always resolves. */
  async close(): Promise<void> {
    this.#bus.off('frame', this.#onFrame)
    await Promise.all([...this.#held.values()].map((session) => session.release()))
  }

  /** As `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #take(token: string, state: State, revision: Position | null): Promise<Session<State>> {
    const { store, node } = this.#bus
    const holder = randomUUID()
    const taken = await store.put(sessionKey(token), formatHeld({ node, holder, state }), {
      revision,
      ttlMs: this.#ttlMs,
    })
    const keeping = { bus: this.#bus, ttlMs: this.#ttlMs, over: (which: string) => this.#held.delete(which) }
    const session = new Session(token, holder, state, taken, keeping)
    this.#held.set(holder, session)
    return session
  }

  async #askToLetGo(node: string, holder: string): Promise<void> {
    if (node === this.#bus.node) {
      this.#held.get(holder)?.move()
      return
    }
    // A node that cannot be reached is fenced off by the store: what it would write is refused.
    await this.#bus.send(node, Buffer.concat([LET_GO, Buffer.from(holder)])).catch(() => {})
  }

  readonly #onFrame = (frame: Uint8Array): void => {
    const { length } = LET_GO
    if (frame.length > length && LET_GO.equals(frame.subarray(0, length)))
      this.#held.get(Buffer.from(frame.subarray(length)).toString())?.move()
  }
}

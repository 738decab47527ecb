import { createHash } from 'node:crypto'
import { QbpError } from '../base/errors.ts'
import type { Role } from '../base/role.ts'
import { reasonOf } from '../base/shown.ts'
import { errorOf } from '../base/thrown.ts'
import type { Bus, Entry, Key, Position } from '../bus/contract.ts'
import type { Member } from '../net/group-member.ts'
import type { Protocol } from '../protocol/protocol.ts'
import { type Joined, type Joining, joinAll } from './join-all.ts'

/** What the store holds of a session. */
export interface Held {
  /** The node that serves it, or null while none does. */
  readonly node: string | null
  /** Which life of it on that node. */
  readonly holder: string
  readonly state: unknown
}

/** How a session is kept. */
export interface Keeping {
  readonly bus: Bus
  readonly ttlMs: number
  /** It is not served here any more. */
  readonly over: (holder: string) => void
}

/** Of a lease's life, after how much it is renewed: two renewals may get lost. */
const RENEWAL = 1 / 3

/**
 * Where a session's state lies. Not under its token: whoever may look into the engine could take the session over.
 */
export function sessionKey(token: string): Key {
  return ['session', createHash('sha256').update(token).digest('hex')]
}

/** @throws {QbpError} ERR_QBP_INVALID_BODY for an entry that was not written by a session. */
export function parseHeld(value: Uint8Array): Held {
  try {
    const held = JSON.parse(Buffer.from(value).toString()) as Held
    if (typeof held.holder === 'string' && (held.node === null || typeof held.node === 'string')) return held
  } catch {}
  throw new QbpError('ERR_QBP_INVALID_BODY', 'What stands in the store was not written by a session.')
}

export function formatHeld(held: Held): Buffer {
  return Buffer.from(JSON.stringify(held))
}

/**
 * What a client is to the servers, from one connection to the next and from one node to another. It is served in one place at a
 * time: whoever takes it over ends it here, and what this place would still write is refused.
 *
 * `State` is anything that JSON keeps.
 */
export class Session<State = unknown> implements AsyncDisposable {
  /** What the client presents to come back: whoever has it is the client. 32 letters, digits, '-' and '_'. */
  readonly token: string
  /** Aborted, with ERR_QBP_SESSION_MOVED, once it is served elsewhere: end the client's connection here. */
  readonly signal: AbortSignal
  readonly #key: Key
  readonly #holder: string
  readonly #keeping: Keeping
  readonly #abort = new AbortController()
  #state: State
  /** That of this node's last write; null while the entry may hold something else. */
  #revision: Position | null
  #isOver = false
  #renewal: NodeJS.Timeout | undefined
  #tail: Promise<unknown> = Promise.resolve()

  /** Made by `Sessions`. */
  constructor(token: string, holder: string, state: State, revision: Position, keeping: Keeping) {
    this.token = token
    this.signal = this.#abort.signal
    this.#key = sessionKey(token)
    this.#holder = holder
    this.#state = state
    this.#revision = revision
    this.#keeping = keeping
    this.#renew()
  }

  /** As it was saved last. */
  get state(): State {
    return this.#state
  }

  /**
   * Writes the state. Calls are followed in their order.
   *
   * @throws {QbpError} ERR_QBP_SESSION_MOVED if it is served elsewhere, ERR_QBP_CLOSED after `release` or `end`; what `put` of the bus's store
   * throws, such as ERR_QBP_BUS_DOWN. The state stays what it was then.
   */
  save(state: State): Promise<void> {
    return this.#inTurn(async () => {
      await this.#write(state, this.#keeping.bus.node)
      this.#state = state
    })
  }

  /**
   * Joins several groups at once, as a client that comes back does. In a group whose log does not reach back to `since` the member begins with
   * what comes from now on, and `gap` says so.
   *
   * @throws {QbpError} as a rejection: what `join` throws but for ERR_QBP_GAP. The member is in none of them then.
   */
  joinAll<P extends Protocol, R extends Role>(
    member: Member<P, R>,
    joins: readonly Joining<P, R>[],
  ): Promise<Joined<P, R>[]> {
    return joinAll(member, joins)
  }

  /**
   * The client's connection is gone: for `ttlMs` from now it may come back, to any node. Always resolves.
   *
   * @param state is saved with that, unless the session is served elsewhere by now. What else hinders it is a warning of the process.
   */
  async release(state?: State): Promise<void> {
    const last = state ?? this.#state
    await this.#finish(async () => {
      try {
        await this.#write(last, null)
      } catch (error) {
        if (state !== undefined && (error as QbpError).code !== 'ERR_QBP_SESSION_MOVED')
          process.emitWarning(`The last state of a session was not saved: ${reasonOf(error)}`, 'QbpWarning')
        throw error
      }
    })
  }

  /** The client said goodbye: its token is worth nothing from now on. Always resolves. */
  async end(): Promise<void> {
    await this.#finish(async () => {
      const revision = await this.#standing()
      if (revision !== null) await this.#keeping.bus.store.delete(this.#key, { revision })
    })
  }

  /** Another node asks for it: saves its state as it is now, and ends here. Always resolves. */
  async handOver(latest: (() => State | Promise<State>) | undefined): Promise<void> {
    if (this.#isOver) return
    await this.#finish(async () => {
      let state = this.#state
      try {
        if (latest) state = await latest()
      } catch (error) {
        process.emitWarning(errorOf(error, 'beforeMove'))
      }
      await this.#write(state, null)
    })
    this.#abort.abort(moved())
  }

  /** It was ended from another node. */
  endHere(): void {
    if (this.#isOver) return
    this.#over()
    this.#abort.abort(new QbpError('ERR_QBP_CLOSED', 'The session was ended from another node.'))
  }

  /** Looks now whether it is still served here. */
  renewNow(): void {
    if (this.#isOver) return
    clearTimeout(this.#renewal)
    this.#revision = null
    this.#renewAfter(0)
  }

  /** Called once it is served elsewhere. */
  move(): void {
    if (this.#isOver) return
    this.#over()
    this.#abort.abort(moved())
  }

  /** As `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.release()
  }

  #renew(): void {
    this.#renewAfter(this.#keeping.ttlMs * RENEWAL)
  }

  #renewAfter(delayMs: number): void {
    this.#renewal = setTimeout(async () => {
      // An engine that is away is met again by the next renewal.
      await this.#inTurn(() => this.#write(this.#state, this.#keeping.bus.node)).catch(() => {})
      if (!this.#isOver) this.#renew()
    }, delayMs)
    this.#renewal.unref()
  }

  #over(): void {
    this.#isOver = true
    clearTimeout(this.#renewal)
    this.#keeping.over(this.#holder)
  }

  async #finish(last: () => Promise<unknown>): Promise<void> {
    await this.#inTurn(async () => {
      await last()
      this.#over()
    }).catch(() => this.#isOver || this.#over())
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#tail.then(() => {
      this.signal.throwIfAborted()
      if (this.#isOver) throw new QbpError('ERR_QBP_CLOSED', 'The session was released or ended here.')
      return work()
    })
    this.#tail = turn.catch(() => {})
    return turn
  }

  /** Writes after what was written last: if another node has written since, this one's turn is over. */
  async #write(state: State, node: string | null): Promise<void> {
    const { bus, ttlMs } = this.#keeping
    const held = formatHeld({ node, holder: this.#holder, state })
    for (;;) {
      const revision = await this.#standing()
      this.#revision = null
      try {
        this.#revision = await bus.store.put(this.#key, held, { revision, ttlMs })
        return
      } catch (error) {
        if ((error as QbpError).code !== 'ERR_QBP_STALE_REVISION') throw error
      }
    }
  }

  /** What to write after: this node's own last write, or null where that has run out or was lost. */
  async #standing(): Promise<Position | null> {
    if (this.#revision !== null) return this.#revision
    const entry: Entry | undefined = await this.#keeping.bus.store.get(this.#key)
    if (entry === undefined) return null
    if (parseHeld(entry.value).holder === this.#holder) return entry.revision
    this.move()
    throw moved()
  }
}

function moved(): QbpError {
  return new QbpError('ERR_QBP_SESSION_MOVED', 'The session is served elsewhere now: end the connection here.')
}

import { randomBytes, randomUUID } from 'node:crypto'
import { QbpError } from '../base/errors.ts'
import { given } from '../base/given.ts'
import { knownOptions } from '../base/options.ts'
import type { Bus, Position } from '../bus/contract.ts'
import { formatHeld, type Held, parseHeld, Session, sessionKey } from './session.ts'

/** Options of sessions. */
export interface SessionsOptions<State = unknown> {
  /** How long a client may stay away, in milliseconds, up to the bus's `maxTtlMs`. Default: 2 minutes. */
  ttlMs?: number | undefined
  /**
   * Called when another node asks for a session that is served here: gives its state as it is now, what was not saved yet included. Default:
   * the state as it was saved last.
   */
  beforeMove?: ((session: Session<State>) => State | Promise<State>) | undefined
  /** Called with what `send` of these sessions has sent to one that is served here, from whichever node. */
  onMessage?: ((session: Session<State>, message: Uint8Array) => void) | undefined
}

/** How long a session's old node has to hand it over: it may have stopped, or be gone. */
const HAND_OVER_MS = 1_000

const TOKEN_BYTES = 24
const TOKEN = /^[A-Za-z0-9_-]{32}$/

/** Begins what nodes send one another through `bus.send`. */
const PREFIX = Buffer.from('\0qbp:session\0')

/** What one node asks of another, or answers. After it stands what is sent to a session. */
interface Note {
  readonly what: 'let-go' | 'gone' | 'end' | 'message'
  readonly holder: string
  /** Who asks. */
  readonly node: string
}

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
  readonly #beforeMove: SessionsOptions<State>['beforeMove']
  readonly #onMessage: SessionsOptions<State>['onMessage']
  /** Those that are asked to let go, by holder. */
  readonly #awaited = new Map<string, () => void>()

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor(bus: Bus, options: SessionsOptions<State> = {}) {
    given(typeof bus?.store === 'object', bus, 'a bus', 'new Sessions(bus, options?)')
    knownOptions('Sessions', options, { ttlMs: true, beforeMove: true, onMessage: true })
    const { ttlMs = Math.min(120_000, bus.store.maxTtlMs) } = options
    if (!Number.isInteger(ttlMs) || ttlMs < 10 || ttlMs > bus.store.maxTtlMs) {
      const message = `ttlMs is ${ttlMs}; allowed are integers from 10 to the bus's maxTtlMs, ${bus.store.maxTtlMs}.`
      throw new QbpError('ERR_QBP_BAD_OPTION', message, { option: 'ttlMs' })
    }
    this.#bus = bus
    this.#ttlMs = ttlMs
    this.#beforeMove = options.beforeMove
    this.#onMessage = options.onMessage
    bus.on('frame', this.#onFrame).on('up', this.#onUp)
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
   * That of a client that comes back; or null if there is none of that token any more, which may have come from anyone. A node that still
   * serves it is asked for its state first, and has ended it when this resolves; one that does not answer within a second is fenced off.
   *
   * @throws {QbpError} what `get` and `put` of the bus's store throw.
   */
  async resume(token: string): Promise<Session<State> | null> {
    const asked = new Set<string>()
    for (;;) {
      const found = await this.#find(token)
      if (found === null) return null
      const { node, holder, state } = found.held
      if (node !== null && !asked.has(holder)) {
        asked.add(holder)
        await this.#askToLetGo(node, holder)
        continue // It has saved what it had.
      }
      try {
        return await this.#take(token, state as State, found.revision)
      } catch (error) {
        // Another node was quicker, or the one that serves it has just saved: the last one to come has it.
        if ((error as QbpError).code !== 'ERR_QBP_STALE_REVISION') throw error
      }
    }
  }

  /** The node that serves a session; null if none does, or there is none. @throws {QbpError} what `get` of the bus's store throws. */
  async where(token: string): Promise<string | null> {
    return (await this.#find(token))?.held.node ?? null
  }

  /**
   * Sends to a session, on whichever node it is served: its `onMessage` is called there. @returns whether it is served anywhere.
   *
   * @throws {QbpError} what `get` of the bus's store and `send` of the bus throw.
   */
  async send(token: string, message: Uint8Array): Promise<boolean> {
    const found = await this.#find(token)
    if (found === null || found.held.node === null) return false
    await this.#note(found.held.node, { what: 'message', holder: found.held.holder }, message)
    return true
  }

  /**
   * Ends a session, on whichever node it is served: its `signal` aborts there, and its token is worth nothing any more. @returns whether
   * there was one.
   *
   * @throws {QbpError} what `get` and `delete` of the bus's store throw.
   */
  async end(token: string): Promise<boolean> {
    for (;;) {
      const found = await this.#find(token)
      if (found === null) return false
      try {
        await this.#bus.store.delete(sessionKey(token), { revision: found.revision })
      } catch (error) {
        if ((error as QbpError).code === 'ERR_QBP_STALE_REVISION') continue
        throw error
      }
      const { node, holder } = found.held
      if (node !== null) await this.#note(node, { what: 'end', holder }).catch(() => {}) // It finds out by itself.
      return true
    }
  }

  /** Releases all that are served here. Always resolves. */
  async close(): Promise<void> {
    this.#bus.off('frame', this.#onFrame).off('up', this.#onUp)
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

  async #find(token: string): Promise<{ held: Held; revision: Position } | null> {
    if (typeof token !== 'string' || !TOKEN.test(token)) return null
    const entry = await this.#bus.store.get(sessionKey(token))
    return entry === undefined ? null : { held: parseHeld(entry.value), revision: entry.revision }
  }

  async #note(node: string, note: Omit<Note, 'node'>, message: Uint8Array = new Uint8Array(0)): Promise<void> {
    const head = Buffer.from(`${JSON.stringify({ ...note, node: this.#bus.node })}\n`)
    await this.#bus.send(node, Buffer.concat([PREFIX, head, message]))
  }

  async #askToLetGo(node: string, holder: string): Promise<void> {
    let answered = () => {}
    const answer = new Promise<void>((resolve) => {
      answered = resolve
    })
    const timer = setTimeout(answered, HAND_OVER_MS)
    this.#awaited.set(holder, answered)
    // A node that cannot be reached is fenced off by the store: what it would write is refused.
    this.#note(node, { what: 'let-go', holder }).catch(answered)
    await answer
    clearTimeout(timer)
    this.#awaited.delete(holder)
  }

  async #letGo(holder: string, node: string): Promise<void> {
    const session = this.#held.get(holder)
    await session?.handOver(this.#beforeMove && (() => this.#beforeMove?.(session) as State | Promise<State>))
    await this.#note(node, { what: 'gone', holder }).catch(() => {}) // It goes on after a second.
  }

  readonly #onFrame = (frame: Uint8Array): void => {
    const { length } = PREFIX
    if (frame.length <= length || !PREFIX.equals(frame.subarray(0, length))) return
    const end = frame.indexOf(0x0a, length)
    const note = parseNote(frame.subarray(length, end === -1 ? frame.length : end))
    if (note === null) return
    const { what, holder, node } = note
    if (what === 'let-go') void this.#letGo(holder, node)
    else if (what === 'gone') this.#awaited.get(holder)?.()
    else if (what === 'end') this.#held.get(holder)?.endHere()
    else {
      const session = this.#held.get(holder)
      if (session) this.#onMessage?.(session, frame.slice(end + 1))
    }
  }

  /** While the engine was away another node may have taken some over. */
  readonly #onUp = (): void => {
    for (const session of this.#held.values()) session.renewNow()
  }
}

function parseNote(text: Uint8Array): Note | null {
  try {
    const note = JSON.parse(Buffer.from(text).toString()) as Note
    return typeof note.holder === 'string' && typeof note.node === 'string' ? note : null
  } catch {
    return null
  }
}

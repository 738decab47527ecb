import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { QbpError } from '../../base/errors.ts'
import { onAbort } from '../../base/on-abort.ts'
import { now } from '../../event-loop/clock.ts'
import { timer } from '../../event-loop/timers.ts'
import { closedError } from '../bus-errors.ts'
import { isFinal, offError, refusedError, timeoutError } from './engine-errors.ts'
import { RefusedSubjects } from './refused-subjects.ts'

/** How long one attempt may take; what the engine has not answered by then is asked again. */
const ATTEMPT_MS = 5_000
const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 500

export interface Patience {
  /** By the clock. */
  readonly deadline: number
  readonly signal?: AbortSignal | undefined
}

export interface NatsLinkOptions {
  readonly timeoutMs: number
  readonly inboxPrefix: string | undefined
  /** JetStream's, where it is another account's or a leaf node's. */
  readonly domain: string | undefined
}

//           the connection is lost
//    up ───────────────────────────► away
//     │ ◄────── it is back ───────────┤
//     └──────── close ───────┬────────┘
//                            ▼
//                         closed

/**
 * A connection to NATS that knows whether it is one. nats.js drops what is published while it dials, without a word, and lets
 * requests run into their time limit: so the state is kept here, and what is under way fails with the connection.
 */
export class NatsLink {
  readonly nc: NatsConnection
  readonly js: JetStreamClient
  readonly jsm: JetStreamManager
  readonly inboxPrefix: string | undefined
  /** Begins the subjects of JetStream's API. */
  readonly apiPrefix: string
  /** Which connection this is. What was asked of an earlier one (such as the epoch of a stream) is to be asked again. */
  generation = 0
  #phase: 'up' | 'away' | 'closed' = 'up'
  /** Whether JetStream has ever answered: it is there then, and away if it does not. */
  #isStoring = false
  readonly #timeoutMs: number
  readonly #onState: (up: boolean) => void
  /** Called at each new connection. */
  readonly reconnected = new Set<() => void>()
  readonly refused = new RefusedSubjects()
  readonly #fail = new Set<(error: Error) => void>()
  readonly #wake = new Set<() => void>()

  private constructor(
    nc: NatsConnection,
    jsm: JetStreamManager,
    options: NatsLinkOptions,
    onState: (up: boolean) => void,
  ) {
    const { timeoutMs, inboxPrefix, domain } = options
    this.nc = nc
    this.inboxPrefix = inboxPrefix
    this.apiPrefix = domain === undefined ? '$JS.API' : `$JS.${domain}.API`
    this.js = jetstream(nc, domain === undefined ? {} : { domain })
    this.jsm = jsm
    this.#timeoutMs = timeoutMs
    this.#onState = onState
    void this.#follow()
  }

  static async over(nc: NatsConnection, options: NatsLinkOptions, onState: (up: boolean) => void): Promise<NatsLink> {
    const domain = options.domain === undefined ? {} : { domain: options.domain }
    const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: ATTEMPT_MS, ...domain })
    return new NatsLink(nc, jsm, options, onState)
  }

  get isUp(): boolean {
    return this.#phase === 'up'
  }

  /** The server's longest message. */
  get maxPayload(): number {
    return this.nc.info?.max_payload ?? 1_048_576
  }

  /** The deadline of what starts now. */
  patience(signal?: AbortSignal): Patience {
    return { deadline: now() + this.#timeoutMs, signal }
  }

  /**
   * `work`, or the end of the connection, or the signal's abort, whichever is first; with `limited`, which names the work, also the bus's
   * time limit.
   */
  race<T>(
    work: Promise<T>,
    signal?: AbortSignal,
    options: { readonly survivesDown?: boolean; readonly limited?: string } = {},
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const { limited } = options
      const late =
        limited === undefined
          ? undefined
          : timer(this.#timeoutMs, () => settle(() => reject(timeoutError(limited, this.#timeoutMs))))?.ref()
      const settle = (call: () => void) => {
        clearTimeout(late)
        this.#fail.delete(fail)
        unwatch?.()
        call()
      }
      const fail = (error: Error) => {
        if (!options.survivesDown || error instanceof QbpError) settle(() => reject(error))
      }
      const abort = () => settle(() => reject(signal?.reason))
      this.#fail.add(fail)
      const unwatch = signal && onAbort(signal, abort)
      work.then(
        (value) => settle(() => resolve(value)),
        (error) => settle(() => reject(error)),
      )
      if (this.#phase === 'closed') fail(closedError())
      else if (!this.isUp) fail(new Error('the connection is away'))
    })
  }

  /**
   * Attempts until one succeeds, waiting while the connection is away.
   *
   * @throws {QbpError} ERR_QBP_BUS_TIMEOUT, ERR_QBP_BUS_CLOSED, ERR_QBP_BUS_REFUSED for what will not get better, and any QbpError
   * of the attempt's own; the signal's reason.
   */
  async retry<T>(what: string, attempt: (timeoutMs: number) => Promise<T>, patience: Patience): Promise<T> {
    const { deadline, signal } = patience
    let cause: unknown
    for (let n = 0; ; n++) {
      if (this.#phase === 'closed') throw closedError()
      signal?.throwIfAborted()
      const leftMs = deadline - now()
      if (leftMs <= 0) throw timeoutError(what, this.#timeoutMs, cause)
      if (!this.isUp) {
        await this.#pause(leftMs, signal)
        continue
      }
      try {
        const done = await this.race(attempt(Math.ceil(Math.min(leftMs, ATTEMPT_MS))), signal)
        this.#isStoring = true
        return done
      } catch (error) {
        if (error instanceof QbpError || signal?.aborted) throw error
        if (isFinal(error)) throw refusedError(what, error)
        if (
          error instanceof Error &&
          error.name === 'JetStreamNotEnabled' &&
          !this.#isStoring &&
          !this.nc.info?.jetstream
        )
          throw offError(what, error)
        cause = error
      }
      if (this.isUp) await this.#pause(Math.min(leftMs, LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** n), signal)
    }
  }

  /** Everything under way fails with ERR_QBP_BUS_CLOSED; what was published is flushed, as far as that goes within a second. */
  async close(): Promise<void> {
    if (this.#phase === 'closed') return
    const wasUp = this.isUp
    this.#phase = 'closed'
    for (const fail of this.#fail) fail(closedError())
    for (const wake of this.#wake) wake()
    if (wasUp) {
      const flushed = this.nc.flush().catch(() => {})
      let timer: NodeJS.Timeout | undefined
      await Promise.race([flushed, new Promise((resolve) => (timer = setTimeout(resolve, 1000)))])
      clearTimeout(timer)
    }
    await this.nc.close().catch(() => {})
  }

  async #follow(): Promise<void> {
    for await (const status of this.nc.status()) {
      if (status.type === 'disconnect') this.#set(false)
      else if (status.type === 'reconnect') this.#set(true)
      else if (status.type === 'error') this.refused.note(status.error)
    }
    this.#set(false)
  }

  #set(up: boolean): void {
    if (up === this.isUp || this.#phase === 'closed') return
    this.#phase = up ? 'up' : 'away'
    if (up) {
      this.generation++
      this.refused.forget()
      for (const call of this.reconnected) call()
      for (const wake of this.#wake) wake()
    } else {
      for (const fail of this.#fail) fail(new Error('the connection was lost'))
    }
    this.#onState(up)
  }

  /** Ends early when anything has changed: the caller looks again. */
  #pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(longest)
        unwatch?.()
        this.#wake.delete(wake)
        resolve()
      }
      const longest = timer(ms, wake)?.ref()
      const unwatch = signal && onAbort(signal, wake)
      this.#wake.add(wake)
    })
  }
}
